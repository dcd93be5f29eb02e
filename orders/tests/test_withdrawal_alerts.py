"""Tests for alerts about typed items: they end with what they ask for, and the next withdrawal gets its own."""

import pytest
from django.test import Client

from orders.models import Order, OrderEvent, Withdrawal
from orders.tests.test_withdrawal_handling import STAFF, assign, declare, is_open, order, refund_of
from orders.workflow import alerts
from orders.workflow.withdrawals import handling
from orders.workflow.withdrawals.matching import match
from tests.makers import buy, make_product

__all__ = ["order"]  # the fixture
pytestmark = pytest.mark.django_db


def declare_items(of: Order, items: str = "one mug") -> Withdrawal:
    """Return a withdrawal of typed items that has been matched with its order."""
    row = declare(of, items=items, is_checked=False)
    assert match(row)
    row.refresh_from_db()
    return row


def alert_of(of: Order) -> str:
    return Order.objects.get(pk=of.pk).attention


@pytest.mark.parametrize("first_is_assigned_first", [True, False])
def test_second_of_two_withdrawals_keeps_an_alert_until_it_is_assigned(
    order: Order, first_is_assigned_first: bool
) -> None:
    rows = [declare_items(order), declare_items(order, "two mugs")]
    first, second = rows if first_is_assigned_first else reversed(rows)
    assert assign(first, order)
    assert second.number in alert_of(order)
    assert assign(second, order)
    assert alert_of(order) == ""


def test_order_that_a_withdrawal_leaves_has_no_alert_any_more(client: Client, order: Order) -> None:
    other = buy(client, make_product(title="Bowl"))
    row = declare_items(order)
    assert handling.assign(row, handling.Assignment(other, by=STAFF, units={other.items.get().pk: 1}))
    assert (alert_of(order), alert_of(other)) == ("", "")


def test_refund_that_closes_the_withdrawal_ends_its_alert(order: Order) -> None:
    row = declare_items(order)
    refund_of(None, order, 3, str(order.total))
    assert (is_open(row), alert_of(order)) == (False, "")


def test_alert_about_something_else_stays(order: Order) -> None:
    row = declare_items(order)
    alerts.alert_staff(order, "A dispute was opened.")
    assert assign(row, order)
    assert alert_of(order) == "A dispute was opened."


@pytest.mark.parametrize("is_whole_order", [True, False])
def test_withdrawal_after_the_refund_of_the_order_is_closed_at_once(order: Order, is_whole_order: bool) -> None:
    row = declare(None, order_number=order.order_id, is_whole_order=is_whole_order, is_checked=False)
    refund_of(None, order, 3, str(order.total))
    assert match(row)
    assert (is_open(row), row.order, alert_of(order)) == (False, order, "")
    assert order.events.filter(kind=OrderEvent.Kind.WITHDRAWN).count() == 1
