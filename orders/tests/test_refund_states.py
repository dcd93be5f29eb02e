"""Tests of what the refunds at Stripe do to our rows: which row they belong to, and what their status changes."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import answers, gateway
from orders.models import Dispute, Order, OrderEvent, Refund
from orders.workflow import refunds
from tests.makers import make_paid_order, make_product

pytestmark = pytest.mark.django_db


class Stripe:
    """The refunds that Stripe has, and those that the shop requested."""

    def __init__(self) -> None:
        self.refunds: list[answers.RefundResult] = []
        self.requested: list[int] = []

    def add(self, amount: int, row: object = "", status: str = "succeeded", **fields: str) -> None:
        name = f"re_{len(self.refunds)}"
        values: dict[str, Any] = {"id": name, "status": status, "amount": amount, "currency": "gbp", "row": str(row)}
        self.refunds.append(answers.RefundResult(**values | fields))

    def create(self, intent: str, amount: Decimal | None, currency: str, row: int, key: str) -> answers.RefundResult:
        self.requested.append(row)
        self.add(1600 if amount is None else int(amount * 100), row)
        return self.refunds[-1]


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> Stripe:
    stripe = Stripe()
    monkeypatch.setattr(gateway, "list_refunds", lambda intent_id: list(stripe.refunds))
    monkeypatch.setattr(gateway, "create_refund", stripe.create)
    return stripe


def make_order(**fields: Any) -> Order:
    """Create a paid order of 16 pounds."""
    product = make_product(price=Decimal("16.00"))
    return make_paid_order(product, shipping_total=0, total=Decimal("16.00"), payment_intent_id="pi_1", **fields)


def make_refund(order: Order, amount: str = "5", **fields: Any) -> Refund:
    """Create a requested refund, and count it as refunded unless it is for a mismatch."""
    if not fields.get("is_mismatch"):
        Order.objects.filter(pk=order.pk).update(amount_refunded=Decimal(amount))
    return Refund.objects.create(payment=order.payments.get(), amount=Decimal(amount), currency="gbp", **fields)


def state(order: Order) -> tuple[str, Decimal, list[tuple[str, str | None]]]:
    """Return the status and refunded amount of the order, and the status and Stripe id of each refund."""
    order.refresh_from_db()
    rows = Refund.objects.filter(payment__order=order).order_by("pk")
    return order.status, order.amount_refunded, [(row.status, row.stripe_id) for row in rows]


def settle(order: Order, wanted: Refund | None = None) -> bool:
    return refunds.settle_refunds(Order.objects.get(pk=order.pk), "pi_1", wanted)


def test_repeated_request_finds_the_refund_that_stripe_has(stripe: Stripe) -> None:
    order = make_order()
    row = make_refund(order)
    stripe.add(500, row.pk)
    refunds.finish_refund(row)
    assert (stripe.requested, state(order)) == ([], ("paid", 5, [("done", "re_0")]))


def test_refund_that_stripe_does_not_have_is_requested_once(stripe: Stripe) -> None:
    order = make_order()
    row = make_refund(order)
    for _number in range(2):
        refunds.finish_refund(row)
    assert (stripe.requested, state(order)) == ([row.pk], ("paid", 5, [("done", "re_0")]))


@pytest.mark.parametrize("number", ["", "x", "²", "-1", "0", "9" * 18, "9" * 19, "9" * 400])
def test_refund_with_another_number_is_stored_as_a_new_one(stripe: Stripe, number: str) -> None:
    order = make_order()
    row = make_refund(order)
    stripe.add(200, number)
    assert not settle(order, row)
    assert state(order) == ("paid", 7, [("requested", None), ("done", "re_0")])


@pytest.mark.parametrize(("amount", "status"), [("15.99", "paid"), ("16.00", "refunded")])
def test_order_is_refunded_with_its_last_penny(stripe: Stripe, amount: str, status: str) -> None:
    order = make_order()
    row = make_refund(order, amount)
    stripe.add(int(Decimal(amount) * 100), row.pk)
    assert settle(order, row)
    assert state(order) == (status, Decimal(amount), [("done", "re_0")])


@pytest.mark.parametrize(
    ("amount", "currency", "status", "is_stored"),
    [
        (1600, "gbp", "succeeded", True),
        (1600, "gbp", "pending", True),
        (1601, "gbp", "succeeded", False),
        (1600, "eur", "succeeded", False),
        (1600, "gbp", "failed", False),
        (1600, "gbp", "canceled", False),
        (1600, "gbp", "unheard_of", False),
    ],
)
def test_dashboard_refund_is_stored_if_the_order_can_be_refunded(
    stripe: Stripe, amount: int, currency: str, status: str, is_stored: bool
) -> None:
    order = make_order()
    stripe.add(amount, status=status, currency=currency)
    settle(order)
    assert len(state(order)[2]) == is_stored
    assert order.amount_refunded == (16 if is_stored else 0)


def test_dashboard_refund_of_an_unpaid_order_is_not_stored(stripe: Stripe) -> None:
    order = make_order(status="canceled")
    stripe.add(1600)
    settle(order)
    assert state(order) == ("canceled", 0, [])


@pytest.mark.parametrize(("length", "stored"), [(250, 250), (251, 250), (400, 250)])
def test_refund_that_fails_at_stripe_is_reverted_with_its_reason(stripe: Stripe, length: int, stored: int) -> None:
    order = make_order()
    row = make_refund(order)
    stripe.add(500, row.pk, status="failed", reason="x" * length)
    settle(order)
    row.refresh_from_db()
    assert row.message == "x" * stored
    assert state(order) == ("paid", 0, [("failed", "re_0")])
    assert order.events.filter(kind=OrderEvent.Kind.REFUND_FAILED).count() == 1
    assert order.attention


@pytest.mark.parametrize(
    ("amounts", "statuses", "is_done"),
    [
        ([], [], False),
        ([1599], ["succeeded"], False),
        ([1600], ["succeeded"], True),
        ([1000, 600], ["succeeded", "succeeded"], True),
        ([1000, 600], ["succeeded", "failed"], False),
        ([1000, 600], ["succeeded", "pending"], False),
    ],
)
def test_mismatch_refund_is_done_when_the_whole_charge_is_refunded(
    stripe: Stripe, amounts: list[int], statuses: list[str], is_done: bool
) -> None:
    order = make_order(status="canceled")
    row = make_refund(order, "16", is_mismatch=True)
    for amount, status in zip(amounts, statuses, strict=True):
        stripe.add(amount, status=status)
    assert settle(order, row) is is_done
    row.refresh_from_db()
    assert (row.status == Refund.Status.DONE) is is_done


@pytest.mark.parametrize(
    ("lost", "fields", "is_done"),
    [
        ("3.00", {}, True),
        ("2.99", {}, False),
        ("3.00", {"is_lost": False, "status": "won"}, False),
        ("3.00", {"currency": "eur"}, False),
    ],
)
def test_mismatch_refund_leaves_out_what_was_lost_in_disputes(
    stripe: Stripe, lost: str, fields: dict[str, Any], is_done: bool
) -> None:
    order = make_order(status="canceled")
    row = make_refund(order, "16", is_mismatch=True)
    values = {"status": "lost", "is_lost": True, "currency": "gbp", "stripe_id": "du_1", "opened": timezone.now()}
    Dispute.objects.create(order=order, amount=lost, **values | fields)
    stripe.add(1300)
    assert settle(order, row) is is_done


def test_only_a_failed_mismatch_refund_is_retried(stripe: Stripe) -> None:
    order = make_order(status="canceled")
    row = make_refund(order, "16", is_mismatch=True)
    assert not refunds.retry_mismatch_refund(row, by="staff")
    Refund.objects.update(status="failed", is_mismatch=False)
    assert not refunds.retry_mismatch_refund(row, by="staff")
    Refund.objects.update(is_mismatch=True)
    assert refunds.retry_mismatch_refund(row, by="staff")
    assert (stripe.requested, state(order)) == ([row.pk], ("canceled", 0, [("done", "re_0")]))


@pytest.mark.parametrize("length", [120, 121, 300])
def test_mismatch_refund_is_created_once_with_a_reason_that_fits(length: int) -> None:
    order = make_order(status="canceled")
    arguments = (order, order.payments.get(), order.total, "gbp", "x" * length)
    row = refunds.create_mismatch_refund(*arguments)
    assert row
    assert row.reason == "x" * 120
    assert refunds.create_mismatch_refund(*arguments) is None
    assert order.events.filter(kind=OrderEvent.Kind.MISMATCH).count() == 1
