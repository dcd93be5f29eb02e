"""Tests for declarations at the same moment, each in a thread with a separate connection."""

import pytest
from django.test import Client

from orders.models import Order, OrderEvent, Withdrawal, WithdrawalMail
from orders.workflow.withdrawals import declaring
from orders.workflow.withdrawals.declaring import Declaration, declare
from orders.workflow.withdrawals.matching import match
from tests.makers import make_paid_order, ship
from tests.threads import run_in_threads

pytestmark = pytest.mark.django_db(transaction=True)
PRESSES = 8


def declaration(order: Order, name: str = "Gia", items: str = "") -> Declaration:
    return Declaration(name, order.email, order.order_id, is_whole_order=not items, language="en", items=items)


def test_eight_presses_are_one_withdrawal_and_one_receipt() -> None:
    order = make_paid_order()
    data = {"name": "Gia", "order_number": order.order_id, "email": order.email, "scope": "whole"}

    def press() -> str:
        return str(Client().post("/orders/withdraw/confirm/", data)["Location"])

    pages = run_in_threads(*[press] * PRESSES)
    number = Withdrawal.objects.get().number
    assert all(number in Client().get(page).text for page in pages)
    assert WithdrawalMail.objects.receipts().count() == 1
    assert order.events.filter(kind=OrderEvent.Kind.WITHDRAWN).count() == 1


def test_simultaneous_declarations_stay_within_the_limits() -> None:
    order = make_paid_order()
    steps = [lambda n=n: declare(declaration(order, f"Gia {n}"), ip="x") for n in range(PRESSES)]
    run_in_threads(*steps)
    assert Withdrawal.objects.count() == PRESSES
    assert WithdrawalMail.objects.receipts().count() <= WithdrawalMail.MAILBOX_LIMIT


@pytest.mark.parametrize("number", range(4))
def test_order_does_not_ship_while_typed_items_wait(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Either the order was shipped before the withdrawal was matched, or it still waits."""
    monkeypatch.setattr(declaring, "start", lambda *args: None)
    order = make_paid_order()
    row = declare(declaration(order, items="the mug"), ip="x")
    is_matched, is_shipped = run_in_threads(lambda: match(row), lambda: ship(order, by="staff"))
    kinds = list(order.events.order_by("pk").values_list("kind", flat=True))
    assert is_matched
    if is_shipped:
        assert kinds.index(OrderEvent.Kind.SHIPPED) < kinds.index(OrderEvent.Kind.WITHDRAWN)
    else:
        assert OrderEvent.Kind.SHIPPED not in kinds
