"""A shop that is not open yet: visitors see neither the catalog nor the checkout. Staff see the whole shop.

What concerns orders, accounts and the law still works, as does everything that other programs call.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from core.page_cache.sharing import View, look_up_for_view
from core.page_cache.versions import SITE, read_versions
from core.resilience.transient import is_transient
from core.shop.current import current_shop, known_shop

RETRY_SECONDS = 3600
HOME = "/"
CLOSED_PATHS = ("/products/", "/cart/", "/sitemap")
EXEMPT_PATHS = ("/cart/success/",)  # the thank-you page of an order that was paid before


class ClosedShopMiddleware:
    """Middleware that returns 503 for the catalog and the checkout while the shop is closed.

    The pages of a closed shop are not stored, because visitors must not find those that staff have seen. Those that
    were stored before are not found any more: closing the shop moves the version of all pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "is_closed_later", False) and not _is_open() and not request.user.is_staff:
            return closed(request)
        return response

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:
        """Return the answer, or None if the view answers."""
        if not is_closed_path(request.path):
            return None
        if hasattr(view, "sharing") and not settings.PAGE_CACHE and request.method in ("GET", "HEAD"):
            # The view reads the version of the shop's row together with all others, so the check after it needs no
            # query of its own. These views only read.
            request.is_closed_later = True  # type: ignore[attr-defined]
            return None
        if _is_open(lambda: _read_versions(request, view, kwargs)):
            return None
        if request.user.is_staff:
            request.is_unshared = True  # type: ignore[attr-defined]
            return None
        return closed(request)


def _is_open(prepare: Callable[[], None] = lambda: None) -> bool:
    try:
        prepare()
        return current_shop().is_open
    except Error as error:
        if is_transient(error):
            raise
        return known_shop().is_open  # there are no tables yet


def _read_versions(request: HttpRequest, view: View, arguments: Any) -> None:
    """Read all versions that the view is going to read, in one query: that of the session if the visitor has one."""
    if hasattr(view, "sharing"):
        look_up_for_view(request, view, arguments)
    elif request.session.session_key:
        request.session.keys()
    read_versions((SITE,))


def is_closed_path(path: str) -> bool:
    """Return whether this URL belongs to the catalog or the checkout."""
    return path == HOME or (path.startswith(CLOSED_PATHS) and not path.startswith(EXEMPT_PATHS))


def closed(request: HttpRequest) -> HttpResponse:
    """Return the page that says that the shop is not open yet, or JSON for a script. No cache keeps it."""
    headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": _("The shop is not open yet.")}, status=503, headers=headers)
    response = render(request, "closed.html", status=503)
    for name, value in headers.items():
        response[name] = value
    response._has_been_logged = True  # type: ignore[attr-defined] # for Django, every 503 is an error
    return response
