"""Template filters of the shop, available in every template without loading."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.contrib.messages.storage.base import Message

from ecommerce.money import format_money

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """An amount as the visitor's language writes it: {{ order.total|money:order.currency }}."""
    return "" if amount is None else format_money(amount, currency or settings.CURRENCY)


@register.simple_tag(takes_context=True)
def page_query(context: dict[str, Any], number: int) -> str:
    """The address's query with another page number, for pagination links."""
    query = context["request"].GET.copy()
    query["page"] = str(number)
    if number == 1:
        del query["page"]
    return "?" + query.urlencode()


@register.filter
def errors(notices: Iterable[Message] | None) -> list[Message]:
    """Those of the notices that tell of a problem; a page about our own mistake has no notices at all."""
    return [notice for notice in notices or () if notice.level_tag == "error"]


@register.filter
def notes(notices: Iterable[Message] | None) -> list[Message]:
    """All the others."""
    return [notice for notice in notices or () if notice.level_tag != "error"]


@register.filter
def as_list(value: Any) -> list[Any]:
    """The one thing as a list of one, for snippets that take several."""
    return [value]
