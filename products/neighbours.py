"""What stands around a product: its variants, and others of its shelf."""

from collections.abc import Iterable
from dataclasses import dataclass

from products.models import Product

MOST_RELATED = 4


@dataclass(frozen=True)
class Choice:
    """One value of an option and where it leads; `but` names what else changes with it."""

    name: str
    product: Product
    is_current: bool
    but: str = ""


def neighbours(product: Product) -> tuple[list[Product], list[Product]]:
    """The variants of a product by SKU, itself among them, and others of its category, in one query."""
    rows, parts = Product.objects.active(), []
    if product.group:
        parts.append(rows.filter(group=product.group))
    if product.category_id:
        others = rows.filter(category=product.category_id).exclude(pk=product.pk).exclude(stock=0)
        others = others.exclude(group=product.group) if product.group else others
        newest = others.newest_first().values("pk")[:MOST_RELATED]
        parts.append(Product.objects.filter(pk__in=newest))
    found = list(parts[0].union(*parts[1:], all=True)) if parts else []
    variants = [row for row in found if product.group and row.group == product.group]
    related = [row for row in found if row not in variants]
    return sorted(variants, key=lambda row: row.sku), sorted(related, key=lambda row: row.pk, reverse=True)


def options(product: Product, variants: Iterable[Product]) -> list[tuple[str, list[Choice]]]:
    """What can be chosen among the variants: names such as Colour, each with its choices, as links for the page."""
    named = [variant for variant in variants if variant.choice]
    if len(named) < 2:
        return []
    firsts = _choices(product, named, "choice", "second_choice")
    seconds = _choices(product, named, "second_choice", "choice")
    names = (product.option or named[0].option, product.second_option or named[0].second_option)
    return [(name, choices) for name, choices in zip(names, (firsts, seconds), strict=True) if len(choices) > 1]


def _choices(product: Product, variants: list[Product], field: str, other: str) -> list[Choice]:
    """Each value once; it leads to the variant that is like this product otherwise, or else to the first there is."""
    by_value: dict[str, list[Product]] = {}
    for variant in variants:
        if value := getattr(variant, field):
            by_value.setdefault(value, []).append(variant)
    mine = getattr(product, other)
    found = []
    for value, those in by_value.items():
        best = next((variant for variant in those if getattr(variant, other) == mine), those[0])
        theirs = getattr(best, other)
        found.append(Choice(value, best, value == getattr(product, field), "" if theirs == mine else theirs))
    return found
