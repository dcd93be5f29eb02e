"""What the cards of a list show of other rows: the variants of a group, and the first additional picture."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connection

from products.models import Picture, Product

VARIANTS = """SELECT 0, category_id, "group", sku, slug, "option", choice, second_option, second_choice, stock,
           image, image_width, image_height
    FROM products_product WHERE active AND "group" IN ({groups}) UNION ALL
"""
PICTURES = """SELECT id, product_id, '', '', '', '', '', '', '', position, image, image_width, image_height
    FROM products_picture WHERE product_id IN ({products}) AND image <> ''
"""


class CardImage(NamedTuple):
    """An image file with its size in pixels."""

    name: str
    width: int | None
    height: int | None

    @property
    def file(self) -> Any:
        """The image with its renditions."""
        return Picture(image=self.name, image_width=self.width, image_height=self.height).image


class Variant(NamedTuple):
    """A variant on sale, as the card of its group shows it."""

    slug: str
    options: tuple[str, str]
    choices: tuple[str, str]
    is_sold_out: bool
    image: CardImage

    @property
    def label(self) -> str:
        return ", ".join(filter(None, self.choices))


class CardRows(NamedTuple):
    """The variants of a group by SKU, none for a single product, and the second picture of the product."""

    variants: tuple[Variant, ...] = ()
    second: CardImage | None = None

    @property
    def are_sold_out(self) -> bool:
        return all(variant.is_sold_out for variant in self.variants)


def add_card_rows(products: Iterable[Product]) -> list[Product]:
    """Set `card_rows` of these products, in one statement, and return them."""
    products = list(products)
    if not products:
        return products
    groups, pictures = _read({row.group for row in products} - {""}, {row.pk for row in products})
    for product in products:
        variants = groups.get((product.category_id, product.group), ()) if product.group else ()
        product.card_rows = CardRows(tuple(variants) if len(variants) > 1 else (), pictures.get(product.pk))
    return products


def _read(names: set[str], pks: set[int]) -> tuple[dict[object, list[Variant]], dict[int, CardImage]]:
    """Return the variants by group, and the first additional picture of each product."""
    sql = VARIANTS.format(groups=", ".join(["%s"] * len(names))) if names else ""
    with connection.cursor() as cursor:
        # Lists must be fast, so this avoids the time that the ORM takes to make a query and its rows.
        cursor.execute(sql + PICTURES.format(products=", ".join(["%s"] * len(pks))), [*names, *pks])
        rows = cursor.fetchall()
    groups: dict[object, list[Variant]] = defaultdict(list)
    for _kind, category, group, _sku, slug, option, choice, second_option, second_choice, stock, *image in sorted(
        (row for row in rows if not row[0]), key=lambda row: row[3]
    ):
        options, choices = (option, second_option), (choice, second_choice)
        groups[category, group].append(Variant(slug, options, choices, stock == 0, CardImage(*image)))
    pictures: dict[int, CardImage] = {}
    for row in sorted((row for row in rows if row[0]), key=lambda row: (row[9], row[0])):
        pictures.setdefault(row[1], CardImage(*row[10:]))
    return groups, pictures
