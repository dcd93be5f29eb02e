"""Request helpers for all apps: origin checks, redirects, cache headers, routes and client IP addresses."""

from collections.abc import Callable
from functools import wraps
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.cache import add_never_cache_headers
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponseBase]
UNKNOWN_IP = "0.0.0.0"  # noqa: S104 - stands for "unknown", nothing is bound to it


def is_same_origin(request: HttpRequest) -> bool:
    """Check whether the browser reports that a page of this site sent the request.

    Browsers set both headers, and pages cannot forge them (Fetch standard, sections on Origin and Sec-Fetch-Site).
    """
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        return False
    return site == "same-origin" or (site is None and origin is not None)


def is_prefetch(request: HttpRequest) -> bool:
    """Return whether the browser requests a page that the visitor has not opened yet."""
    return "prefetch" in request.META.get("HTTP_SEC_PURPOSE", "")


def same_origin_or_csrf(view: View) -> View:
    """Require a CSRF token only if the request is not from this site, so that cached pages do not need a token."""
    checked = csrf_protect(view)

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return (view if is_same_origin(request) else checked)(request, *args, **kwargs)

    return csrf_exempt(wrapper)


def private(view: View) -> View:
    """Keep a page with personal data out of all caches, including the browser's back-forward cache."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return wrapper


def permissions_policy(*allowed: str) -> str:
    """Return a Permissions-Policy header that disables settings.REFUSED_FEATURES except the `allowed` features.

    It applies to pages and their frames.
    """
    return ", ".join(f"{feature}=()" for feature in settings.REFUSED_FEATURES if feature not in allowed)


def next_url(request: HttpRequest, default: str) -> str:
    """Return the `next` parameter of the form or the URL if it leads to this site, else `default` (a path)."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure() and settings.IS_TLS
    )
    return target if allowed and target.startswith("/") and target.isprintable() else default


def route_of(request: HttpRequest) -> str:
    """Return the URL pattern of this request, such as `/orders/<slug:order_id>/`, for logs. It has no values.

    Return an empty string if no pattern matches.
    """
    # Middleware can answer before Django has looked for the view.
    return f"/{request.resolver_match.route}" if request.resolver_match else route_of_path(request.path_info)


def route_of_path(path: str) -> str:
    """Return the URL pattern of this path, or an empty string if no pattern matches."""
    try:
        return f"/{resolve(path).route}"
    except Resolver404:
        return ""


def client_ip(request: HttpRequest) -> str:
    """Return the client's IP address for rate limits: an IPv4 address, or the first address of an IPv6 /64 network.

    `X-Forwarded-For` is used only behind settings.TRUSTED_PROXIES proxies, and only the entry that the outermost proxy
    appended, because the client can forge the entries before that. Return UNKNOWN_IP if the address is unknown.
    """
    direct = request.META.get("REMOTE_ADDR", "")
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    proxies = settings.TRUSTED_PROXIES
    forwarded = hops[-proxies] if 0 < proxies <= len(hops) else ""
    return _normalize_ip(forwarded) or _normalize_ip(direct) or UNKNOWN_IP


def client_key(request: HttpRequest) -> str:
    """Return a keyed hash of the client's IP address, which rate limit rows store instead of the address.

    It has 64 hexadecimal digits and cannot be reproduced without the secret key.
    """
    return salted_hmac("ecommerce.client", client_ip(request), algorithm="sha256").hexdigest()


def session_hash(request: HttpRequest) -> str:
    """Return a keyed hash of the session key, which rate limit rows store instead of the key.

    It has 64 hexadecimal digits. All requests without a session have the same hash.
    """
    return salted_hmac("ecommerce.session", request.session.session_key or "", algorithm="sha256").hexdigest()


def _strip_port(text: str) -> str:
    if text.startswith("["):  # [2001:db8::1]:443
        return text[1:].partition("]")[0]
    if text.count(":") == 1:  # 192.0.2.1:443
        return text.partition(":")[0]
    return text


def _normalize_ip(text: str) -> str:
    """Return the IP address without a port, or an empty string if it is invalid.

    An IPv6 address is reduced to its /64 network, because one subscriber usually owns the whole network.
    """
    try:
        address = ip_address(_strip_port(text.strip()))
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False).network_address)
