"""What views of every app need to know about a request: where it came from and where it may go next."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponseBase]


def is_same_origin(request: HttpRequest) -> bool:
    """Whether the browser itself says that a page of this very site sent the request.

    Browsers set both headers and no page can forge them (Fetch standard, sections on Origin and Sec-Fetch-Site).
    """
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        return False
    return site == "same-origin" or (site is None and origin is not None)


def same_origin_or_csrf(view: View) -> View:
    """Ask no CSRF token of a request from this site, so that shared pages need carry none; check all others."""
    checked = csrf_protect(view)

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return (view if is_same_origin(request) else checked)(request, *args, **kwargs)

    return csrf_exempt(wrapper)


def private(view: View) -> View:
    """Keep a page with somebody's data out of every cache, the browser's back button included."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        patch_cache_control(response, private=True)
        return response

    return wrapper


def next_url(request: HttpRequest, default: str) -> str:
    """The `next` of the form or address if it leads to this site, else `default` (a path)."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure() and settings.IS_TLS
    )
    return wanted if allowed and wanted.startswith("/") and wanted.isprintable() else default
