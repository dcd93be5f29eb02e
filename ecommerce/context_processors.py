"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from carts.models import Cart


def shop(request: HttpRequest) -> dict[str, Any]:
    """The shop's name, the navbar's cart badge (from the session, no query of its own), the test banner."""
    return {
        "site_name": settings.SITE_NAME,
        "support_email": settings.SUPPORT_EMAIL,
        "currency": settings.CURRENCY,
        "languages": settings.LANGUAGES,  # by their own names, which Django's tag would translate
        "cart_items": Cart.objects.item_count(request),
        "is_test_shop": not settings.STRIPE_IS_REAL,
        "stripe_js_url": settings.STRIPE_JS_URL,
        "stripe_card_flow": settings.STRIPE_CARD_FLOW,
        "stripe_publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
    }
