"""What views of every app need to know about a request: where it came from and where it may go next."""

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponseBase]
NO_ADDRESS = "0.0.0.0"  # noqa: S104 - stands for "unknown", nothing is bound to it


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
        return response

    return wrapper


def permissions_policy(*allowed: str) -> str:
    """The header that refuses pages and their frames every feature of settings.REFUSED_FEATURES but the `allowed`."""
    return ", ".join(f"{feature}=()" for feature in settings.REFUSED_FEATURES if feature not in allowed)


def next_url(request: HttpRequest, default: str) -> str:
    """The `next` of the form or address if it leads to this site, else `default` (a path)."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure() and settings.IS_TLS
    )
    return wanted if allowed and wanted.startswith("/") and wanted.isprintable() else default


def client_address(request: HttpRequest) -> str:
    """Where the request came from, for limits: an IPv4 address, or the first address of an IPv6 /64.

    `X-Forwarded-For` counts only behind settings.TRUSTED_PROXIES proxies, and only the entry that the outermost of
    them wrote: what stands left of it is whatever the client typed.
    """
    direct = request.META.get("REMOTE_ADDR", "")
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    proxies = settings.TRUSTED_PROXIES
    forwarded = hops[-proxies] if 0 < proxies <= len(hops) else ""
    return _normal_address(forwarded) or _normal_address(direct) or NO_ADDRESS


def client_key(request: HttpRequest) -> str:
    """What rows that count requests keep instead of the address: 64 hex digits, meaningless without our secret key."""
    return salted_hmac("ecommerce.client", client_address(request), algorithm="sha256").hexdigest()


def _normal_address(text: str) -> str:
    """The address without its port; "" if it is none. A subscriber owns a whole /64, so that counts as one."""
    text = text.strip()
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:443
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False).network_address)
