"""The pages that may load Stripe (or the simulator), and what of it."""

from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings

if settings.STRIPE_IS_REAL:
    _scripts = ["https://js.stripe.com", "https://*.js.stripe.com"]
    _frames = [*_scripts, "https://hooks.stripe.com"]
    _connect = ["https://api.stripe.com"]
else:
    _parts = urlsplit(settings.STRIPE_API_BASE)
    _scripts = _frames = _connect = [f"{_parts.scheme}://{_parts.netloc}"]

# Lets a view load Stripe's script and frames; every other page of the shop knows only itself.
payment_page = csp_update({"script-src": _scripts, "frame-src": _frames, "connect-src": _connect})
