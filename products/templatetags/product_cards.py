"""The tag for a list of product cards: {% load product_cards %}{% product_cards products eager=4 %}."""

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from django import template
from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from core.money import format_money
from core.rendering.patterns import fill_pattern
from products.models import Product

register = template.Library()


class Kind(NamedTuple):
    """What decides which parts a card has."""

    has_picture: bool
    is_lazy: bool
    is_sold_out: bool
    is_low: bool
    has_button: bool


@register.simple_tag(takes_context=True)
def product_cards(
    context: Context, products: Iterable[Product], eager: int = 0, has_buttons: bool = True
) -> SafeString:
    """Render the cards of these products. The browser loads the pictures of the first `eager` ones immediately."""
    cards = []
    for number, product in enumerate(products):
        kind = Kind(
            has_picture=bool(product.image),
            is_lazy=number >= eager,
            is_sold_out=product.is_sold_out,
            is_low=product.is_low,
            has_button=has_buttons and not product.is_sold_out,
        )
        values = _values(product)
        if kind.is_sold_out:
            values["sold_out"] = _sold_out_text(context, product)
        cards.append(fill_pattern("products/snippets/product_card.html", kind, values))
    return mark_safe("".join(cards))  # noqa: S308 - the values are escaped


def _values(product: Product) -> dict[str, str]:
    """Return the values of a card as HTML."""
    values = {
        "pk": str(product.pk),
        "url": escape(product.get_absolute_url()),
        "title": escape(product.title),
        "price": escape(format_money(product.price, settings.CURRENCY)),
        "stock": str(product.stock),
    }
    if image := product.image:
        src, srcset = image.card_sources()
        values |= {"src": escape(src), "srcset": escape(srcset)}
        values |= {"width": str(product.image_width), "height": str(product.image_height)}
    return values


def _sold_out_text(context: Context, product: Product) -> str:
    """Render the text of a sold-out card, which depends on the visitor."""
    sold_out = get_template("products/snippets/sold_out.html").template  # type: ignore[attr-defined]
    with context.push(product=product):
        return str(sold_out.render(context))
