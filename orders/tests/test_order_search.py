"""Tests for the search of staff for orders, on both databases the same."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, OrderWords
from orders.search.engine import read_amount, search_orders
from orders.workflow.erasure import erase_order
from stripe_simulator.server import Simulator
from tests.makers import buy, make_paid_order, make_product, make_shipment, make_user, ship

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"
MUNICH = "Jürgen Weißbär\nKönigstraße 7\n80331 München\nGermany"


def make_found_order(**fields: Any) -> Order:
    product = make_product(sku="MUG-77", title="Speckled café mug")
    order = make_paid_order(product, email="jo.weiss@example.org", shipping_address_text=MUNICH, **fields)
    OrderWords.objects.store(Order.objects.filter(pk=order.pk))
    return order


def found(text: str) -> list[str]:
    return list(search_orders(Order.objects.all(), text).values_list("order_id", flat=True))


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize(
    "text",
    [
        "München", "munchen", "MUENCHEN", "jürgen weissbär", "Juergen Weissbaer", "80331", "königstr", "80331 payer",
        "mug-77", "MUG77", "speckled cafe", "jo.weiss@example.org", "JO.WEISS@EXAMPLE.ORG", "20.95", "£20.95", "20,95",
        "20,95 £", "GBP 20.95", "rm 12", "RM12", "ab7", "spring5",
    ],
)  # fmt: skip
def test_order_is_found(text: str) -> None:
    order = make_found_order(discount_code="SPRING5")
    make_shipment(order, tracking="AB 7")
    make_shipment(order, tracking="RM12")
    OrderWords.objects.store(Order.objects.filter(pk=order.pk))
    other = make_paid_order(email="other@example.org", total=Decimal("99.00"))
    OrderWords.objects.store(Order.objects.filter(pk=other.pk))
    assert found(text) == [order.order_id]
    assert found(order.order_id.lower()) == [order.order_id]


@pytest.mark.parametrize("text", ["Hamburg", "20.96", "2095", "mug-78", "%", "'\"", "a\0b", "🫖", "pi_unknown", "*"])
def test_other_text_finds_no_order(text: str) -> None:
    make_found_order()
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12.95", "12.95"), ("£12.95", "12.95"), ("12,95", "12.95"), ("12,95 €", "12.95"), ("€13", "13.00"),
        ("1.234,50", "1234.50"), ("$1,234.50", "1234.50"), ("1 234,50 EUR", "1234.50"), ("£1,234", "1234.00"),
        ("13", None), ("4242", None), ("1,234", None), ("mug 12.95", None), ("£ £12.95", None), ("12.951", None),
        ("", None),
    ],
)  # fmt: skip
def test_amount_is_read_in_the_ways_people_write_it(text: str, amount: str | None) -> None:
    assert read_amount(text) == (None if amount is None else Decimal(amount))


def test_last_digits_of_the_card_do_not_find_house_numbers(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    make_found_order(billing_address_text="Bo\n4242 Long Road\nUnited Kingdom")
    assert found("4242") == [order.order_id]
    assert found("4242 long") == [Order.objects.exclude(pk=order.pk).get().order_id]


def test_words_follow_placing_paying_and_shipping(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(title="Oak stool"))
    assert found("gia oak") == found("4242") == [order.order_id]
    ship(order, by="packer", tracking="RM 99")
    assert found("rm99") == found("4242") == [order.order_id]


def test_erased_person_is_not_found() -> None:
    order = make_found_order(status=Order.Status.SHIPPED)
    assert erase_order(order)
    assert found("weissbär") == found("jo.weiss@example.org") == found("munchen") == []
    assert found("mug-77") == found("20.95") == [order.order_id]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT block FROM orders_search_data")
            assert not any(b"weissb" in bytes(block) for (block,) in cursor.fetchall())


def test_orders_of_an_earlier_version_are_found_after_reconcile(simulator: Simulator) -> None:
    make_found_order()
    OrderWords.objects.all().delete()
    assert found("mug-77") == []
    assert reconcile()["orders indexed"] == 1
    assert len(found("mug-77")) == 1
    assert reconcile()["orders indexed"] == 0


def test_command_corrects_words() -> None:
    make_found_order()
    Order.objects.update(discount_code="BYHAND")
    assert found("byhand") == []
    call_command("index_orders", verbosity=0)
    assert len(found("byhand")) == 1


def test_staff_search_in_the_list(staff: Client) -> None:
    order = make_found_order()
    page = staff.get(reverse(LIST), {"q": "munchen"})
    assert list(page.context["cl"].result_list) == [order]
    assert staff.get(reverse(LIST), {"q": " "}).context["cl"].result_count == 1
