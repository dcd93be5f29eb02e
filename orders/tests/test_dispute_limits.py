"""Tests of disputes without the simulator: audited sums, the comparison with Stripe, and what each change tells."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing import answers, gateway
from orders.bookkeeping.audits import disputes as audit_disputes
from orders.bookkeeping.audits.disputes import compare_disputes, lost_disputes
from orders.models import Dispute, Order, OrderEvent, Refund
from orders.workflow import disputes
from tests.makers import make_paid_order, make_product, ship

pytestmark = pytest.mark.django_db
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_order(**fields: Any) -> Order:
    """Create a paid order of 16 pounds."""
    fields = {"payment_intent_id": "pi_1", "placed_at": timezone.now()} | fields
    return make_paid_order(make_product(price=Decimal("16.00")), shipping_total=0, total=Decimal("16.00"), **fields)


def make_dispute(order: Order, amount: str, **fields: Any) -> Dispute:
    """Create a lost dispute."""
    values = {"stripe_id": f"du_{Dispute.objects.count()}", "currency": "gbp", "status": "lost", "is_lost": True}
    return Dispute.objects.create(**values | {"order": order, "amount": amount, "opened": timezone.now()} | fields)


def at_stripe(status: str = "needs_response", **fields: Any) -> answers.DisputeResult:
    values: dict[str, Any] = {"id": "du_0", "amount": 500, "currency": "gbp", "intent_id": "pi_1", "reason": "fraud"}
    return answers.DisputeResult(
        **values | {"status": status, "is_withdrawn": True, "opened": DUE, "due": DUE} | fields
    )


# --- the audit of our rows ---


@pytest.mark.parametrize(
    ("lost", "other", "counted", "is_found"),
    [
        ([], [], "0", False),
        (["5"], [], "5", False),
        (["5", "2"], [], "7", False),
        (["5"], [{"is_lost": False, "status": "won"}], "5", False),
        (["5"], [{"currency": "eur"}], "5", False),
        (["5"], [], "4.99", True),
        (["5"], [], "0", True),
        ([], [], "5", True),
        ([], [{"is_lost": False, "status": "won"}], "3", True),
    ],
)
def test_lost_amount_of_an_order_is_compared_with_its_lost_disputes(
    lost: list[str], other: list[dict[str, Any]], counted: str, is_found: bool
) -> None:
    order = make_order(amount_lost=counted)
    for amount in lost:
        make_dispute(order, amount)
    for fields in other:
        make_dispute(order, "3", **fields)
    assert [finding.rule for finding in lost_disputes()] == ["I10"] * is_found


@pytest.mark.parametrize(
    ("refund", "fields", "status", "is_found"),
    [
        ("11.00", {}, "paid", False),
        ("11.01", {}, "paid", True),
        ("11.01", {"status": "pending"}, "shipped", True),
        ("11.01", {"status": "failed"}, "paid", False),
        ("11.01", {"is_mismatch": True}, "paid", False),
        ("11.01", {}, "canceled", False),
    ],
)
def test_refunds_and_losses_beyond_the_total_are_found(
    refund: str, fields: dict[str, Any], status: str, is_found: bool
) -> None:
    order = make_order(amount_lost=5, status=status)
    make_dispute(order, "5")
    Refund.objects.create(payment=order.payments.get(), amount=refund, currency="gbp", **{"status": "done"} | fields)
    found = [str(finding) for finding in lost_disputes()]
    assert len(found) == is_found
    assert not found or f"refunded {refund} and lost 5.00 in disputes, more than its total of 16.00" in found[0]


# --- the comparison with Stripe ---


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"status": "lost"}, ""),
        ({"status": "won"}, "has the dispute du_0, which is lost here and won at Stripe"),
        ({"status": "lost", "amount": 501}, "(5.00 here, 501 in minor units at Stripe)"),
        ({"status": "lost", "id": "du_new"}, "has the dispute du_new at Stripe, which is not stored here"),
        ({"id": "du_new", "intent_id": "pi_other"}, ""),
        ({"id": "du_new", "intent_id": ""}, ""),
    ],
)
def test_dispute_is_compared_with_its_row(fields: dict[str, Any], text: str) -> None:
    make_dispute(make_order(), "5")
    found = [str(finding) for finding in compare_disputes([at_stripe(**fields)])]
    assert len(found) == bool(text)
    assert all(text in finding for finding in found)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_all_disputes_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(audit_disputes, "CHUNK", 2)
    for number in range(count):
        make_order(payment_intent_id=f"pi_{number}")
    found = compare_disputes(at_stripe(id=f"du_{number}", intent_id=f"pi_{number}") for number in range(count))
    assert len({finding.order for finding in found}) == count


# --- what a change stores and tells ---


def settle(monkeypatch: pytest.MonkeyPatch, order: Order, *results: answers.DisputeResult) -> int:
    """Settle the disputes of an order that Stripe has. Return how often they were fetched."""
    fetches: list[str] = []
    monkeypatch.setattr(gateway, "list_disputes", lambda intent: fetches.append(intent) or list(results))
    disputes.settle_disputes(order, "pi_1")
    order.refresh_from_db()
    return len(fetches)


@pytest.mark.parametrize(
    ("statuses", "kinds"),
    [
        (["needs_response"], "disputed"),
        (["lost"], "disputed dispute_closed"),
        (["needs_response", "under_review"], "disputed dispute_updated"),
        (["needs_response", "won"], "disputed dispute_closed"),
        (["warning_needs_response"], "inquiry"),
        (["warning_closed"], "inquiry dispute_closed"),
        (["warning_needs_response", "warning_under_review"], "inquiry dispute_updated"),
        (["warning_needs_response", "warning_closed"], "inquiry dispute_closed"),
        (["warning_needs_response", "needs_response"], "inquiry disputed"),
        (["warning_needs_response", "lost"], "inquiry disputed dispute_closed"),
    ],
)
def test_each_change_of_a_dispute_has_its_events(
    monkeypatch: pytest.MonkeyPatch, statuses: list[str], kinds: str
) -> None:
    order = make_order()
    for status in statuses:
        assert settle(monkeypatch, order, at_stripe(status)) == 1
    events = order.events.exclude(kind=OrderEvent.Kind.ALERTED).order_by("pk")
    assert " ".join(events.values_list("kind", flat=True)) == kinds
    assert order.events.filter(kind=OrderEvent.Kind.ALERTED).count() == len(statuses)


def test_unchanged_dispute_is_fetched_once_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order()
    settle(monkeypatch, order, at_stripe())
    events = list(order.events.all())
    assert settle(monkeypatch, order, at_stripe()) == 1
    assert list(order.events.all()) == events


@pytest.mark.parametrize(
    ("status", "withdrawn", "lost"),
    [
        ("lost", True, "5"),
        ("lost", False, "5"),
        ("prevented", True, "5"),
        ("prevented", False, "0"),
        ("won", True, "0"),
        ("needs_response", True, "0"),
        ("warning_closed", False, "0"),
    ],
)
def test_dispute_counts_as_lost_if_the_money_is_gone(
    monkeypatch: pytest.MonkeyPatch, status: str, withdrawn: bool, lost: str
) -> None:
    order = make_order()
    settle(monkeypatch, order, at_stripe(status, is_withdrawn=withdrawn))
    assert order.amount_lost == Decimal(lost)
    assert Dispute.objects.get().is_lost == bool(order.amount_lost)


@pytest.mark.parametrize(
    ("status", "due", "is_named"),
    [("needs_response", DUE, True), ("needs_response", None, False), ("lost", DUE, False), ("lost", None, False)],
)
def test_deadline_is_named_while_the_dispute_is_open(
    monkeypatch: pytest.MonkeyPatch, status: str, due: datetime | None, is_named: bool
) -> None:
    order = make_order()
    settle(monkeypatch, order, at_stripe(status, due=due))
    assert ("respond by" in order.attention) == is_named


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("needs_response", "The payment is disputed."),
        ("warning_needs_response", "The bank asks about the payment."),
        ("warning_closed", "A case about the payment was closed"),
        ("won", "A case about the payment was closed"),
    ],
)
def test_alert_says_what_staff_can_do(monkeypatch: pytest.MonkeyPatch, status: str, text: str) -> None:
    order = make_order()
    settle(monkeypatch, order, at_stripe(status))
    assert order.attention.startswith(text)


@pytest.mark.parametrize(("refunded", "is_shipped"), [("11.00", False), ("10.99", True)])
def test_order_without_a_rest_after_refunds_and_losses_cannot_be_shipped(refunded: str, is_shipped: bool) -> None:
    order = make_order(amount_lost=5, amount_refunded=refunded)
    assert ship(order, by="packer") == is_shipped
