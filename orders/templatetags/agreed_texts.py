"""The texts that the shopper of an order agreed to."""

from django import template

from carts.pricing.agreement import TEXTS
from core.models import PageText
from orders.models import Order

register = template.Library()


@register.filter
def agreed_texts(order: Order) -> list[PageText]:
    """Return the agreed versions without their content, in one query, or without one if there are none."""
    keys = [getattr(order, f"{name}_id") for name in TEXTS.values()]
    found = PageText.objects.defer("source", "text").in_bulk([key for key in keys if key]) if any(keys) else {}
    return [found[key] for key in keys if key in found]
