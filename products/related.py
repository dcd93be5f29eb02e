"""Related products: the variants of a product and other products of its category."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.rendering.prepared import PreparedQuery
from products.models import Product, ProductQuerySet
from products.models.product import CARD_COLUMNS

MAX_RELATED = 4
# What cards and links to variants show. All parts of a union must have the same columns.
COLUMNS = (*CARD_COLUMNS, "sku", "group", "option", "choice", "second_option", "second_choice")


@dataclass(frozen=True)
class VariantChoice:
    """One value of an option and the variant that it links to.

    `other_value` is the variant's value of the other option if that value changes too, and empty otherwise.
    """

    name: str
    product: Product
    is_current: bool
    other_value: str = ""


def get_variants_and_related(product: Product) -> tuple[list[Product], list[Product]]:
    """Return the variants of a product and related products of its category, in one query.

    The variants include the product itself and are sorted by SKU. The related products are the newest of the same
    category that are neither variants nor sold out, at most `MAX_RELATED` of them.
    """
    if not product.group:
        related = RELATED.rows(product=product.pk, category=product.category_id) if product.category_id else []
        return [], sorted(related, key=lambda row: row.pk, reverse=True)
    rows = Product.objects.active().filter(group=product.group).only(*COLUMNS)
    if product.category_id:  # On SQLite, the parts of a union cannot have a limit.
        newest = _get_newest_related(product.pk, product.category_id).exclude(group=product.group)[:MAX_RELATED]
        rows = rows.union(Product.objects.filter(pk__in=newest.values("pk")).only(*COLUMNS), all=True)
    products = list(rows)
    variants = [row for row in products if row.group == product.group]
    related = [row for row in products if row not in variants]
    return sorted(variants, key=lambda row: row.sku), sorted(related, key=lambda row: row.pk, reverse=True)


def _get_newest_related(product: int, category: int) -> ProductQuerySet:
    others = Product.objects.active().filter(category=category).exclude(pk=product).exclude(stock=0)
    return others.newest_first().only(*COLUMNS)


RELATED = PreparedQuery(
    lambda product, category: _get_newest_related(product, category)[:MAX_RELATED], "product", "category"
)


def get_variant_options(product: Product, variants: Iterable[Product]) -> list[tuple[str, list[VariantChoice]]]:
    """Return the options that differ between the variants, each as its name and its choices.

    Return an empty list if fewer than two variants have a choice.
    """
    named = [variant for variant in variants if variant.choice]
    if len(named) < 2:
        return []
    firsts = _choices(product, named, "choice", "second_choice")
    seconds = _choices(product, named, "second_choice", "choice")
    names = (product.option or named[0].option, product.second_option or named[0].second_option)
    return [(name, choices) for name, choices in zip(names, (firsts, seconds), strict=True) if len(choices) > 1]


def _choices(product: Product, variants: list[Product], field: str, other: str) -> list[VariantChoice]:
    """Return one choice for each value of `field`.

    A choice links to the variant that has the same value of `other` as this product, or else to the first variant.
    """
    by_value: dict[str, list[Product]] = {}
    for variant in variants:
        if value := getattr(variant, field):
            by_value.setdefault(value, []).append(variant)
    own_value = getattr(product, other)
    choices = []
    for value, candidates in by_value.items():
        best = next((variant for variant in candidates if getattr(variant, other) == own_value), candidates[0])
        other_value = getattr(best, other)
        choices.append(
            VariantChoice(
                value, best, value == getattr(product, field), "" if other_value == own_value else other_value
            )
        )
    return choices
