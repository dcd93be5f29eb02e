"""Tests for the sections of the home page."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from core.times import start_of_day
from ecommerce.home_sections import Section, shop_today
from orders.bookkeeping.ranking import count_bought
from orders.models import Order, OrderItem
from products.models import Category, HomeSection, Product
from products.tests.test_uploads import make_image
from tests.guests import pass_hours
from tests.makers import make_category, make_open_order, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def sell(product: Product, quantity: int, status: str = "paid", days_ago: int = 1) -> None:
    """Create a paid order of this product, or one with another status, and count what was bought."""
    order = make_open_order()
    OrderItem.objects.create(
        order=order, product=product, sku=product.sku, title=product.title, unit_price=1, quantity=quantity, total=1
    )
    Order.objects.filter(pk=order.pk).update(status=status, placed_at=timezone.now() - timedelta(days=days_ago))
    count_bought()


def shown(client: Client) -> list[Section]:
    """Return the sections of the home page."""
    sections: list[Section] = client.get("/").context["sections"]
    return sections


def kinds(client: Client) -> list[str]:
    return [section.row.kind for section in shown(client)]


def content_of(client: Client, kind: str) -> Section | None:
    """Return the section of this kind, or None if the page has none."""
    return next((section for section in shown(client) if section.row.kind == kind), None)


def titles_of(client: Client, kind: str) -> list[str]:
    """Return the titles of the products in the section of this kind."""
    section = content_of(client, kind)
    return [product.title for product in section.products] if section else []


def test_home_shows_best_sellers_first(client: Client) -> None:
    seldom, often = make_product(title="Seldom"), make_product(title="Often")
    sell(seldom, 2)
    sell(often, 2)
    sell(often, 1, status="shipped")
    assert titles_of(client, "most_bought") == ["Often", "Seldom"]


@pytest.mark.parametrize(("status", "days_ago"), [("placed", 1), ("canceled", 1), ("refunded", 1), ("paid", 200)])
def test_home_counts_only_recent_paid_orders(client: Client, status: str, days_ago: int) -> None:
    sell(make_product(), 2, status, days_ago)
    assert "Best sellers" not in client.get("/").text


@pytest.mark.parametrize("change", [{"active": False}, {"stock": 0}])
def test_home_hides_best_sellers_that_are_unavailable(client: Client, change: dict) -> None:
    product = make_product()
    sell(product, 2)
    client.get("/")
    Product.objects.filter(pk=product.pk).update(**change)
    assert titles_of(client, "most_bought") == []


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
    section = content_of(client, "categories")
    return [(category.title, bool(product)) for category, product in section.categories] if section else []


def test_home_shows_categories_that_contain_products(client: Client, mugs: Category) -> None:
    assert shown_categories(client) == [("Mugs", True)]


def test_home_shows_only_the_lowest_categories(client: Client, mugs: Category) -> None:
    make_product(category=Category.objects.get(title="Kitchen"), image=ContentFile(make_image(), "pot.png"))
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
def test_home_reads_only_versions_while_nothing_changes(client: Client) -> None:
    for _ in range(10):
        sell(make_product(category=make_category()), 1)
    client.get("/")
    with count_queries() as queries:
        client.get("/")
    assert len(queries) == 1


# --- rows ---


def add(kind: str, **fields: Any) -> HomeSection:
    """Create a section after the others."""
    return HomeSection.objects.create(kind=kind, position=HomeSection.objects.count(), **fields)


def test_rows_replace_the_usual_sections_in_their_order(client: Client) -> None:
    make_product()
    add("newest")
    add("story", title="About us", text="We make mugs.")
    HomeSection.objects.create(kind="promises", text="Fast: in two days", position=0, title="First")
    assert kinds(client) == ["newest", "promises", "story"]


def test_page_without_a_picture_at_its_top_has_one_heading_of_the_page(client: Client) -> None:
    add("story", title="About us", text="We make mugs.")
    add("picture", title="Later")
    page = client.get("/").text
    assert page.count("<h1") == 1
    assert "<h2>Later</h2>" in page


def test_first_picture_has_the_heading_of_the_page(client: Client) -> None:
    add("picture", title="Good mugs")
    assert "<h1>Good mugs</h1>" in client.get("/").text


def test_each_line_of_promises_is_one(client: Client) -> None:
    add("promises", text="Fast: within two days\n\nFree returns")
    page = client.get("/").text
    assert "<strong>Fast</strong><span>within two days</span>" in page
    assert "<li><strong>Free returns</strong></li>" in page


def test_chosen_products_are_in_the_order_of_their_codes(client: Client) -> None:
    for code in ("A-1", "B-2", "C-3"):
        make_product(sku=code, title=f"Mug {code}")
    Product.objects.filter(sku="B-2").update(active=False)
    add("products", skus="C-3\nB-2\n\nA-1\nC-3", title="Chosen")
    assert titles_of(client, "products") == ["Mug C-3", "Mug A-1"]


def test_section_of_a_category_shows_its_newest_products(client: Client) -> None:
    mugs = make_category("Mugs")
    make_product(title="Mug", category=mugs)
    make_product(title="Lamp")
    add("products", category=mugs)
    assert titles_of(client, "products") == ["Mug"]


def test_section_whose_products_are_off_sale_is_not_shown(client: Client) -> None:
    add("products", skus=make_product(active=False).sku)
    assert kinds(client) == []


@pytest.mark.parametrize(
    ("starts", "ends", "is_shown"),
    [(None, None, True), (0, 0, True), (1, None, False), (-9, -1, False), (None, 0, True), (0, None, True)],
)
def test_section_is_shown_from_its_first_to_its_last_day(
    client: Client, starts: int | None, ends: int | None, is_shown: bool
) -> None:
    day = lambda days: None if days is None else shop_today() + timedelta(days=days)  # noqa: E731
    add("story", text="Text", starts=day(starts), ends=day(ends))
    assert kinds(client) == (["story"] if is_shown else [])


def test_stored_page_ends_with_the_last_day_of_a_section(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAGE_CACHE = True
    add("story", title="Only today", text="Text", ends=shop_today())
    assert "Only today" in client.get("/").text
    midnight = start_of_day(shop_today() + timedelta(days=1))
    pass_hours(monkeypatch, (midnight - timezone.now()) / timedelta(hours=1) + 0.01)
    assert "Only today" not in client.get("/").text


@pytest.mark.parametrize("change", [{"title": "New"}, {"is_shown": False}])
def test_stored_page_shows_a_changed_section_at_once(client: Client, settings: Any, change: dict[str, Any]) -> None:
    settings.PAGE_CACHE = True
    row = add("story", title="Old", text="Text")
    client.get("/")
    HomeSection.objects.filter(pk=row.pk).update(**change)
    assert "Old" not in client.get("/").text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "story"}, "text"),
        ({"kind": "promises", "text": " \n "}, "text"),
        ({"kind": "products"}, "skus"),
        ({"kind": "products", "skus": "NONE-1"}, "skus"),
        ({"kind": "products", "skus": "\n".join(f"A-{number}" for number in range(25))}, "skus"),
        ({"kind": "newest", "starts": "2026-02-02", "ends": "2026-02-01"}, "ends"),
    ],
)
def test_admin_rejects_incomplete_sections(admin_client: Client, fields: dict[str, Any], field: str) -> None:
    response = admin_client.post("/admin/products/homesection/add/", {"position": 1} | fields)
    assert list(response.context["adminform"].form.errors) == [field]
    assert not HomeSection.objects.exists()


def test_admin_adds_a_section_with_pictures(admin_client: Client) -> None:
    pictures = {name: ContentFile(make_image(), "scene.png") for name in ("image", "tall_picture")}
    data = {"kind": "picture", "title": "Winter", "position": 1, "is_shown": "on"} | pictures
    assert admin_client.post("/admin/products/homesection/add/", data).status_code == 302
    row = HomeSection.objects.get()
    page = admin_client.get("/").text
    assert row.tall_picture.url in page
    assert row.image.srcset in page
