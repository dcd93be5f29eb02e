"""What holds for every request: its answer's headers, and a refusal of what no page could answer well."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers, has_vary_header, patch_vary_headers

from ecommerce.http import permissions_policy

GetResponse = Callable[[HttpRequest], HttpResponse]


class HeadersMiddleware:
    """Sets the headers of every answer, and keeps what one visitor alone may see out of all caches.

    That is an answer that sets a cookie, or that may differ by the session of a visitor who has one: pages that need
    no `private` of their own are safe too, such as the 404 with the number of items in the visitor's cart.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in settings.HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Permissions-Policy", permissions_policy())
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        if response.cookies or (has_session and has_vary_header(response, "Cookie")):
            add_never_cache_headers(response)
        return response


class LanguageMiddleware(LocaleMiddleware):
    """Django's, but it marks pages alone: of a picture or a sitemap a cache needs one copy, not one a language."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Name the page's language, and tell caches that it depends on what the browser asks for."""
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response


class CleanPathMiddleware:
    """Answers 400 to a NUL byte in address or cookies: PostgreSQL refuses it, which would otherwise end in a 500."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = (text for name, values in request.GET.lists() for text in (name, *values))
        if any("\x00" in text for text in (request.path, *query, *request.COOKIES.values())):
            raise SuspiciousOperation("NUL byte in URL or cookies")
        return self.get_response(request)


class NotAllowedMiddleware:
    """Makes the 405 that Django leaves empty a page of the shop, for browsers: scripts and Stripe do not read pages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            patch_vary_headers(response, ["Accept"])
            # Named, for `*/*` is what programs send; and neither HEAD nor OPTIONS is a visitor in front of a page.
            if "text/html" in request.headers.get("Accept", "") and request.method not in ("HEAD", "OPTIONS"):
                response.content = render_to_string("405.html", {"next_page": "/"}, request)
        return response
