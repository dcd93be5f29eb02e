"""Structural tests: everything that a catalog page shows moves a version on which the page depends.

They render every kind of catalog page, record what it reads, and change every column of every row. So they notice a new
column on a page before it is declared in `columns.shown`, and a declared column whose change moves the wrong versions.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from carts.models.rates import Discount, ShippingMethod, TaxRate
from core.models import Page, PageText
from core.page_cache.row_changes import RULES
from core.page_cache.shown_rows import ShownModel, ShownQuerySet
from core.page_cache.version_cache import VersionCache
from core.page_cache.versions import SITE
from core.pages.publishing import publish
from core.shop.models import Shop
from ecommerce.home_sections import shop_today
from products.models import Category, HomeSection, Picture, Product
from products.page_names import HOME, PRODUCTS
from tests.admin_forms import open_form
from tests.makers import make_discount, make_paid_order, make_product, make_shop, make_tax
from tests.moved_versions import moved_versions

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CATALOG: list[type[ShownModel]] = [Product, Category, Picture, HomeSection, Page, PageText, Shop]
SHOWN = [*CATALOG, ShippingMethod, TaxRate]  # the models whose columns pages show
# Each page, with the versions on which it depends besides SITE.
PAGES = {
    "/": {PRODUCTS, HOME},
    "/products/": {PRODUCTS},
    "/products/?category=mugs": {"category:mugs"},
    "/products/?category=kitchen": {"category:kitchen"},
    "/products/?price_from=1&in_stock=1&sort=price": {PRODUCTS},
    "/products/?in_stock=1&sort=bought": {PRODUCTS},
    "/products/?q=mug": {PRODUCTS},
    "/products/?q=mgu": {PRODUCTS},
    "/products/teal-mug/": {"product:teal-mug", "category:mugs"},
    "/products/grey-mug/": {"product:grey-mug", "category:living"},
    "/products/plain-mug/": {"product:plain-mug", "category:mugs"},
    "/pages/terms/": set(),
}
# Other tables that pages read: the quantity in the visitor's cart, which is not shared, and the words of corrections,
# which only grow together with titles.
OTHER_TABLES = {"carts_cart", "carts_cartitem", "products_spelling"}
NEVER_CHANGED = {PageText}  # a new row moves the versions
# Other values for columns whose next value would change nothing that a page shows, or be rejected.
OTHER: dict[str, Any] = {
    "home_picture": "", "tall_picture": "", "position": 99, "uses": 5, "country": "IE", "region": "", "kind": "amount",
}  # fmt: skip


def add_pages() -> None:
    """Publish two pages, of which the first is in the footer."""
    for kind in ("terms", "imprint"):
        column = "help" if kind == "terms" else ""
        publish(Page.objects.create(kind=kind, slug=kind, title=kind, draft="**Text**", column=column))


def add_sections() -> None:
    """Create a section of the home page of each kind. The first one has all columns."""
    size = {"image_width": 800, "image_height": 600, "tall_picture_width": 6, "tall_picture_height": 8}
    for position, kind in enumerate(HomeSection.Kind.values):
        row = HomeSection.objects.create(kind=kind, title=kind, text="Text", skus="", position=position)
        HomeSection.objects.filter(pk=row.pk).update(image="products/home.webp", tall_picture="shop/tall.webp", **size)


@pytest.fixture
def mug() -> Product:
    """Create a catalog with everything that a page can show, and return a product that is on most pages."""
    kitchen, living = Category.objects.create(title="Kitchen"), Category.objects.create(title="Living")
    mugs = Category.objects.create(title="Mugs", parent=kitchen)
    variant: dict[str, Any] = {"group": "mugs", "option": "Colour", "second_option": "Size"}
    make_product(title="Plain mug", category=mugs, description="Plain.")
    make_product(title="Sold out mug", category=mugs, stock=0)
    make_product(title="Draft", category=mugs, active=False)
    grey = variant | {"choice": "Grey", "second_choice": "Large", "slug": "grey-mug"}
    teal = variant | {"choice": "Teal", "second_choice": "Small", "slug": "teal-mug"}
    make_product(title="Large grey mug", category=living, **grey)
    mug = make_product(title="Small teal mug", category=mugs, stock=3, **teal)
    for position in (1, 2):
        mug.pictures.create(image=f"products/side-{position}.webp", image_alt="Side", position=position)
    size = {"image_width": 800, "image_height": 600}
    Picture.objects.update(**size)
    Product.objects.filter(pk=mug.pk).update(image="products/teal.webp", **size)
    add_pages()
    add_sections()
    HomeSection.objects.filter(kind="products").update(skus=mug.sku)
    make_paid_order(mug)
    make_discount("TEN")
    make_tax()
    make_shop(home_title="Title", home_text="Text", street="Street 1", dispatch_days=2)
    Shop.objects.update(
        home_picture="shop/home.webp", logo="shop/logo.webp", home_picture_width=8, home_picture_height=6
    )
    return Product.objects.get(pk=mug.pk)


def render_pages(client: Client) -> dict[str, str]:
    return {path: client.get(path).text for path in PAGES}


# What pages read


@contextmanager
def recorded_columns() -> Iterator[set[str]]:
    """Collect the columns of all rows that the block reads, as "Model.column"."""
    read: set[str] = set()
    usual = models.Model.__getattribute__

    def record(row: models.Model, name: str) -> Any:
        if name in {field.attname for field in type(row)._meta.concrete_fields}:
            read.add(f"{type(row).__name__}.{name}")
        return usual(row, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.Model, "__getattribute__", record)
        yield read


def declared_columns() -> set[str]:
    return {f"{model.__name__}.{name}" for model in SHOWN for name in ["id", *model.shown_columns()]}


def test_pages_read_only_columns_that_are_declared(client: Client, mug: Product) -> None:
    client.get("/")  # counts the best sellers
    VersionCache.clear_all()
    with recorded_columns() as read:
        render_pages(client)
    assert read - declared_columns() == set()
    assert {"Product.price", "Product.stock", "Category.title", "Picture.image_alt"} <= read


def test_queries_of_pages_use_only_tables_and_columns_that_are_declared(client: Client, mug: Product) -> None:
    client.get("/")
    VersionCache.clear_all()
    with CaptureQueriesContext(connection) as captured:
        render_pages(client)
    queries = [query["sql"] for query in captured]
    tables = {table for sql in queries for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', sql)}
    assert tables - OTHER_TABLES == {model._meta.db_table for model in SHOWN}
    names = {model._meta.db_table: model.__name__ for model in SHOWN}
    conditions = [re.sub(r"SELECT .*? FROM", "", sql) for sql in queries]
    columns = {column for sql in conditions for column in re.findall(r'"(\w+)"\."(\w+)"', sql)}
    used = {f"{names[table]}.{column}" for table, column in columns if table in names}
    assert used - declared_columns() == set()
    assert {"Product.active", "Product.timestamp", "Product.price", "Product.group"} <= used


# What pages show


def other_value(row: models.Model, field: Any) -> Any:
    """Return a value that the column can hold and does not hold now."""
    value = getattr(row, field.attname)
    if field.model is HomeSection and field.name == "kind":
        return HomeSection.Kind.STORY
    if field.name in OTHER:
        return OTHER[field.name]
    if isinstance(field, models.ForeignKey):
        return field.related_model._default_manager.exclude(pk__in=[value or 0, row.pk]).order_by("-pk")[0].pk
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.DateTimeField):
        return value and value - timedelta(days=1)
    if isinstance(field, models.DateField):
        return (value or shop_today()) + timedelta(days=1)
    if isinstance(field, models.DecimalField | models.IntegerField):
        return (value or 0) + 1
    return f"{value}x"[-field.max_length if field.max_length else None :]


def save(row: Any, field: Any, value: Any) -> None:
    setattr(row, field.attname, value)
    row.save()


def update(row: Any, field: Any, value: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**{field.attname: value})


def bulk_update(row: Any, field: Any, value: Any) -> None:
    setattr(row, field.attname, value)
    type(row).objects.bulk_update([row], [field.name])


WAYS: list[Callable[[Any, Any, Any], None]] = [update, save, bulk_update]


def changed_pages(client: Client, before: dict[str, str]) -> set[str]:
    return {path for path, text in render_pages(client).items() if text != before[path]}


def stale_pages(changed: set[str], moved: set[str]) -> set[str]:
    """Return the changed pages that would still be served, because no version on which they depend moved."""
    return {path for path in changed if not moved & (PAGES[path] | {SITE})}


def row_of(model: type[models.Model]) -> Any:
    slugs: dict[Any, str] = {Product: "teal-mug", Category: "mugs"}
    values = {"slug": slugs[model]} if model in slugs else {}
    return model._default_manager.filter(**values).order_by("pk")[0]


COLUMNS = [
    pytest.param(model, field, id=f"{model.__name__}.{field.name}")
    for model in SHOWN
    for field in model._meta.concrete_fields
    if not (field.primary_key or model in NEVER_CHANGED)
]


@pytest.mark.parametrize(("model", "field"), COLUMNS)
def test_change_of_a_column_moves_the_versions_of_all_pages_that_show_it(
    client: Client, mug: Product, model: Any, field: Any
) -> None:
    before = render_pages(client)
    value = other_value(row_of(model), field)
    shown_by = set()
    for way in WAYS:
        with transaction.atomic():
            with moved_versions() as moved:
                way(row_of(model), field, value)
            changed = changed_pages(client, before)
            assert stale_pages(changed, moved) == set(), way.__name__
            shown_by |= changed
            transaction.set_rollback(True)
    assert (field.name in model.columns.shown) or not shown_by


FORM_FIELDS = ["title", "description", "price", "category", "sku", "option", "group", "image_alt", "active"]


@pytest.mark.parametrize("name", FORM_FIELDS)
def test_change_of_a_field_in_the_admin_moves_the_versions_of_all_pages_that_show_it(
    admin_client: Client, client: Client, mug: Product, name: str
) -> None:
    before = render_pages(client)
    form = open_form(admin_client, f"/admin/products/product/{mug.pk}/change/")
    value = other_value(mug, Product._meta.get_field(name))
    with moved_versions() as moved:
        entered = "group_new" if name == "group" else name
        assert form.submit(**{entered: None if value is False else f"{value}"}).status_code == 302
    changed = changed_pages(client, before)
    assert changed
    assert stale_pages(changed, moved) == set()


def test_no_catalog_page_shows_discounts(client: Client, mug: Product) -> None:
    before, row = render_pages(client), row_of(Discount)
    for field in [field for field in Discount._meta.concrete_fields if not field.primary_key]:
        Discount._default_manager.filter(pk=row.pk).update(**{field.attname: other_value(row, field)})
        assert changed_pages(client, before) == set(), field.name


# Declarations


def test_each_shown_model_has_a_rule_and_a_queryset_that_moves_versions() -> None:
    shown = {model for model in apps.get_models() if issubclass(model, ShownModel)}
    assert set(RULES) == shown
    for model in shown:
        assert isinstance(model._default_manager.all(), ShownQuerySet), model
    for model in CATALOG:
        assert isinstance(model._base_manager.all(), ShownQuerySet), model
