"""Security headers of the pages that load Stripe or the simulator."""

from functools import lru_cache, wraps
from typing import Any
from urllib.parse import urlsplit

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.http import View, permissions_policy

STRIPE_SCRIPTS = ["https://js.stripe.com", "https://*.js.stripe.com"]
# 3-D Secure shows a page of the shopper's bank in a frame inside Stripe's frame. That page can ask for a passkey.
STRIPE_FEATURES = ["payment", "publickey-credentials-get"]


def payment_sources() -> dict[str, list[str]]:
    """Return the additional CSP sources of a payment page (docs.stripe.com/security/guide)."""
    if settings.STRIPE_IS_REAL:
        frames = [*STRIPE_SCRIPTS, "https://hooks.stripe.com"]
        return {"script-src": STRIPE_SCRIPTS, "frame-src": frames, "connect-src": ["https://api.stripe.com"]}
    parts = urlsplit(settings.STRIPE_API_BASE)
    simulator = [f"{parts.scheme}://{parts.netloc}"]
    return {"script-src": simulator, "frame-src": simulator, "connect-src": simulator}


@lru_cache(maxsize=8)
def _policy(sources: tuple[tuple[str, ...], ...]) -> str:
    """Return the policy of a payment page with these additional sources: the name of the directive, and its values."""
    return build_policy(update={name: list(values) for name, *values in sources})


def payment_page(view: View) -> View:
    """Allow this view's page to load Stripe's script and frames. All other pages load only from the shop."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers[HEADER] = _policy(tuple((name, *sources) for name, sources in payment_sources().items()))
        response.headers["Permissions-Policy"] = permissions_policy(*STRIPE_FEATURES)
        return response

    return wrapper
