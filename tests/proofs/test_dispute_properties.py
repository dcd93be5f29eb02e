"""Proof for all sequences of refunds and disputes: the sums are right, and never more than the charge is refunded."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
import stripe
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.money import minor_units
from orders.bookkeeping.audit import audit
from orders.models import Dispute, Order, OrderEvent
from orders.workflow import payments, refunds
from orders.workflow.refunds import RefundRequest
from stripe_simulator.server import Simulator
from tests.makers import buy, make_product
from tests.proofs import dispute_steps
from tests.proofs.consistency import independent_problems
from tests.proofs.incremental_audit import delete_all_rows
from tests.proofs.proof_report import ProofReport, scaled

PROOF = "Disputes and refunds in any order"
SHARES = st.sampled_from([1, 1, 2, 3, 7])
TOKENS = st.sampled_from(["tok_visa", "tok_createDispute", "tok_pendingRefund", "tok_refundFail"])
STEPS = st.one_of(
    st.tuples(st.just("refund"), SHARES),
    st.tuples(st.just("refund_in_dashboard"), SHARES),
    st.tuples(st.just("finish_refunds"), st.just(0)),
    st.tuples(st.just("dispute"), SHARES),
    st.tuples(st.just("inquire"), SHARES),
    st.tuples(st.just("move"), st.integers(0, 20)),
    st.tuples(st.just("settle"), st.just(0)),
)


class Case:
    """An order of one product, and what staff, the cardholder and Stripe can do with its payment."""

    def __init__(self, simulator: Simulator, token: str) -> None:
        delete_all_rows()
        simulator.reset()
        self.simulator = simulator
        self.order = buy(Client(), make_product(), token)
        self.intent = str(self.order.payment_intent_id)

    def take(self, step: str, number: int) -> None:
        getattr(self, step)(number)

    def refund(self, share: int) -> None:
        """Refund a share of what is left, or one penny more than is left."""
        amount = (self.order.refundable / share).quantize(Decimal("0.01")) if share < 7 else self.order.refundable + 1
        with suppress(refunds.RefundRejected):
            refunds.refund(self.order, RefundRequest(amount, self.order.amount_refunded, by="staff"))

    def refund_in_dashboard(self, share: int) -> None:
        dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": self.simulator.url})
        left = dispute_steps.undisputed(self.simulator, dispute_steps.charge_of(self.simulator, self.intent))
        with suppress(stripe.InvalidRequestError):
            dashboard.v1.refunds.create({"payment_intent": self.intent, "amount": left // share})

    def finish_refunds(self, number: int) -> None:
        self.simulator.finish_refunds()

    def dispute(self, share: int) -> None:
        dispute_steps.open_dispute(self.simulator, self.intent, share, "needs_response")

    def inquire(self, share: int) -> None:
        dispute_steps.open_dispute(self.simulator, self.intent, share, "warning_needs_response")

    def move(self, number: int) -> None:
        if rows := dispute_steps.movable_disputes(self.simulator):
            dispute_steps.move_dispute(self.simulator, rows[number % len(rows)], number)

    def settle(self, number: int) -> None:
        """Do nothing between two settles."""

    def check_sums(self) -> None:
        self.order.refresh_from_db()
        lost = sum(row["amount"] for row in self.simulator.objects("dispute") if row["status"] == "lost")
        assert minor_units(self.order.amount_lost, "gbp") == lost
        assert self.order.amount_refunded + self.order.amount_lost <= self.order.total
        states = {row["id"]: row["status"] for row in self.simulator.objects("dispute")}
        assert dict(Dispute.objects.values_list("stripe_id", "status")) == states


@pytest.fixture
def clean_simulator(simulator: Simulator, transactional_db: None) -> Iterator[Simulator]:
    yield simulator
    delete_all_rows()


def runs(quick: int, small: int, full: int) -> Callable[[Any], Any]:
    return hypothesis_settings(
        max_examples=scaled(quick, small, full),
        derandomize=scaled(quick=True, small=False, full=False),
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@runs(quick=15, small=15, full=1_000)
@given(token=TOKENS, steps=st.lists(st.tuples(STEPS, st.booleans()), max_size=12))
def check_sequences(
    report: ProofReport, simulator: Simulator, token: str, steps: list[tuple[tuple[str, int], bool]]
) -> None:
    """Take the steps, some without telling the shop, and check the sums whenever the shop has asked Stripe."""
    report.count_try()
    case = Case(simulator, token)
    for (step, number), is_told in steps:
        case.take(step, number)
        if is_told:
            settle_as_webhook(case)
            case.check_sums()
    case.simulator.finish_refunds()
    settle_as_webhook(case)
    case.check_sums()
    assert audit() == []
    assert list(independent_problems(simulator)) == []


def settle_as_webhook(case: Case) -> None:
    payments.settle_on_event(None, intent_id=case.intent, type="charge.dispute.updated")


@pytest.mark.slow
def test_refunds_and_lost_disputes_never_exceed_the_charge(report: ProofReport, clean_simulator: Simulator) -> None:
    check_sequences(report, clean_simulator)


@runs(quick=10, small=10, full=500)
@given(refunded=st.integers(0, 2095), lost=st.lists(st.integers(1, 2095), min_size=1, max_size=3))
def check_excess(report: ProofReport, simulator: Simulator, refunded: int, lost: list[int]) -> None:
    """Let banks take any amounts, even more than is left, and check that the audit reports exactly the excess."""
    report.count_try()
    case = Case(simulator, "tok_visa")
    if refunded:
        refunds.refund(case.order, RefundRequest(Decimal(refunded) / 100, Decimal(0), by="staff"))
    for amount in lost:
        simulator.lose_dispute(simulator.open_dispute(case.intent, amount=amount)["id"])
    settle_as_webhook(case)
    order = Order.objects.get()
    assert minor_units(order.amount_lost, "gbp") == sum(lost)
    assert order.refundable == max(Decimal(2095 - refunded - sum(lost)) / 100, Decimal(0))
    assert {finding.rule for finding in audit()} == ({"I10"} if refunded + sum(lost) > 2095 else set())
    assert order.events.filter(kind=OrderEvent.Kind.DISPUTE_CLOSED).count() == len(lost)


@pytest.mark.slow
def test_audit_reports_what_banks_take_beyond_the_charge(report: ProofReport, clean_simulator: Simulator) -> None:
    check_excess(report, clean_simulator)
