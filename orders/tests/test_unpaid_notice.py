"""Tests for the notice about the visitor's unpaid orders, and for words nearby that must not contradict it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ecommerce.operations.maintenance import render_static_page
from orders.models import Order, Payment
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import (
    add_to_cart,
    buy,
    make_client_request,
    make_discount,
    make_paid_order,
    make_product,
    make_user,
)
from tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
PAGES = ["/", "/products/", "/products/teal-mug/", "/cart/", "/nothing/", "/accounts/login/", "/orders/"]


@pytest.fixture
def mug() -> Product:
    return make_product(title="Teal mug")


def make_unpaid_order(client: Client, product: Product, last_payment: str = "failed", **fields: Any) -> Order:
    """Create an unpaid order that this visitor has placed now, without Stripe."""
    values = {"status": Order.Status.PLACED, "placed_at": timezone.now()} | fields
    order = make_paid_order(product, **values)
    order.payments.update(status=last_payment)
    request = make_client_request(client)
    Order.objects.remember(request, order)
    request.session.save()
    return order


def read_notice(client: Client, page: str = "/") -> str:
    """Return the text of the notice on the page, or "" without one."""
    found = re.search(r'<aside class="container-xl unpaid-notice".*?</aside>', client.get(page).text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", found[0]).split()) if found else ""


@pytest.mark.sampled(4)
@pytest.mark.parametrize("page", PAGES)
def test_page_names_the_unpaid_order_and_its_time(client: Client, mug: Product, page: str) -> None:
    order = make_unpaid_order(client, mug, placed_at=timezone.now())
    until = timezone.localtime(order.placed_at + timedelta(minutes=30))
    assert read_notice(client, page) == (
        f"Order {order.order_id} waits for your payment until {until:%H:%M}. Pay or cancel"
    )
    assert f'href="{order.get_absolute_url()}">Pay</a>' in client.get(page).text


@pytest.mark.slow
def test_declined_order_is_named_until_it_is_canceled(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(stock=1), "tok_chargeCustomerFail")
    assert order.order_id in read_notice(client)
    client.post(reverse("orders:cancel", args=[order.order_id]))
    assert read_notice(client) == ""


def test_thank_you_page_names_another_unpaid_order(client: Client, simulator: Simulator) -> None:
    unpaid = buy(client, make_product(), "tok_chargeCustomerFail")
    paid = buy(client, make_product())
    notice = read_notice(client, "/cart/success/")
    assert (unpaid.order_id in notice, paid.order_id in notice) == (True, False)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("status", [Order.Status.PAID, Order.Status.CANCELED, Order.Status.SHIPPED])
def test_finished_order_is_not_named(client: Client, mug: Product, status: str) -> None:
    make_unpaid_order(client, mug, status=status)
    assert [read_notice(client, page) for page in PAGES] == [""] * len(PAGES)


@pytest.mark.parametrize(("minutes", "is_shown"), [(29, True), (31, False)])
def test_order_page_names_no_time_that_has_passed(client: Client, mug: Product, minutes: int, is_shown: bool) -> None:
    order = make_unpaid_order(client, mug, placed_at=timezone.now() - timedelta(minutes=minutes))
    page = client.get(order.get_absolute_url()).text
    assert ("Your items are reserved until" in page) == is_shown


@pytest.mark.parametrize(
    ("last_payment", "fields", "words"),
    [
        (Payment.Status.NEW, {}, "We are checking your payment for order {}. See the order"),
        ("processing", {}, "We are checking your payment for order {}. See the order"),
        (Payment.Status.FAILED, {"status": Order.Status.CANCELING}, "Order {} is being cancelled. See the order"),
        (
            Payment.Status.FAILED,
            {"placed_at": datetime(2026, 1, 1, tzinfo=UTC)},
            "Order {} still waits for your payment. Pay or cancel",
        ),
    ],
)
def test_words_depend_on_the_state(
    client: Client, mug: Product, last_payment: str, fields: dict[str, Any], words: str
) -> None:
    order = make_unpaid_order(client, mug, last_payment, **fields)
    assert read_notice(client) == words.format(order.order_id)


def test_only_the_last_attempt_counts(client: Client, mug: Product) -> None:
    order = make_unpaid_order(client, mug)
    order.payments.create(number=2, stripe_pm="card_2", amount=order.total, currency="gbp", status="new")
    assert read_notice(client).startswith("We are checking")


def test_newest_of_several_orders_is_named_and_the_others_are_counted(client: Client, mug: Product) -> None:
    make_unpaid_order(client, mug)
    make_unpaid_order(client, mug)
    newest = make_unpaid_order(client, mug)
    text = read_notice(client)
    assert text.startswith(f"Order {newest.order_id} waits")
    assert text.endswith("You have 2 more unpaid orders. See your orders")


def test_page_of_the_order_does_not_repeat_its_state(client: Client, mug: Product) -> None:
    first = make_unpaid_order(client, mug)
    second = make_unpaid_order(client, mug)
    assert first.order_id in read_notice(client, second.get_absolute_url())
    assert "more unpaid" not in read_notice(client, second.get_absolute_url())


def test_notice_stays_after_signing_in(client: Client, mug: Product) -> None:
    order = make_unpaid_order(client, mug)
    sign_in(client, make_user())
    assert order.order_id in read_notice(client)


def test_notice_ends_with_the_session(client: Client, mug: Product) -> None:
    sign_in(client, make_user())
    make_unpaid_order(client, mug)
    client.post(reverse("accounts:logout"))
    assert read_notice(client) == ""


def test_strangers_see_no_notice(client: Client, other_client: Client, mug: Product) -> None:
    make_unpaid_order(client, mug)
    add_to_cart(other_client, mug)
    assert [read_notice(other_client, page) for page in PAGES] == [""] * len(PAGES)


def test_order_of_an_erased_profile_is_not_named(client: Client, mug: Product) -> None:
    order = make_unpaid_order(client, mug)
    type(order.billing_profile).objects.update(forgotten=timezone.now())
    assert read_notice(client) == ""


def test_static_error_page_shows_no_notice() -> None:
    with count_queries() as queries:
        assert "unpaid-notice" not in render_static_page("500.html")
    assert queries == []


def test_bad_request_page_needs_no_session(client: Client, mug: Product) -> None:
    make_unpaid_order(client, mug)
    assert client.get("/?q=%00").status_code == 400


@pytest.mark.sampled(4)
@pytest.mark.parametrize("page", PAGES[:4])
def test_visitor_without_an_order_costs_no_query(client: Client, mug: Product, page: str) -> None:
    add_to_cart(client, mug)
    client.get(page)
    with count_queries() as queries:
        client.get(page)
    assert [query for query in queries if '"orders_order"."order_id"' in query] == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize("page", PAGES[:4])
def test_unpaid_order_costs_one_query(client: Client, mug: Product, page: str) -> None:
    other = make_product()
    add_to_cart(client, mug)
    client.get(page)
    with count_queries() as without:
        client.get(page)
    make_unpaid_order(client, mug)
    make_unpaid_order(client, other)
    with count_queries() as with_orders:
        client.get(page)
    assert len(with_orders) == len(without) + 1


@pytest.mark.sampled(4)
@pytest.mark.parametrize("page", PAGES)
def test_page_with_a_notice_is_not_cached(client: Client, mug: Product, page: str) -> None:
    make_unpaid_order(client, mug)
    assert "no-store" in client.get(page).headers["Cache-Control"]


def test_time_is_in_the_zone_of_the_shop(client: Client, mug: Product, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    settings.ORDER_HOLD_MINUTES = 60 * 24 * 365 * 100
    make_unpaid_order(client, mug, placed_at=datetime(2026, 11, 28, 11, 9, tzinfo=UTC))
    local = timezone.localtime(datetime(2026, 11, 28, 11, 9, tzinfo=UTC) + timedelta(days=365 * 100))
    assert f"until {local:%H:%M}." in read_notice(client)
    assert local.utcoffset() == timedelta(hours=13)


# Words nearby


def test_last_unit_is_reserved_for_the_visitor_and_sold_out_for_others(client: Client, other_client: Client) -> None:
    product = make_product(title="Teal mug", stock=0)
    order = make_unpaid_order(client, product)
    own, other = (browser.get(product.get_absolute_url()).text for browser in (client, other_client))
    assert f"Reserved for your order {order.order_id}" in own
    assert "Sold out" not in own
    assert "Sold out" in other
    assert "Reserved" not in other


def test_page_of_a_reserved_product_leads_to_the_order(client: Client, other_client: Client) -> None:
    fields = {"group": "mug", "option": "Colour", "stock": 0}
    teal, oat = (make_product(choice=name, **fields) for name in ("Teal", "Oat"))
    order = make_unpaid_order(client, teal)
    own = client.get(teal.get_absolute_url()).text
    assert f'href="{order.get_absolute_url()}">See the order</a>' in own
    assert "<small>reserved for you</small>" in client.get(oat.get_absolute_url()).text
    assert "disabled>Sold out" in client.get(oat.get_absolute_url()).text
    assert "reserved for you" not in other_client.get(teal.get_absolute_url()).text


def test_reserved_product_is_not_called_sold_out_in_the_list(client: Client) -> None:
    order = make_unpaid_order(client, make_product(stock=0))
    text = client.get("/products/").text
    assert f"Reserved for your order {order.order_id}" in text
    assert "Sold out" not in text


def test_other_sold_out_products_stay_sold_out(client: Client, mug: Product) -> None:
    make_unpaid_order(client, mug)
    assert "Sold out" in client.get(make_product(stock=0).get_absolute_url()).text


def test_cart_line_of_a_reserved_product_names_the_order(client: Client) -> None:
    product = make_product(title="Teal mug")
    add_to_cart(client, product, 2)
    order = make_unpaid_order(client, product)
    Product.objects.update(stock=1)
    assert f"Only 1 left. More are reserved for your order {order.order_id}." in client.get("/cart/").text
    Product.objects.update(stock=0)
    assert f'role="alert">Reserved for your order {order.order_id}<' in client.get("/cart/").text


def test_adding_a_reserved_product_names_the_order(client: Client) -> None:
    product = make_product(title="Teal mug", stock=0)
    order = make_unpaid_order(client, product)
    add_to_cart(client, product)
    assert f"Teal mug is reserved for your order {order.order_id}." in client.get("/cart/").text


def test_code_used_up_by_the_own_order_names_it(client: Client, mug: Product) -> None:
    make_discount("ONCE", uses_limit=1, uses=1)
    order = make_unpaid_order(client, mug, discount_code="ONCE")
    add_to_cart(client, mug)
    client.post(reverse("carts:discount"), {"code": "once"}, headers={"Sec-Fetch-Site": "same-origin"})
    own = f"The code ONCE has been used up. Your unpaid order {order.order_id} uses this code."
    assert own in client.get("/cart/").text


@pytest.mark.slow
def test_code_in_the_cart_that_the_own_order_used_up_names_it(client: Client, other_client: Client) -> None:
    product = make_product()
    discount = make_discount("ONCE", uses_limit=1)
    for browser in (client, other_client):
        add_to_cart(browser, product)
        browser.post(reverse("carts:discount"), {"code": "ONCE"}, headers={"Sec-Fetch-Site": "same-origin"})
        browser.get("/cart/")
    type(discount).objects.update(uses=1)
    order = make_unpaid_order(client, product, discount_code="ONCE")
    assert f"Your unpaid order {order.order_id} uses this code." in client.get("/cart/").text
    assert "uses this code" not in other_client.get("/cart/").text
