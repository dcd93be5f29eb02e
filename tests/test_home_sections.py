"""Tests for the categories and product rows of the home page."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from orders.models import Order, OrderItem
from products.models import Category, Product
from products.tests.test_uploads import make_image
from tests.makers import make_category, make_open_order, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def sell(product: Product, quantity: int, status: str = "paid", days_ago: int = 1) -> None:
    """Create a paid order of this product, or one with another status."""
    order = make_open_order()
    OrderItem.objects.create(
        order=order, product=product, sku=product.sku, title=product.title, unit_price=1, quantity=quantity, total=1
    )
    Order.objects.filter(pk=order.pk).update(status=status, placed_at=timezone.now() - timedelta(days=days_ago))


def test_home_shows_best_sellers_first(client: Client) -> None:
    seldom, often = make_product(title="Seldom"), make_product(title="Often")
    sell(seldom, 2)
    sell(often, 2)
    sell(often, 1, status="shipped")
    assert [product.title for product in client.get("/").context["best_sellers"]] == ["Often", "Seldom"]


@pytest.mark.parametrize(("status", "days_ago"), [("placed", 1), ("canceled", 1), ("refunded", 1), ("paid", 200)])
def test_home_counts_only_recent_paid_orders(client: Client, status: str, days_ago: int) -> None:
    sell(make_product(), 2, status, days_ago)
    page = client.get("/")
    assert page.context["best_sellers"] == []
    assert "Best sellers" not in page.text


@pytest.mark.parametrize("change", [{"active": False}, {"stock": 0}])
def test_home_hides_best_sellers_that_are_unavailable(client: Client, change: dict) -> None:
    product = make_product()
    sell(product, 2)
    client.get("/")
    Product.objects.filter(pk=product.pk).update(**change)
    assert client.get("/").context["best_sellers"] == []


@pytest.fixture
def mugs() -> Category:
    """Create Kitchen > Mugs, which has a product with an image, Living, which has one without, and two empty ones."""
    make_product(category=make_category("Living"))
    make_product(category=make_category("Off sale"), active=False)
    make_category("Without products")
    mugs = Category.objects.create(title="Mugs", parent=make_category("Kitchen"))
    make_product(category=mugs, image=ContentFile(make_image(), "mug.png"))
    return mugs


def shown_categories(client: Client) -> list[tuple[str, bool]]:
    """Return the titles of the categories on the home page, and whether each has an image."""
    return [(category.title, bool(product)) for category, product in client.get("/").context["categories"]]


def test_home_shows_categories_that_contain_products(client: Client, mugs: Category) -> None:
    assert shown_categories(client) == [("Mugs", True)]


def test_home_shows_top_level_categories_if_there_are_many(
    client: Client, mugs: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce.home_sections.LENGTH", 0)
    assert shown_categories(client) == [("Kitchen", True), ("Living", False)]


def test_home_hides_a_category_whose_last_product_is_taken_off_sale(client: Client, mugs: Category) -> None:
    client.get("/")
    product = Product.objects.get(category=mugs)
    product.active = False
    product.save()
    assert shown_categories(client) == [("Living", False)]


def test_home_of_an_empty_shop_hides_empty_sections(client: Client) -> None:
    page = client.get("/").text
    assert "Shop by category" not in page
    assert "New in the shop" not in page


@pytest.mark.slow
def test_home_runs_four_queries_regardless_of_sales(client: Client) -> None:
    for _ in range(10):
        sell(make_product(category=make_category()), 1)
    client.get("/")
    with count_queries() as queries:
        client.get("/")
    assert len(queries) == 4
