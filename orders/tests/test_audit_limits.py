"""Tests of single checks of the audit, with what is just right and what is just wrong."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from carts.models import Cart
from orders.bookkeeping import audit
from orders.models import Order, OrderEvent, Payment, Refund
from products.models import StockMovement
from tests.makers import make_open_order, make_paid_order, make_product

pytestmark = pytest.mark.django_db
Kind = StockMovement.Kind


def texts(check: Any, rule: str) -> list[str]:
    return [finding.text for finding in check() if finding.rule == rule]


def placed_order(price: str = "16.00", **fields: Any) -> Order:
    """Create a paid order that cost exactly `price`."""
    fields = {"shipping_total": Decimal(0), "total": Decimal(price), "placed_at": timezone.now()} | fields
    return make_paid_order(make_product(price=Decimal(price), sku="MUG", stock=None), **fields)


def move(order: Order, *movements: tuple[str, int], number: str = "") -> None:
    for kind, amount in movements:
        product = order.items.get().product
        StockMovement.objects.create(product=product, kind=kind, amount=amount, order=number or order.order_id)


RESERVED = (Kind.RESERVED, -1)


@pytest.mark.parametrize(
    ("status", "movements", "found"),
    [
        ("paid", [RESERVED], []),
        ("placed", [RESERVED], []),
        ("open", [], []),
        ("paid", [], ["reserves 0 of 1 x MUG, reserved 0 times"]),
        ("placed", [RESERVED, RESERVED], ["reserves 2 of 1 x MUG, reserved 2 times"]),
        ("paid", [(Kind.RESERVED, -2)], ["reserves 2 of 1 x MUG, reserved 1 times"]),
        ("paid", [(Kind.RESERVED, 0)], []),  # of a product without a counted stock
        ("paid", [RESERVED, (Kind.ADJUSTED, 1)], ["reserves 0 of 1 x MUG, reserved 1 times"]),
        ("canceled", [], []),
        ("canceled", [RESERVED, (Kind.RELEASED, 1)], []),
        ("canceled", [RESERVED, (Kind.RELEASED, 0)], []),  # the stock was no longer counted
        ("canceled", [RESERVED], ["is canceled but still reserves 1 of 1 x MUG"]),
    ],
)
def test_reserved_stock_is_compared_with_the_lines(status: str, movements: list[Any], found: list[str]) -> None:
    move(placed_order(status=status), *movements)
    assert texts(audit.reserved_stock, "I4") == found


@pytest.mark.parametrize(("returned", "found"), [(1, []), (0, ["reserves 1 of 1 x MUG, reserved 1 times"])])
def test_restocked_units_are_not_reserved(returned: int, found: list[str]) -> None:
    order = placed_order()
    move(order, RESERVED, *[(Kind.RELEASED, 1)] * returned)
    line, payment = order.items.get(), order.payments.get()
    Refund.objects.create(
        payment=payment, amount=order.total, currency="gbp", restock={str(line.pk): 1}, is_restocked=True
    )
    assert texts(audit.reserved_stock, "I4") == found


def test_movement_of_an_order_without_this_line_is_found() -> None:
    order = placed_order()
    move(order, RESERVED)
    move(order, RESERVED, number="NOBODY")
    assert texts(audit.reserved_stock, "I4") == ["has a stock movement of order NOBODY, which has no line for it"]


@pytest.mark.parametrize(
    ("price", "currency", "is_found"),
    [("0.30", "gbp", False), ("0.29", "gbp", True), ("50", "jpy", False), ("49", "jpy", True), ("50.50", "jpy", True)],
)
def test_total_that_cannot_be_charged_is_found(price: str, currency: str, is_found: bool) -> None:
    placed_order(price, currency=currency)
    found = texts(audit.frozen_orders, "I6")
    assert [text.partition(",")[2] for text in found] == [f" which cannot be charged in {currency}"] * is_found


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"subtotal": Decimal("15.99")}, "its parts add up to 15.99 and its lines to 16.00"),
        ({"total": Decimal("15.99")}, "its parts add up to 16.00 and its lines to 16.00"),
        ({"discount_total": Decimal("0.01"), "total": Decimal("15.99")}, "has a discount of 0.01"),
        ({"tax_total": Decimal("0.01"), "total": Decimal("16.01")}, "has a tax of 0.01"),
    ],
)
def test_sum_that_is_one_penny_wrong_is_found(changes: dict[str, Decimal], text: str) -> None:
    placed_order(**changes)
    [found] = texts(audit.frozen_orders, "I6")
    assert text in found


def test_line_that_is_one_penny_wrong_is_found() -> None:
    order = placed_order()
    assert texts(audit.frozen_orders, "I6") == []
    order.items.update(unit_price=Decimal("16.01"))
    assert texts(audit.frozen_orders, "I6") == ["has a line whose total is not price times quantity"]


@pytest.mark.parametrize(
    ("status", "counted", "refunds", "found"),
    [
        ("paid", "0", [], []),
        ("paid", "5", [("5", "done")], []),
        ("paid", "5", [("5", "requested")], []),
        ("paid", "0", [("5", "failed")], []),
        ("refunded", "16", [("16", "done")], []),
        ("refunded", "16", [("10", "done"), ("6", "done")], []),
        ("paid", "16", [("16", "requested")], []),
        ("paid", "5", [], ["counts 5.00 as refunded, but its refunds add up to 0"]),
        ("paid", "0", [("5", "done")], ["counts 0.00 as refunded, but its refunds add up to 5.00"]),
        ("paid", "16", [("16", "done")], ["is paid, with 16.00 of 16.00 refunded"]),
        ("refunded", "0", [], ["is refunded, with 0 of 16.00 refunded"]),
        ("refunded", "16", [("16", "requested")], ["is refunded, with 0 of 16.00 refunded"]),
    ],
)
def test_refunds_are_compared_with_the_order(status: str, counted: str, refunds: list[Any], found: list[str]) -> None:
    order = placed_order(status=status, amount_refunded=Decimal(counted))
    for number, (amount, state) in enumerate(refunds):
        Refund.objects.create(
            payment=order.payments.get(), amount=amount, currency="gbp", status=state, stripe_id=f"re_{number}"
        )
    assert texts(audit.refunds, "I10") == found


def test_mismatch_refund_is_not_a_refund_of_the_order() -> None:
    order = placed_order()
    payment = order.payments.get()
    Refund.objects.create(payment=payment, amount=5, currency="gbp", is_mismatch=True, status="done", stripe_id="re_1")
    assert texts(audit.refunds, "I10") == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"amount": Decimal("15.99")}, ["is paid, but 0 payments match its total"]),
        ({"currency": "eur"}, ["is paid, but 0 payments match its total"]),
        ({"status": Payment.Status.FAILED}, ["is paid, but 0 payments match its total"]),
    ],
)
def test_paid_order_has_one_payment_of_its_total(changes: dict[str, Any], found: list[str]) -> None:
    order = placed_order(paid_at=timezone.now(), payment_intent_id="pi_1")
    order.payments.update(**changes)
    assert texts(audit.paid_orders, "I2") == found


@pytest.mark.parametrize("status", ["placed", "canceling", "canceled"])
def test_charge_of_an_unpaid_order_is_found_unless_it_is_refunded(status: str) -> None:
    order = placed_order(status=status)
    assert texts(audit.paid_orders, "I3") == [f"is {status}, but was charged, and no refund was requested"]
    Refund.objects.create(payment=order.payments.get(), amount=order.total, currency="gbp", is_mismatch=True)
    assert texts(audit.paid_orders, "I3") == []


def test_each_part_of_a_card_number_is_needed_to_find_it() -> None:
    order = placed_order()
    for text, is_found in {"4242 4242 4242 4242": True, "4242 4242 4242 4241": False, "sk_live_a1": True}.items():
        Order.objects.filter(pk=order.pk).update(attention=text)
        assert bool(texts(audit.secrets_in_texts, "I18")) is is_found


@pytest.mark.parametrize(("minutes", "is_found"), [(-3, True), (3, False)])
def test_work_is_overdue_after_an_hour(minutes: int, is_found: bool) -> None:
    order = placed_order()
    Refund.objects.create(payment=order.payments.get(), amount=1, currency="gbp")
    Refund.objects.update(timestamp=timezone.now() - timedelta(hours=1) + timedelta(minutes=minutes))
    assert len(texts(audit.overdue_work, "I19")) == is_found


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        ({}, False),
        ({"placed_at": None}, True),
        ({"shipping_address_text": ""}, True),
        ({"billing_address_text": ""}, True),
    ],
)
def test_placed_order_without_a_time_or_an_address_is_found(changes: dict[str, Any], is_found: bool) -> None:
    placed_order(**changes)
    assert len(texts(audit.frozen_orders, "I14")) == is_found


def test_placed_order_without_lines_is_found() -> None:
    placed_order().items.all().delete()
    assert texts(audit.frozen_orders, "I14") == ["was placed without lines, a time or addresses"]


@pytest.mark.parametrize(("moved", "found"), [(5, []), (4, ["has a stock of 5, its movements add up to 4"])])
def test_stock_is_compared_with_its_movements(moved: int, found: list[str]) -> None:
    product = make_product(stock=5)
    make_product(stock=None, sku="UNCOUNTED")
    product.movements.update(amount=moved)
    assert texts(audit.stock, "I4") == found


@pytest.mark.parametrize(
    ("status", "payment", "found"),
    [
        ("placed", "requires_action", []),
        ("canceling", "requires_action", []),
        ("paid", "succeeded", []),
        ("canceled", "requires_action", ["is canceled, but attempt 1 is still open"]),
        ("paid", "new", ["is paid, but attempt 1 is still open"]),
    ],
)
def test_attempts_end_with_their_order(status: str, payment: str, found: list[str]) -> None:
    placed_order(status=status).payments.update(status=payment)
    assert texts(audit.attempts, "I8") == found


@pytest.mark.parametrize(("active", "found"), [(True, ["is placed, but its cart is still open"]), (False, [])])
def test_cart_of_a_placed_order_is_closed(active: bool, found: list[str]) -> None:
    order = make_open_order()
    assert texts(audit.carts, "I16") == []
    Order.objects.filter(pk=order.pk).update(status="placed")
    Cart.objects.update(active=active)
    assert texts(audit.carts, "I16") == found


def test_active_cart_without_an_owner_is_found() -> None:
    Cart.objects.create(session_key="session")
    Cart.objects.create(active=False)
    assert texts(audit.carts, "I16") == []
    Cart.objects.create()
    assert texts(audit.carts, "I16") == ["has no owner"]


def test_order_that_was_paid_and_is_not_is_found() -> None:
    order = placed_order()
    order.record(OrderEvent.Kind.PLACED)
    assert texts(audit.histories, "I14") == ["is paid, but its history has no event 'paid'"]
    order.record(OrderEvent.Kind.PAID)
    assert texts(audit.histories, "I14") == texts(audit.histories, "I15") == []
    Order.objects.filter(pk=order.pk).update(status="placed")
    assert texts(audit.histories, "I15") == ["was paid, but is placed"]
