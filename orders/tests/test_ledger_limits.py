"""Tests of the comparison with Stripe: each contradiction is found, and only a contradiction."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import answers, gateway
from orders.bookkeeping import stripe_ledger
from orders.models import Dispute, Order, Refund
from stripe_simulator.server import Simulator
from tests.makers import make_paid_order, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def stripe_intents(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> list[answers.Intent]:
    """Return the list of the intents that Stripe has. The simulator answers everything else, and is empty."""
    intents: list[answers.Intent] = []
    monkeypatch.setattr(gateway, "list_intents", lambda since: list(intents))
    return intents


def placed_order(**fields: Any) -> Order:
    """Create an order of 16 pounds with the intent pi_1."""
    fields = {"payment_intent_id": "pi_1", "placed_at": timezone.now()} | fields
    product = make_product(price=Decimal("16.00"))
    return make_paid_order(product, shipping_total=0, total=Decimal("16.00"), **fields)


def intent_of(order: Order, **fields: Any) -> answers.Intent:
    """Return the intent that charged the order."""
    values: dict[str, Any] = {"id": "pi_1", "status": "succeeded", "amount": 1600, "received": 1600, "currency": "gbp"}
    values |= {"order_id": order.order_id, "order_uuid": str(order.uuid)}
    return answers.Intent(**values | {"client_secret": "s"} | fields)


def found() -> list[str]:
    return [f"{finding.rule} {finding.text}" for finding in stripe_ledger.compare()]


OPEN = {"status": "requires_payment_method", "received": 0}


@pytest.mark.parametrize(
    ("status", "intent", "expected"),
    [
        ("paid", {}, []),
        ("shipped", {}, []),
        ("placed", OPEN, []),
        ("canceled", {"status": "canceled", "received": 0}, []),
        ("canceled", {"refunded": 1600}, []),
        ("canceled", {"amount": 1599, "status": "canceled", "received": 0}, []),
        ("paid", OPEN, ["I2 is paid here, and requires_payment_method at Stripe"]),
        ("placed", {}, ["I2 is placed here, and was charged at Stripe"]),
        ("canceled", {"refunded": 1599}, ["I2 is canceled here, and was charged at Stripe"]),
        ("canceled", OPEN, ["I8 is canceled here, but could still be charged at Stripe"]),
        ("paid", {"amount": 1599}, ["I7 is for 16.00 gbp, at Stripe for 1599 gbp (minor units)"]),
        ("placed", OPEN | {"currency": "eur"}, ["I7 is for 16.00 gbp, at Stripe for 1600 eur (minor units)"]),
        ("paid", {"id": "pi_2"}, ["I1 was charged a second time, by pi_2"]),
        ("paid", {"id": "pi_2", "received": 1600, "refunded": 1600}, []),
        ("paid", {"id": "pi_2", "status": "canceled", "received": 0}, []),
        ("paid", OPEN | {"id": "pi_2"}, ["I8 has a second payment at Stripe, pi_2, that could still be charged"]),
    ],
)
def test_order_is_compared_with_its_intent(
    stripe_intents: list[answers.Intent], status: str, intent: dict[str, Any], expected: list[str]
) -> None:
    order = placed_order(status=status)
    stripe_intents.append(intent_of(order, **intent))
    assert [text for text in found() if "refunded" not in text and "does not know" not in text] == expected


@pytest.mark.parametrize(
    ("refunds", "at_stripe", "is_found"),
    [
        ([], 0, False),
        ([], 1, True),
        ([("5", "done")], 500, False),
        ([("5", "pending"), ("1", "done")], 600, False),
        ([("5", "done")], 499, True),
        ([("5", "requested")], 0, False),
        ([("5", "done"), ("1", "requested")], 0, False),
        ([("5", "done"), ("1", "failed")], 500, False),
        ([("5", "done"), ("1", "failed")], 600, False),
        ([("5", "done"), ("1", "failed")], 400, True),
        ([("5", "done"), ("1", "failed")], 601, True),
    ],
)
def test_refunds_are_compared_with_stripe(
    stripe_intents: list[answers.Intent], refunds: list[tuple[str, str]], at_stripe: int, is_found: bool
) -> None:
    order = placed_order()
    for number, (amount, status) in enumerate(refunds):
        Refund.objects.create(
            payment=order.payments.get(), amount=amount, currency="gbp", status=status, stripe_id=f"re_{number}"
        )
    stripe_intents.append(intent_of(order, refunded=at_stripe))
    assert [text.split()[0] for text in found()] == ["I10"] * is_found


@pytest.mark.parametrize(
    ("status", "at_stripe", "is_found"),
    [("canceled", 1300, False), ("canceled", 1299, True), ("canceled", 1600, False), ("paid", 1300, True)],
)
def test_refund_of_a_canceled_order_leaves_out_what_was_lost(
    stripe_intents: list[answers.Intent], status: str, at_stripe: int, is_found: bool
) -> None:
    order = placed_order(status=status)
    Refund.objects.create(payment=order.payments.get(), amount=16, currency="gbp", status="done", is_mismatch=True)
    values = {"status": "lost", "is_lost": True, "currency": "gbp", "stripe_id": "du_1", "opened": timezone.now()}
    Dispute.objects.create(order=order, amount=3, **values)
    stripe_intents.append(intent_of(order, refunded=at_stripe))
    assert ("I10" in [text.split()[0] for text in found()]) is is_found


def test_refund_that_stripe_never_had_does_not_count(stripe_intents: list[answers.Intent]) -> None:
    order = placed_order()
    Refund.objects.create(payment=order.payments.get(), amount=5, currency="gbp", status="failed", stripe_id=None)
    stripe_intents.append(intent_of(order, refunded=500))
    assert found() == ["I10 refunded 0 here, and 500 (minor units) at Stripe"]


def test_intents_of_other_shops_are_ignored(stripe_intents: list[answers.Intent]) -> None:
    order = placed_order()
    stripe_intents.append(intent_of(order))
    stripe_intents.append(intent_of(order, id="pi_2", order_uuid="0b0e7a9c-3f3c-4a54-a9c5-b1f6b5b0a001"))
    stripe_intents.append(intent_of(order, id="pi_3", order_uuid="not one of ours"))
    assert found() == []


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        ({}, True),
        ({"refunded": 1599}, True),
        ({"refunded": 1600}, False),
        ({"received": 0, "status": "requires_payment_method"}, False),
        ({"is_disputed": True}, False),
        ({"shop": "https://other.example"}, False),
    ],
)
def test_charge_of_an_order_that_a_restored_database_lacks_is_found(
    stripe_intents: list[answers.Intent], settings: Any, change: dict[str, Any], is_found: bool
) -> None:
    order = placed_order()
    stripe_intents.append(intent_of(order, **{"shop": settings.SITE_URL} | change))
    order.items.all().delete()
    order.payments.all().delete()
    Order.objects.filter(pk=order.pk).delete()
    missing = 1600 - change.get("refunded", 0)
    text = f"I3 is not in the database, but Stripe charged {missing} gbp (minor units), by pi_1"
    assert found() == [text] * is_found


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_all_intents_are_compared_in_parts(
    stripe_intents: list[answers.Intent], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(stripe_ledger, "CHUNK", 2)
    for number in range(count):
        order = placed_order(payment_intent_id=f"pi_{number}")
        stripe_intents.append(intent_of(order, id=f"pi_{number}", amount=1599))
    assert len(found()) == count


@pytest.mark.usefixtures("simulator")
def test_intents_are_listed_from_a_day_before_the_first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[datetime] = []
    monkeypatch.setattr(gateway, "list_intents", lambda since: starts.append(since) or [])
    placed_at = timezone.now() - timedelta(days=30)
    placed_order(placed_at=placed_at)
    assert found() == ["I2 has the payment pi_1, which Stripe does not know"]
    assert starts == [placed_at - timedelta(days=1)]


@pytest.mark.parametrize(("hours", "is_found"), [(23, False), (25, True)])
def test_order_that_was_placed_a_day_after_the_start_must_be_known(
    stripe_intents: list[answers.Intent], hours: int, is_found: bool
) -> None:
    since = timezone.now() - timedelta(days=5)
    placed_order(placed_at=since + timedelta(hours=hours))
    assert len(stripe_ledger.compare(since)) == is_found
