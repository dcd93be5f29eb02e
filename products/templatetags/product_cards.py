"""The tag for a list of product cards: {% load product_cards %}{% product_cards products eager=4 %}."""

from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from django import template
from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from core.money import format_money
from core.page_cache.bounded_cache import BoundedCache
from core.rendering.page_urls import surroundings
from core.rendering.patterns import fill_pattern
from products.models import Product
from products.models.product import availability

register = template.Library()
TEMPLATE = "products/snippets/product_card.html"


class Kind(NamedTuple):
    """What decides which parts a card has."""

    has_picture: bool
    is_lazy: bool
    is_sold_out: bool
    is_low: bool
    has_button: bool


MAX_LENGTH = 1_000_000  # characters of all cards that a process keeps
CARDS: BoundedCache[str] = BoundedCache(MAX_LENGTH, weigh=len)


@register.simple_tag(takes_context=True)
def product_cards(
    context: Context, products: Iterable[Product], eager: int = 0, has_buttons: bool = True
) -> SafeString:
    """Render the cards of these products. The browser loads the pictures of the first `eager` ones immediately.

    A card is kept for the values that it shows, unless it depends on the visitor or has URLs that expire.
    """
    template = get_template(TEMPLATE).template  # type: ignore[attr-defined]
    values = (settings.CURRENCY, settings.LOW_STOCK, settings.MEDIA_URL, has_buttons)
    kept_for = (template, surroundings(), *values)
    cards = []
    for number, product in enumerate(products):
        is_lazy = number >= eager
        key = (*_shown(product), is_lazy, kept_for)
        if (card := CARDS.get(key)) is None:
            card = _card(context, product, is_lazy, has_buttons)
            if not product.is_sold_out and product.image.has_lasting_urls:
                CARDS.add(key, card)
        cards.append(card)
    return mark_safe("".join(cards))  # noqa: S308 - the values are escaped


def _shown(product: Product) -> tuple[Any, ...]:
    """Return everything about a product that its card shows."""
    return (
        product.pk, product.slug, product.title, product.price, availability(product.stock), product.image.name,
        product.image_width, product.image_height,
    )  # fmt: skip


def _card(context: Context, product: Product, is_lazy: bool, has_buttons: bool) -> str:
    kind = Kind(
        has_picture=bool(product.image),
        is_lazy=is_lazy,
        is_sold_out=product.is_sold_out,
        is_low=product.is_low,
        has_button=has_buttons and not product.is_sold_out,
    )
    values = _values(product)
    if kind.is_sold_out:
        values["sold_out"] = _sold_out_text(context, product)
    return fill_pattern(TEMPLATE, kind, values)


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
