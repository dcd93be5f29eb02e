"""Tests of the paginator: deep pages that start from a kept row have the same rows as a plain paginator."""

from decimal import Decimal

import pytest
from django.db import connection

from core.database.statistics import update_statistics
from products.lists import paginator
from products.lists.paginator import ProductPaginator
from products.models import Product
from tests.makers import make_category
from tests.visitors import count_queries, plan_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def hundred_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create 100 products, many with the same price, and use blocks of ten rows."""
    monkeypatch.setattr(paginator, "BLOCK_SIZE", 10)
    Product.objects.bulk_create(
        Product(sku=f"S-{n}", slug=f"s-{n}", title=f"Mug {n}", price=n % 7 if n < 60 else 3) for n in range(100)
    )


@pytest.mark.parametrize("order", ["newest_first", "cheapest_first", "most_expensive_first", "most_bought_first"])
def test_pages_have_every_product_once_in_order(order: str) -> None:
    products = getattr(Product.objects.active(), order)()
    paginator = ProductPaginator(products, 7)
    shown = [product.pk for number in paginator.page_range for product in paginator.page(number)]
    assert shown == list(products.values_list("pk", flat=True))


def test_pages_follow_a_deletion() -> None:
    before = [product.pk for product in ProductPaginator(Product.objects.active().newest_first(), 10).page(6)]
    Product.objects.filter(pk__gt=before[0]).delete()
    paginator = ProductPaginator(Product.objects.active().newest_first(), 10)
    assert paginator.count == before[0] - Product.objects.order_by("pk")[0].pk + 1
    assert [product.pk for product in paginator.page(1)] == before


def test_deep_page_uses_the_cached_row_instead_of_an_offset() -> None:
    products = Product.objects.active().newest_first()
    for _ in range(2):
        with count_queries() as queries:
            list(ProductPaginator(products, 10).page(6))
    assert "OFFSET 50" not in queries[-1]
    assert '"timestamp" <' in queries[-1]


@pytest.mark.parametrize("order", ["newest_first", "cheapest_first", "most_expensive_first", "most_bought_first"])
def test_last_page_does_not_look_for_more_products_than_there_are(order: str) -> None:
    paginator = ProductPaginator(getattr(Product.objects.active(), order)(), 8)
    with count_queries() as queries:
        products = list(paginator.page(13))
    assert len(products) == 4
    assert "LIMIT 4" in queries[-1]


def test_page_of_no_products_is_empty() -> None:
    assert list(ProductPaginator(Product.objects.filter(title="").newest_first(), 8).page(1)) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="It reads the plan of SQLite.")
def test_deep_page_of_products_with_the_same_value_starts_at_its_row_in_the_index() -> None:
    paginator = ProductPaginator(Product.objects.active().most_bought_first(), 10)
    with count_queries() as queries:
        list(paginator.page(6))
    assert "SEARCH products_product USING COVERING INDEX list_bought (bought=? AND id<?)" in plan_of(queries[-1])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="It reads the plan of SQLite.")
@pytest.mark.parametrize("order", ["newest_first", "cheapest_first", "most_expensive_first", "most_bought_first"])
@pytest.mark.parametrize("has_category", [False, True])
def test_products_of_a_page_are_found_in_an_index_alone(order: str, has_category: bool) -> None:
    products = Product.objects.active().listed().with_variant(Decimal(1), Decimal(3), in_stock=True)
    if has_category:
        categories = [make_category(f"Shelf {number}") for number in range(12)]
        for number, product in enumerate(Product.objects.only("pk")):
            Product.objects.filter(pk=product.pk).update(category=categories[number % 12])
        products = products.filter(category__in=[categories[0].pk])
    update_statistics()
    with count_queries() as queries:
        list(ProductPaginator(getattr(products, order)(), 10).page(1))
    [step] = [step for step in plan_of(queries[-1]) if " U0 " in f"{step} "]
    assert " USING COVERING INDEX list_" in step


def test_counts_of_different_lists_are_kept_apart() -> None:
    products = Product.objects.active()
    lists = [products, products.priced_between(Decimal(1), None), products.priced_between(None, Decimal(1))]
    lists += [products.available(), products.low_on_stock(), products.filter(category__in=[1]), Product.objects.all()]
    Product.objects.filter(price=2).update(stock=0)
    Product.objects.filter(price=4).update(stock=1, active=False)
    for _ in range(2):
        assert [ProductPaginator(rows.newest_first(), 10).count for rows in lists] == [rows.count() for rows in lists]
