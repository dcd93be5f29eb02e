"""The tag for a list of product cards: {% load product_cards %}{% product_cards products eager=4 %}."""

from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

from django import template
from django.conf import settings
from django.template import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from core.money import format_money
from core.page_cache.bounded_cache import BoundedCache
from core.rendering.page_urls import slug_url, surroundings
from core.rendering.patterns import fill_pattern
from products.lists.cards import CardRows, Variant, add_card_rows
from products.models import Product
from products.models.product import availability

register = template.Library()
TEMPLATE = "products/snippets/product_card.html"
SWATCH = "products/snippets/swatch.html"
MAX_SWATCHES = 5
MAX_WORDS = 4


class Kind(NamedTuple):
    """What decides which parts a card has."""

    has_id: bool
    has_picture: bool
    has_second: bool
    is_lazy: bool
    is_sold_out: bool
    is_low: bool
    has_choices: bool
    has_swatches: bool
    has_button: bool


class SwatchKind(NamedTuple):
    """What decides which parts a swatch has."""

    is_sold_out: bool
    is_more: bool


MAX_LENGTH = 1_000_000  # characters of all cards that a process keeps
CARDS: BoundedCache[str] = BoundedCache(MAX_LENGTH, weigh=len)


@register.simple_tag(takes_context=True)
def product_cards(
    context: Context,
    products: Iterable[Product],
    eager: int = 0,
    has_buttons: bool = True,
    above: Iterable[Product] = (),
) -> SafeString:
    """Render the cards of these products. The browser loads the pictures of the first `eager` ones immediately.

    A card is kept for the values that it shows, unless it depends on the visitor or has URLs that expire. Cards have
    ids, except of products in `above`, which the page shows already.
    """
    template = get_template(TEMPLATE).template  # type: ignore[attr-defined]
    values = (settings.CURRENCY, settings.LOW_STOCK, settings.MEDIA_URL, has_buttons)
    kept_for = (template, surroundings(), *values)
    products, others = list(products), {product.pk for product in above}
    add_card_rows(product for product in products if product.card_rows is None)
    cards = []
    for number, product in enumerate(products):
        options = (number >= eager, has_buttons, product.pk not in others)
        key = (*_shown(product), options, kept_for)
        if (card := CARDS.get(key)) is None:
            kind = _kind(product, *options)
            card = _card(context, product, kind)
            if not kind.is_sold_out and product.image.has_lasting_urls:
                CARDS.add(key, card)
        cards.append(card)
    return mark_safe("".join(cards))  # noqa: S308 - the values are escaped


def _shown(product: Product) -> tuple[Any, ...]:
    """Return everything about a product that its card shows."""
    return (
        product.pk, product.slug, product.title, product.price, availability(product.stock), product.image.name,
        product.image_width, product.image_height, product.lowest_price, product.highest_price, product.card_rows,
    )  # fmt: skip


def _kind(product: Product, is_lazy: bool, has_buttons: bool, has_id: bool) -> Kind:
    rows: CardRows = product.card_rows
    is_sold_out = rows.are_sold_out if rows.variants else product.is_sold_out
    return Kind(
        has_id=has_id,
        has_picture=bool(product.image),
        has_second=bool(product.image and rows.second),
        is_lazy=is_lazy,
        is_sold_out=is_sold_out,
        is_low=product.is_low and not rows.variants,
        has_choices=bool(rows.variants),
        has_swatches=len(_pictured(rows)) > 1,
        has_button=has_buttons and not is_sold_out,
    )


def _card(context: Context, product: Product, kind: Kind) -> str:
    values = _values(product, kind)
    if kind.is_sold_out:
        values["sold_out"] = _sold_out_text(context, product)
    return fill_pattern(TEMPLATE, kind, values)


def _values(product: Product, kind: Kind) -> dict[str, str]:
    """Return the values of a card as HTML."""
    rows: CardRows = product.card_rows
    values = {
        "pk": str(product.pk),
        "url": escape(product.get_absolute_url()),
        "title": escape(product.title),
        "price": escape(_price(product)),
        "stock": str(product.stock),
    }
    if image := product.image:
        src, srcset = image.card_sources()
        values |= {"src": escape(src), "srcset": escape(srcset)}
        values |= {"width": str(product.image_width), "height": str(product.image_height)}
    if kind.has_second and rows.second:
        values["second"] = escape(rows.second.file.medium_url)
    if kind.has_swatches:
        values["choices"] = _swatches(product)
    elif kind.has_choices:
        values["choices"] = escape(_words(rows.variants))
    return values


def _price(product: Product) -> str:
    """Return the price, or the lowest one if the variants of a group have different prices."""
    if not product.card_rows.variants:
        return format_money(product.price, settings.CURRENCY)
    lowest = format_money(product.lowest_price, settings.CURRENCY)
    is_same = product.lowest_price == product.highest_price
    return lowest if is_same else gettext("from %(price)s") % {"price": lowest}


def _pictured(rows: CardRows) -> dict[str, Variant]:
    """Return the first variant of each picture. Return none if a variant has no picture."""
    if not all(variant.image.name for variant in rows.variants):
        return {}
    return {variant.image.name: variant for variant in reversed(rows.variants)}


def _swatches(product: Product) -> str:
    """Render links to variants with different pictures, and one to the product if there are more."""
    rows: CardRows = product.card_rows
    pictured = list(reversed(_pictured(rows).values()))
    is_exact = len(pictured) == len(rows.variants)
    found = [_swatch(variant, is_exact) for variant in pictured[:MAX_SWATCHES]]
    if (more := len(pictured) - MAX_SWATCHES) > 0:
        label = ngettext("%(count)d more choice", "%(count)d more choices", more) % {"count": more}
        values = {"url": escape(product.get_absolute_url()), "label": escape(label), "count": str(more)}
        found.append(fill_pattern(SWATCH, SwatchKind(is_sold_out=False, is_more=True), values))
    return "".join(found)


def _swatch(variant: Variant, is_exact: bool) -> str:
    """Render a link to a variant. Unless its picture is its own, its first choice names it."""
    label = (variant.label if is_exact else variant.choices[0] or variant.label) or variant.slug
    values = {"label": escape(label), "src": escape(variant.image.file.small_url)}
    values["url"] = escape(slug_url("products:detail", variant.slug))
    return fill_pattern(SWATCH, SwatchKind(is_sold_out=variant.is_sold_out and is_exact, is_more=False), values)


def _words(variants: tuple[Variant, ...]) -> str:
    """Return the choices in words: those of the first option that differs, or else their number."""
    for number in (0, 1):
        values = list(dict.fromkeys(variant.choices[number] for variant in variants if variant.choices[number]))
        if len(values) > 1:
            name = next((variant.options[number] for variant in variants if variant.options[number]), "")
            more = f" +{len(values) - MAX_WORDS}" if len(values) > MAX_WORDS else ""
            return f"{name}{': ' if name else ''}{', '.join(values[:MAX_WORDS])}{more}"
    count = len(variants)
    return ngettext("%(count)d choice", "%(count)d choices", count) % {"count": count}


def _sold_out_text(context: Context, product: Product) -> str:
    """Render the text of a sold-out card, which depends on the visitor."""
    sold_out = get_template("products/snippets/sold_out.html").template  # type: ignore[attr-defined]
    with context.push(product=product):
        return str(sold_out.render(context))
