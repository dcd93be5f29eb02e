"""What the page of a product shows of other rows: its pictures, its variants and other products of its category.

They are kept until a version of the page moves. A visitor with a message, who has just added the product to the cart,
gets a page that is rendered for this visitor alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from core.database.prepared import PreparedQuery
from core.page_cache.version_cache import VersionCache
from core.page_cache.versions import SITE, is_collecting, read_versions
from products.lists.cards import add_card_rows
from products.models import Category, Picture, Product, ProductQuerySet
from products.models.product import CARD_COLUMNS
from products.page_names import category_name, product_name

MAX_RELATED = 4
CANDIDATES = 6  # enough for a product and the card of its group among them
NEWEST = VersionCache(size=200)  # the candidates of a category
_PICTURES, _VARIANTS = VersionCache(size=500), VersionCache(size=500)  # of a product


@dataclass(frozen=True)
class VariantChoice:
    """One value of an option and the variant that it links to.

    `other_value` is the variant's value of the other option if that value changes too, and empty otherwise.
    """

    name: str
    product: Product
    is_current: bool
    other_value: str = ""


class Option(NamedTuple):
    """What variants differ in, for example their glaze, and one choice for each value."""

    name: str
    choices: list[VariantChoice]

    @property
    def has_pictures(self) -> bool:
        """Whether each choice leads to a variant with a picture of its own."""
        names = {choice.product.image.name for choice in self.choices} - {"", None}
        return len(names) == len(self.choices)


def pictures_of(product: Product) -> list[Picture]:
    """Return the additional pictures of the product, in their order."""
    return _PICTURES.get_or_make(product.pk, [product_name(product.slug)], lambda: _read_pictures(product))


def _read_pictures(product: Product) -> list[Picture]:
    pictures = PICTURES.rows(product=product.pk)
    # The rows are kept for all visitors, so they must not lead to what was read of this visitor's cart.
    if pictures:
        owner = Product(pk=product.pk, title=product.title, slug=product.slug)
        for picture in pictures:
            picture.product = owner
    return pictures


PICTURES = PreparedQuery(lambda product: Picture.objects.filter(product=product), product=int)


def get_variants(product: Product) -> list[Product]:
    """Return the variants of a product that are on sale, including the product itself, sorted by SKU."""
    group = product.group
    if not group:
        return []
    return _VARIANTS.get_or_make(group, [product_name(product.slug)], lambda: VARIANTS.rows(group=group))


VARIANTS = PreparedQuery(
    lambda group: (
        Product.objects.active()
        .filter(group=group)
        .only(*CARD_COLUMNS, "sku", "option", "choice", "second_option", "second_choice")
        .order_by("sku")
    ),
    group=str,
)


def get_related(product: Product) -> list[Product]:
    """Return the newest cards of the same category that are neither variants nor sold out, at most `MAX_RELATED`.

    The newest of each category are kept until one of its products changes.
    """
    category = product.category
    if category is None:
        return []
    names = [category_name(category.slug)]
    newest = NEWEST.get_or_make(category.pk, names, lambda: add_card_rows(_newest_of(category)[:CANDIDATES]))
    found = [row for row in newest if row.pk != product.pk and not (row.group and row.group == product.group)]
    return found[:MAX_RELATED]


def related_key(product: Product, related: list[Product]) -> tuple[object, ...] | None:
    """Return what decides the cards of these related products, for {% fragment %}, or None if they may be changing."""
    if product.category is None or is_collecting():
        return None
    versions = read_versions((SITE, category_name(product.category.slug)))
    return *versions.items(), *[row.pk for row in related]


def _newest_of(category: Category) -> ProductQuerySet:
    newest = Product.objects.for_product_cards().listed().filter(category=category)
    return newest.with_variant(None, None, in_stock=True)


def get_variant_options(product: Product, variants: Iterable[Product]) -> list[Option]:
    """Return the options that differ between the variants.

    Return an empty list if fewer than two variants have a choice.
    """
    named = [variant for variant in variants if variant.choice]
    if len(named) < 2:
        return []
    firsts = _choices(product, named, "choice", "second_choice")
    seconds = _choices(product, named, "second_choice", "choice")
    names = (product.option or named[0].option, product.second_option or named[0].second_option)
    return [Option(name, choices) for name, choices in zip(names, (firsts, seconds), strict=True) if len(choices) > 1]


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
