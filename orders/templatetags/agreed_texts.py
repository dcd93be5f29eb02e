"""The texts that the shopper of an order agreed to."""

from django import template

from carts.pricing.agreement import TEXTS
from core.database.prepared import PreparedQuery
from core.models import PageText
from orders.models import Order

register = template.Library()
WITHOUT_CONTENT: PreparedQuery[PageText] = PreparedQuery(
    lambda **keys: PageText.objects.filter(pk__in=keys.values()).defer("source", "text"),
    **{f"{name}_id": int for name in TEXTS.values()},
)


@register.filter
def agreed_texts(order: Order) -> list[PageText]:
    """Return the agreed versions without their content, in one query, or without one if there are none."""
    keys = {f"{name}_id": getattr(order, f"{name}_id") or 0 for name in TEXTS.values()}
    found = {text.pk: text for text in WITHOUT_CONTENT.rows(**keys)} if any(keys.values()) else {}
    return [found[key] for key in keys.values() if key in found]
