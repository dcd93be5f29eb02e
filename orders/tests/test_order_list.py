"""Tests for the list of orders: what its columns say, and that it fits a desktop and a phone without JavaScript."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from orders.models import Order
from orders.workflow.erasure import erase_order
from tests.makers import PASSWORD, make_paid_order, make_product, make_user

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"
GERMAN = "Jürgen Weißbär\nKönigstraße 7\n80331 München\nDeutschland"
PLACED = datetime(2026, 7, 1, 9, 5, tzinfo=UTC)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def make_german_order(*lines: tuple[str, int], **fields: Any) -> Order:
    """Create an order of a German buyer with further lines."""
    texts = {"shipping_address_text": GERMAN, "billing_address_text": GERMAN, "language": "de"}
    order = make_paid_order(make_product(title="Oak stool, tall"), placed_at=PLACED, **(texts | fields))
    for title, quantity in lines:
        product, price = make_product(title=title), Decimal(5)
        order.items.create(
            product=product, sku=product.sku, title=title, unit_price=price, quantity=quantity, total=price * quantity
        )
    return order


def cells(page: Any) -> dict[str, str]:
    """Return the texts of the only row by column."""
    model_admin, order = page.context["cl"].model_admin, page.context["cl"].result_list[0]
    return {name: str(getattr(model_admin, name)(order)) for name in ("when", "buyer", "contents", "amount", "state")}


def test_columns_say_who_bought_what(staff: Client) -> None:
    make_german_order(("Mug, blue", 2), ("Tray", 1), ("Vase", 1))
    row = cells(staff.get(reverse(LIST)))
    assert row["when"] == "2026-07-01 10:05"
    assert row["buyer"] == 'Jürgen Weißbär <span class="country" title="Germany">DE</span>'
    assert row["contents"] == "5: Oak stool, 2 × Mug, 2 more"
    assert (row["amount"], row["state"]) == ("£20.95", "Paid")


def test_variants_with_the_same_short_title_are_counted_together(staff: Client) -> None:
    make_german_order(("Mug, blue", 2), ("Mug, teal", 1))
    assert cells(staff.get(reverse(LIST)))["contents"] == "4: Oak stool, 3 × Mug"


def test_mark_says_why_an_order_needs_attention(staff: Client) -> None:
    make_german_order(attention='Charged "twice"')
    row = cells(staff.get(reverse(LIST)))
    assert row["contents"] == "Oak stool"
    assert row["state"] == 'Paid <strong class="attention" title="Charged &quot;twice&quot;">Check</strong>'


def test_erased_buyer_has_no_name(staff: Client) -> None:
    assert erase_order(make_german_order(status=Order.Status.SHIPPED))
    assert cells(staff.get(reverse(LIST)))["buyer"].endswith(">DE</span>")
    assert "Weißbär" not in staff.get(reverse(LIST)).text


def test_newest_orders_come_first(staff: Client) -> None:
    late = make_german_order()
    early = make_german_order()
    Order.objects.filter(pk=early.pk).update(placed_at=datetime(2026, 6, 1, tzinfo=UTC))
    assert list(staff.get(reverse(LIST)).context["cl"].result_list) == [late, early]


@pytest.fixture
def shop_page(chromium: Any, live_server: Any) -> Iterator[Any]:
    """Return a browser page without JavaScript, signed in as a superuser."""
    make_user("boss@example.org", is_staff=True, is_superuser=True)
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/admin/login/")
    page.get_by_label("Email").fill("boss@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()
    yield page
    context.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("width", [1280, 390])
def test_list_fits_and_filters_without_javascript(shop_page: Any, width: int) -> None:
    shop_page.set_viewport_size({"width": width, "height": 800})
    make_german_order(
        ("A very long title of a mug that nobody would ever want to read to its end", 2),
        attention="Look",
        status="paid",
    )
    make_german_order(status="shipped", total=Decimal("12345.67"))
    shop_page.goto(reverse(LIST))
    box = shop_page.locator("#result_list").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    rows = shop_page.locator("#result_list tbody tr")
    assert width > 1000 or rows.first.bounding_box()["height"] < 80  # two lines
    expect(shop_page.get_by_role("link", name="Shipped")).to_be_hidden()
    shop_page.get_by_text("Filter", exact=True).click()
    shop_page.get_by_role("link", name="Shipped").click()
    expect(rows).to_have_count(1)
    shop_page.get_by_role("link", name="Clear all filters").click()
    expect(rows).to_have_count(2)
