"""Context processors available in every template."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import lazy

from core.shop.current import shop_without_fail
from orders.views.unpaid_orders import UnpaidOrders


@lazy
def _name() -> str:
    return shop_without_fail().name


@lazy
def _email() -> str:
    return shop_without_fail().email


def shop(request: HttpRequest) -> dict[str, Any]:
    """Return the context for all pages: the shop, languages, unpaid orders and Stripe."""
    return {
        "shop": cache(shop_without_fail),  # called by the templates that use it; a lazy object takes far longer
        "site_name": _name(),
        "support_email": _email(),
        "currency": settings.CURRENCY,
        "languages": settings.LANGUAGES,  # in their own language; Django's tag would translate the names
        "unpaid_orders": UnpaidOrders(request),  # read when a template uses it
        "is_test_shop": not settings.STRIPE_IS_REAL,
        "stripe_js_url": settings.STRIPE_JS_URL,
        "stripe_card_flow": settings.STRIPE_CARD_FLOW,
        "stripe_publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
    }
