"""What the sections of the home page show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.page_cache.version_cache import VersionCache
from core.rendering.page_urls import page_url
from core.times import shop_date, start_of_day
from products.lists.cards import add_card_rows
from products.lists.highlights import LENGTH, MOST_BOUGHT, NEWEST
from products.models import Category, HomeSection, Product
from products.models.product import CARD_COLUMNS
from products.page_names import HOME, PRODUCTS

Kind = HomeSection.Kind
USUAL = (Kind.PICTURE, Kind.CATEGORIES, Kind.NEWEST, Kind.MOST_BOUGHT)  # the sections of a shop that has no rows
HEADINGS = {
    Kind.CATEGORIES: _("Shop by category"),
    Kind.NEWEST: _("New in the shop"),
    Kind.MOST_BOUGHT: _("Best sellers"),
}
CATEGORIES = VersionCache(size=4)
ROWS = VersionCache(size=4)
PRODUCTS_SHOWN = VersionCache(size=40)  # the products of a section, with what their cards show of other rows


@dataclass(frozen=True)
class Section:
    """A section with what its template shows. `url` is where its button leads."""

    row: HomeSection
    heading: Any = ""
    url: str = ""
    products: list[Product] = field(default_factory=list)
    above: list[Product] = field(default_factory=list)  # the products of sections above, whose cards have ids
    categories: list[tuple[Category, Product | None]] = field(default_factory=list)

    @property
    def template(self) -> str:
        """The name of the template of this kind."""
        return f"home/{'products' if self.products else self.row.kind}.html"


def sections(today: date) -> list[Section]:
    """Return the sections that the home page has on this day, without those that would be empty."""
    found: list[Section] = []
    products: list[Product] = []
    for row in _rows():
        if row.is_shown_on(today) and (section := _section(row)):
            found.append(replace(section, above=[*products]))
            products += section.products
    add_card_rows(product for product in products if product.card_rows is None)
    return found


def sections_expire(today: date) -> datetime | None:
    """Return when the page changes without a change of a row: at the next first or after the next last day, if any."""
    return min((start_of_day(day) for day in _boundaries() if day > today), default=None)


def shop_today() -> date:
    """Return today's date in the shop's time zone."""
    return shop_date(timezone.now())


def _rows() -> list[HomeSection]:
    """Return the rows of the sections, or unsaved rows of the usual ones if there are none."""
    read = lambda: list(HomeSection.objects.select_related("category"))  # noqa: E731
    return ROWS.get_or_make("rows", (HOME,), read) or [HomeSection(kind=kind) for kind in USUAL]


def _boundaries() -> Iterator[date]:
    for row in _rows():
        if row.is_shown:
            yield from filter(None, [row.starts, row.ends and row.ends + timedelta(days=1)])


def _section(row: HomeSection) -> Section | None:
    """Return the section of this row, or None if it has nothing to show."""
    heading, url = row.title or HEADINGS.get(Kind(row.kind), ""), page_url("products:list")
    url = row.category.get_absolute_url() if row.category else url
    if row.kind == Kind.CATEGORIES:
        found = categories_with_images()
        return Section(row, heading, url, categories=found) if found else None
    if row.kind in PRODUCTS_OF:
        read = partial(PRODUCTS_OF[Kind(row.kind)], row)
        products = PRODUCTS_SHOWN.get_or_make((row.kind, row.pk, row.skus), (HOME, PRODUCTS), read)
        return Section(row, heading, url, products=products) if products else None
    return Section(row, heading, url)


def _newest(row: HomeSection) -> list[Product]:
    """Return the newest products that are not sold out, of the category of the section if it has one."""
    if not row.category:
        return NEWEST.rows()
    inside = Category.objects.tree().subtree_ids(row.category)
    products = Product.objects.for_product_cards().listed().with_variant(None, None, in_stock=True)
    return list(products.filter(category__in=inside)[:LENGTH])


def _chosen(row: HomeSection) -> list[Product]:
    """Return the products of the section that are on sale in the order of their codes, or the newest of a category."""
    codes = row.product_codes
    if not codes:
        return _newest(row)
    found = {
        product.sku: product for product in Product.objects.active().filter(sku__in=codes).only(*CARD_COLUMNS, "sku")
    }
    return [found[code] for code in codes if code in found]


def categories_with_images() -> list[tuple[Category, Product | None]]:
    """Return categories, each with a product whose image represents it.

    These are the categories that directly contain a product with an image and no such category, so that all are of one
    level. If there are none or more than LENGTH, return the top-level categories with products on sale instead; the
    product is then None if none has an image.
    """
    return CATEGORIES.get_or_make("with images", (PRODUCTS,), _categories_with_images)


def _categories_with_images() -> list[tuple[Category, Product | None]]:
    with_picture = Product.objects.for_product_cards().exclude(image="").filter(category=OuterRef("pk"))
    newest = Category.objects.annotate(shown=Subquery(with_picture.values("pk")[:1])).values_list("pk", "shown")
    shown = {category: product for category, product in newest if product}
    rows, tree = Product.objects.for_product_cards().in_bulk(shown.values()), Category.objects.tree().without_empty()
    above = {row.pk for pk in shown for row in tree.path_to(tree.find_by_id(pk))[:-1]}
    lowest = [category for category in tree.walk() if category.pk in shown and category.pk not in above]
    direct = [(category, rows[shown[category.pk]]) for category in lowest]
    if 0 < len(direct) <= LENGTH:
        return [*direct]
    branches = {
        category: [shown[pk] for pk in tree.subtree_ids(category) if pk in shown] for category in tree.children(None)
    }
    return [(category, rows[max(products)] if products else None) for category, products in branches.items()]


PRODUCTS_OF: dict[HomeSection.Kind, Callable[[HomeSection], list[Product]]] = {
    Kind.NEWEST: _newest,
    Kind.MOST_BOUGHT: lambda row: MOST_BOUGHT.rows(),
    Kind.PRODUCTS: _chosen,
}
