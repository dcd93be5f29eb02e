"""Middleware for headers, work after the response, languages, versions of pages, and requests that are rejected."""

from collections.abc import Callable
from contextvars import copy_context

from csp.constants import HEADER, HEADER_REPORT_ONLY
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers, has_vary_header, patch_vary_headers

from core.background.after_response import collect_work, run_all
from core.http import permissions_policy
from core.page_cache.versions import remember_versions
from core.rendering.page_urls import keep_url_base
from core.requests.body_limits import exceeded_limit

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
GetResponse = Callable[[HttpRequest], HttpResponse]


class HeadersMiddleware:
    """Middleware that sets headers on every response and keeps personal responses out of all caches.

    A response is personal if it sets a cookie, or if the visitor has a session and the response varies by it. This also
    covers pages without the `private` decorator, such as the 404 page, which shows the number of items in the cart.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in settings.HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Permissions-Policy", permissions_policy())
        if request.method not in SAFE_METHODS or response.cookies:  # prefetched pages may no longer be true
            response.headers["Clear-Site-Data"] = '"prefetchCache"'
        keep_out_of_caches(request, response)
        return response


def keep_out_of_caches(request: HttpRequest, response: HttpResponse) -> None:
    """Set the headers that keep a personal response out of all caches."""
    has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    is_kept_out = "no-store" in response.headers.get("Cache-Control", "")
    if not is_kept_out and (response.cookies or (has_session and has_vary_header(response, "Cookie"))):
        add_never_cache_headers(response)


class ContentPolicyMiddleware(CSPMiddleware):
    """The middleware of django-csp, which builds the policy of responses without a policy of their own only once."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        policies = {HEADER: build_policy(), HEADER_REPORT_ONLY: build_policy(report_only=True)}
        self.usual = {name: policy for name, policy in policies.items() if policy}

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Set the policy. Decorators of views mark a response with another policy, and templates can use a nonce."""
        has_own = hasattr(request, "_csp_nonce") or any(name.startswith("_csp_") for name in vars(response))
        if has_own or settings.DEBUG:  # Django's error pages need other sources.
            return super().process_response(request, response)
        for name, policy in self.usual.items():
            response.headers.setdefault(name, policy)
        return response


class AfterResponseMiddleware:
    """Middleware that runs what views leave for later, when the server closes the response that it has sent."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with collect_work() as collected:
            response = self.get_response(request)
        if collected:
            close, context = response.close, copy_context()  # with the id of the request, for the log

            def run_and_close() -> None:
                context.run(run_all, collected)
                close()  # this closes the database connection

            response.close = run_and_close  # type: ignore[method-assign]
        return response


class LanguageMiddleware(LocaleMiddleware):
    """Locale middleware that sets language headers only on HTML pages.

    Caches then keep one copy of an image or a sitemap instead of one per language.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Set Content-Language and vary by Accept-Language if the response is an HTML page."""
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response


class RequestMemoryMiddleware:
    """Middleware that lets a request read each version of pages, and look up the base of URLs, only once."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with remember_versions(), keep_url_base():
            return self.get_response(request)


def has_nul(request: HttpRequest) -> bool:
    """Return whether the URL or the cookies contain a NUL byte."""
    query = (text for name, values in request.GET.lists() for text in (name, *values))
    return any("\x00" in text for text in (request.path, *query, *request.COOKIES.values()))


class RejectNulMiddleware:
    """Middleware that rejects NUL bytes in the URL or cookies with status 400.

    PostgreSQL does not accept them, so the request would end in a 500 otherwise.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if has_nul(request):
            raise SuspiciousOperation("NUL byte in URL or cookies")
        return self.get_response(request)


class BodyLimitMiddleware:
    """Middleware that rejects a request with a body that is too long with a page and status 413, before it is read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = exceeded_limit(request)
        if limit is None:
            return self.get_response(request)
        return render(request, "413.html", {"limit": limit, "next_page": "/"}, status=413)


class NotAllowedMiddleware:
    """Middleware that renders a page for Django's empty 405 response if a browser asks for HTML.

    Scripts and Stripe get the empty response.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            patch_vary_headers(response, ["Accept"])
            # Programs send `*/*`, so only an explicit text/html counts. HEAD and OPTIONS requests show no page.
            if "text/html" in request.headers.get("Accept", "") and request.method not in ("HEAD", "OPTIONS"):
                response.content = render_to_string("405.html", {"next_page": "/"}, request)
        return response
