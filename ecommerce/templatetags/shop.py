"""Template filters of the shop, available in every template without loading."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.utils import translation
from django.utils.encoding import escape_uri_path
from django.utils.safestring import SafeString, mark_safe

from ecommerce import links
from ecommerce.money import format_money, format_percent

register = template.Library()
HARMLESS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}  # in a script element, as JSON writes them


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """An amount as the visitor's language writes it: {{ order.total|money:order.currency }}."""
    return "" if amount is None else format_money(amount, currency or settings.CURRENCY)


@register.filter
def percent(rate: Decimal) -> str:
    """A rate as the visitor's language writes it: {{ order.tax_rate|percent }}."""
    return format_percent(rate)


@register.simple_tag(takes_context=True)
def page_query(context: dict[str, Any], number: int) -> str:
    """The address's query with another page number, for pagination links; without fields that were left empty."""
    query = context["request"].GET.copy()
    for name in [name for name, value in query.items() if not value]:
        del query[name]
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


@register.simple_tag(takes_context=True)
def error_at(context: dict[str, Any], *place: Any) -> str:
    """What the summary says about the field of this id, to be said there once more; the parts of the id are joined."""
    wanted = "".join(map(str, place))
    return next((str(notice) for notice in errors(context.get("messages")) if notice.extra_tags == wanted), "")


@register.filter
def as_list(value: Any) -> list[Any]:
    """The one thing as a list of one, for snippets that take several."""
    return [value]


@register.filter
def absolute(path: str) -> str:
    """The whole address of a path of this site."""
    return links.absolute(path)


@register.simple_tag(takes_context=True)
def canonical(context: dict[str, Any], **query: Any) -> str:
    """The one address under which this page should be known, with these parameters alone."""
    return links.canonical(escape_uri_path(context["request"].path), **query)


@register.simple_tag
def catalogue_lang() -> SafeString:
    """The attribute for words of the catalogue on a page in another language, so that they are read out rightly."""
    is_same = translation.get_language() == settings.LANGUAGE_CODE
    return mark_safe("" if is_same else f' lang="{settings.LANGUAGE_CODE}"')  # noqa: S308 - a setting


@register.filter
def as_json(data: Any) -> SafeString:
    """Data for a script element of a JSON type: no sign in it can end the element."""
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(HARMLESS))  # noqa: S308 - made harmless above
