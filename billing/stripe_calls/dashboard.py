"""URLs of pages in Stripe's dashboard. There are none for payments that were made with the simulator."""

from urllib.parse import quote

from django.conf import settings

from billing.stripe_calls.keys import is_test

DASHBOARD = "https://dashboard.stripe.com"


def payment_url(intent_id: str | None) -> str:
    """Return the URL of the payment with this PaymentIntent, or an empty string if it has no page."""
    return _url("payments", intent_id)


def dispute_url(dispute_id: str) -> str:
    """Return the URL of a dispute, or an empty string if it has no page."""
    return _url("disputes", dispute_id)


def _url(kind: str, object_id: str | None) -> str:
    if not object_id or not settings.STRIPE_IS_REAL:
        return ""
    mode = "/test" if is_test(settings.STRIPE_SECRET_KEY) else ""
    return f"{DASHBOARD}{mode}/{kind}/{quote(object_id, safe='')}"
