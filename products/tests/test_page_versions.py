"""Tests of the rules which versions a change of the catalog moves."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers

from core.page_cache.versions import collect_touches
from products.models import Category, Picture, Product
from tests.makers import make_category, make_product
from tests.moved_versions import moved_versions
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(4)]
ON_ALL_LISTS = {"product:mug", "products", "category:mugs", "category:kitchen"}


@pytest.fixture
def mugs() -> Category:
    return Category.objects.create(title="Mugs", parent=make_category("Kitchen"))


@pytest.fixture
def mug(mugs: Category) -> Product:
    """Return a product in Kitchen > Mugs, which has another product on sale."""
    make_product(title="Other", category=mugs)
    return make_product(title="Mug", category=mugs, stock=10)


# Stock


@pytest.mark.parametrize(("stock", "units"), [(10, 4), (99, 1), (None, 4)], ids=["enough left", "plenty", "unlimited"])
def test_purchase_that_changes_no_label_moves_nothing(mug: Product, stock: int | None, units: int) -> None:
    Product.objects.filter(pk=mug.pk).update(stock=stock)
    with moved_versions() as moved, count_queries() as queries:
        assert mug.reserve(units, "ORDER1")
    assert moved == set()
    assert len([query for query in queries if "pageversion" not in query]) == 3


@pytest.mark.parametrize(("stock", "units"), [(6, 1), (5, 1), (3, 3), (10, 9)])
def test_purchase_that_changes_the_label_moves_all_lists_with_the_product(mug: Product, stock: int, units: int) -> None:
    Product.objects.filter(pk=mug.pk).update(stock=stock)
    with moved_versions() as moved:
        assert mug.reserve(units, "ORDER1")
    assert moved == ON_ALL_LISTS


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        (lambda mug: mug.release("ORDER1", 1), True),
        (lambda mug: mug.adjust_stock(1, "staff"), True),
        (lambda mug: mug.adjust_stock(-1, "staff"), True),
        (lambda mug: mug.switch_stock_tracking(None, "staff"), True),
        (lambda mug: mug.reserve(99, "ORDER2"), False),
        (lambda mug: mug.adjust_stock(-99, "staff"), False),
    ],
    ids=["release", "delivery", "breakage", "unlimited", "too little", "below zero"],
)
def test_change_of_a_low_stock_moves_all_lists_if_it_succeeds(
    mug: Product, change: Callable[[Product], Any], moves: bool
) -> None:
    mug.reserve(7, "ORDER1")
    with moved_versions() as moved:
        change(mug)
    assert moved == (ON_ALL_LISTS if moves else set())


# Products


def test_variant_moves_the_pages_of_its_group_before_and_after(mug: Product) -> None:
    make_product(title="Old variant", group="old")
    make_product(title="New variant", group="new")
    Product.objects.filter(pk=mug.pk).update(group="old")
    with moved_versions() as moved:
        Product.objects.filter(pk=mug.pk).update(group="new")
    assert moved == ON_ALL_LISTS | {"product:old-variant", "product:new-variant"}


def test_product_that_changes_its_category_moves_both(mug: Product) -> None:
    bowls = make_category("Bowls")
    make_product(category=bowls)
    mug.category = bowls
    with moved_versions() as moved:
        mug.save()
    assert moved == ON_ALL_LISTS | {"category:bowls"}


def test_product_off_sale_moves_only_its_own_page(mug: Product) -> None:
    Product.objects.filter(pk=mug.pk).update(active=False)
    with moved_versions() as moved:
        Product.objects.filter(pk=mug.pk).update(price=1)
    assert moved == {"product:mug"}


@pytest.mark.parametrize("values", [{"weight": 5}, {"price": 16}, {"title": "Mug"}])
def test_save_that_changes_nothing_shown_moves_nothing(mug: Product, values: dict[str, Any]) -> None:
    with moved_versions() as moved:
        Product.objects.filter(pk=mug.pk).update(**values)
        Product.objects.get(pk=mug.pk).save()
    assert moved == set()


def test_stale_object_that_restores_an_old_value_moves_its_versions(mug: Product) -> None:
    stale = Product.objects.get(pk=mug.pk)
    Product.objects.filter(pk=mug.pk).update(price=20)
    with moved_versions() as moved:
        stale.save()
    assert moved == ON_ALL_LISTS


def test_first_and_last_product_of_a_category_move_the_menu(mugs: Category) -> None:
    with moved_versions() as first:
        make_product(category=mugs)
    with moved_versions() as second:
        make_product(category=mugs)
    with moved_versions() as last:
        Product.objects.update(active=False)
    assert ["site" in moved for moved in (first, second, last)] == [True, False, True]


# Ways to write


WAYS: dict[str, Callable[[Product], Any]] = {
    "update": lambda mug: Product.objects.filter(title="Mug").update(price=1),
    "bulk_update": lambda mug: Product.objects.bulk_update([Product(pk=mug.pk, price=1)], ["price"]),
    "delete": lambda mug: mug.delete(),
    "delete of rows": lambda mug: Product.objects.filter(pk=mug.pk).delete(),
    "relation": lambda mug: make_category("Mugs again").products.add(mug),
    "new picture": lambda mug: mug.pictures.create(image="products/mug.webp"),
    "picture": lambda mug: Picture.objects.update(image_alt="Teal"),
    "deleted picture": lambda mug: mug.pictures.get().delete(),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_write_moves_the_versions(mug: Product, way: str) -> None:
    mug.pictures.create(image="products/side.webp")
    with moved_versions() as moved:
        WAYS[way](mug)
    assert moved >= ON_ALL_LISTS


@pytest.mark.parametrize(
    "write",
    [
        lambda mugs: Category.objects.filter(pk=mugs.pk).update(title="Cups"),
        lambda mugs: Category.objects.create(title="Bowls", parent=mugs),
        lambda mugs: mugs.delete(),
        lambda mugs: Category.objects.bulk_create([Category(title="Cups", slug="cups")]),
        lambda mugs: Category.objects.bulk_create([Category(title="Mugs", slug="mugs")], ignore_conflicts=True),
    ],
    ids=["update", "new", "delete", "bulk_create", "ignored conflict"],
)
def test_change_of_a_category_moves_the_site(mugs: Category, write: Callable[[Category], Any]) -> None:
    with moved_versions() as moved:
        write(mugs)
    assert "site" in moved


def test_fixture_moves_the_site(mug: Product) -> None:
    [row] = serializers.deserialize("json", serializers.serialize("json", [mug]))
    with moved_versions() as moved:
        row.save()
    assert moved == {"site"}


@pytest.mark.slow
def test_change_of_very_many_products_moves_the_site(mugs: Category) -> None:
    rows = [Product(sku=f"S-{n}", slug=f"s-{n}", title="Mug", price=1, category=mugs) for n in range(501)]
    with moved_versions() as moved:
        Product.objects.bulk_create(rows)
    assert "site" in moved
    assert len(moved) < 10


def test_block_writes_the_versions_of_all_changes_in_one_statement(mug: Product) -> None:
    other = make_product(stock=1)
    with count_queries() as queries, collect_touches():
        mug.reserve(9, "ORDER1")
        other.reserve(1, "ORDER1")
    writes = ["core_pageversion" in query for query in queries if not query.startswith("SELECT")]
    assert writes.count(True) == 1
    assert writes[-1]
