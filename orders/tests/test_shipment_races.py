"""Tests for shipments, refunds and deliveries at the same moment, each in a thread with a separate connection."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from orders.bookkeeping.audits.units import units as audit_units
from orders.models import Mail, Order, Shipment
from orders.workflow import refunds
from orders.workflow.refunds import RefundRejected, RefundRequest
from orders.workflow.shipping import ShipmentRejected, ShipmentRequest, mark_delivered, ship
from tests.makers import make_paid_order, make_product, make_shipment
from tests.threads import run_in_threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order() -> Order:
    """Return a paid order of three units at 10.00 each."""
    order = make_paid_order(make_product(price=Decimal(10)), total=Decimal(30), shipping_total=0)
    order.items.update(quantity=3, total=Decimal(30))
    return order


def packing(order: Order, units: int) -> Callable[[], bool]:
    """Return a step that ships some units, which tells whether they were shipped."""
    own, line = Order.objects.get(pk=order.pk), order.items.get().pk

    def pack() -> bool:
        try:
            ship(own, ShipmentRequest("packer", {line: units}))
        except ShipmentRejected:
            return False
        return True

    return pack


def test_two_members_of_staff_never_ship_more_than_is_left(order: Order) -> None:
    assert sorted(run_in_threads(*[packing(order, 2) for _ in range(4)])) == [False] * 3 + [True]
    assert order.shipments.count() == order.mails.filter(kind=Mail.Kind.SHIPPED).count() == 1


def test_simultaneous_shipments_of_all_parts_complete_the_order(order: Order) -> None:
    assert run_in_threads(*[packing(order, 1) for _ in range(3)]) == [True] * 3
    assert sorted(order.shipments.values_list("number", flat=True)) == [1, 2, 3]
    assert Order.objects.get(pk=order.pk).status == Order.Status.SHIPPED


def test_refund_of_the_last_unit_during_a_shipment_leaves_the_right_status(order: Order) -> None:
    own, line = Order.objects.get(pk=order.pk), order.items.get().pk

    def refund() -> bool:
        try:
            refunds.request_refund(own, RefundRequest(Decimal(10), Decimal(0), "staff", units={line: 1}))
        except RefundRejected:
            return False
        return True

    assert run_in_threads(refund, packing(order, 2)) == [True, True]
    assert Order.objects.get(pk=order.pk).status == Order.Status.SHIPPED
    assert list(audit_units()) == []


def test_shipment_is_delivered_once(order: Order) -> None:
    shipment = make_shipment(order)
    steps = [lambda: mark_delivered(Shipment.objects.get(pk=shipment.pk), by="staff") for _ in range(3)]
    assert sorted(run_in_threads(*steps)) == [False, False, True]
