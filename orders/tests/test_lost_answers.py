"""Tests for lost and slow answers from Stripe: what the page says, and that nothing is done twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import answers, gateway
from billing.stripe_calls import time_limits
from orders.bookkeeping import stripe_ledger
from orders.bookkeeping.audit import audit
from orders.models import Order, Payment, Refund
from orders.workflow import payments, refunds
from orders.workflow.refunds import RefundRequest, settlement
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_product, place_order, submit_details

pytestmark = pytest.mark.django_db
CONFIRM, INTENTS, REFUNDS = "/v1/payment_intents/*/confirm", "/v1/payment_intents", "/v1/refunds"
NOT_CHARGED, CHECKING = "Nothing was charged", "We are checking your payment"


def charges(simulator: Simulator) -> list[int]:
    """Return the successfully charged amounts, in minor units."""
    return [charge["amount"] for charge in simulator.objects("charge") if charge["status"] == "succeeded"]


def refunded(simulator: Simulator) -> list[int]:
    """Return the refunded amounts, in minor units."""
    return [refund["amount"] for refund in simulator.objects("refund")]


def reject_reads(simulator: Simulator) -> None:
    """Let Stripe answer no question about an intent, so that a page shows what the shop knows."""
    simulator.add_fault("/v1/payment_intents/*", "drop_before", method="GET", times=0)


def press_place_order(client: Client) -> Any:
    """Buy through the pages and return the page that the shopper sees."""
    add_to_cart(client, make_product())
    submit_details(client)
    return client.get(place_order(client, add_card(client).json()["card"]).url)


def press_pay(client: Client, order: Order, token: str = "tok_visa") -> Any:
    """Press Pay on the order's page and return the page that the shopper sees."""
    card = add_card(client, token, order.order_id).json()["card"]
    return client.post(reverse("orders:pay", args=[order.order_id]), {"card": card}, follow=True)


# Words for a payment that might have been made


@pytest.mark.sampled(6)
@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "error_500", "html", "empty", "other_json"])
def test_lost_confirmation_says_checking_and_never_not_charged(
    client: Client, simulator: Simulator, fault: str
) -> None:
    simulator.add_fault(CONFIRM, fault)
    reject_reads(simulator)
    page = press_place_order(client).text
    assert CHECKING in page
    assert NOT_CHARGED not in page


@pytest.mark.slow
def test_lost_confirmation_after_a_decline_says_checking_and_never_not_charged(
    client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    simulator.add_fault(CONFIRM, "drop_after")
    reject_reads(simulator)
    page = press_pay(client, order).text
    assert CHECKING in page
    assert NOT_CHARGED not in page
    assert charges(simulator) == [2095]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_lost_answer_to_the_creation_of_an_intent_says_not_charged(
    client: Client, simulator: Simulator, fault: str
) -> None:
    """Check that only a stored intent is confirmed: without one, nothing can have been charged."""
    simulator.add_fault(INTENTS, fault)
    page = press_place_order(client).text
    assert NOT_CHARGED in page
    assert CHECKING not in page
    assert charges(simulator) == []


@pytest.fixture
def unpaid(client: Client, simulator: Simulator) -> Order:
    """Return a placed order without an intent."""
    simulator.add_fault(INTENTS, "drop_before")
    return buy(client, make_product())


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["checking", "paid", "canceled"])
def test_lost_intent_of_a_second_click_leaves_the_words_to_the_first(
    client: Client, simulator: Simulator, unpaid: Order, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """Check the second of two clicks whose first one was faster and is charging the card, or canceled the order."""

    def lose_race(*args: Any, **kwargs: Any) -> None:
        if outcome == "canceled":
            Order.objects.filter(pk=unpaid.pk).update(status=Order.Status.CANCELED, active=False)
        else:
            unpaid.payments.create(number=1, stripe_pm="card_1", amount=unpaid.total, currency=unpaid.currency)
        if outcome == "paid":
            unpaid.payments.update(status=Payment.Status.SUCCEEDED)
            Order.objects.filter(pk=unpaid.pk).update(status=Order.Status.PAID)
        raise answers.OutcomeUnknown

    monkeypatch.setattr(gateway, "create_intent", lose_race)
    payments.pay(unpaid, unpaid.billing_profile.cards.get())
    assert unpaid.status != Order.Status.PLACED or unpaid.open_payment()


def test_lost_intent_of_an_unpaid_order_is_payment_not_possible(unpaid: Order, simulator: Simulator) -> None:
    simulator.add_fault(INTENTS, "drop_before")
    with pytest.raises(payments.PaymentNotPossible):
        payments.pay(unpaid, unpaid.billing_profile.cards.get())


# Slow answers


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that moves the clock of the workflow forward by some seconds."""
    passed = [timedelta()]

    def now() -> datetime:
        return timezone.now() + passed[0]

    def advance(seconds: float) -> None:
        passed[0] += timedelta(seconds=seconds)

    for module in (payments, settlement):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=now))
    return advance


def test_slow_fetch_from_before_the_confirmation_leaves_the_attempt_open(
    client: Client, simulator: Simulator, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.add_fault(CONFIRM, "drop_before")
    order = buy(client, make_product())
    attempt, retrieve = order.payments.get(), gateway.retrieve_intent

    def retrieve_slowly(intent_id: str) -> answers.Intent:
        intent = retrieve(intent_id)  # Stripe looks,
        gateway.confirm_intent(intent_id, attempt.stripe_pm, str(attempt.key))  # the confirmation arrives,
        clock(time_limits.MAX_CONFIRM_SECONDS + 5)  # and only then our process gets the answer
        return intent

    monkeypatch.setattr(gateway, "retrieve_intent", retrieve_slowly)
    payments.settle(order)
    assert order.payments.get().status == Payment.Status.NEW
    monkeypatch.setattr(gateway, "retrieve_intent", retrieve)
    payments.settle(order)
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


def test_fetch_that_begins_after_any_confirmation_closes_the_attempt(
    client: Client, simulator: Simulator, clock: Callable[[float], None]
) -> None:
    simulator.add_fault(CONFIRM, "drop_before")
    order = buy(client, make_product())
    clock(time_limits.MAX_CONFIRM_SECONDS + 1)
    payments.settle(order)
    assert order.payments.get().status == Payment.Status.FAILED


@pytest.fixture
def paid(client: Client, simulator: Simulator) -> Order:
    return buy(client, make_product(), quantity=2)


def test_slow_look_for_a_refund_allows_no_second_request(
    paid: Order, simulator: Simulator, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.add_fault(REFUNDS, "error_500_stored")
    row = refunds.refund(paid, RefundRequest(Decimal(5), Decimal(0), by="staff"))
    assert row.status == Refund.Status.REQUESTED
    clock(60)
    look = gateway.list_refunds

    def look_slowly(intent_id: str) -> list[answers.RefundResult]:
        found = look(intent_id)
        gateway.create_refund(intent_id, row.amount, row.currency, row.pk, "the first request, still running")
        clock(120)
        return found

    monkeypatch.setattr(gateway, "list_refunds", look_slowly)
    refunds.finish_refund(row)
    assert refunded(simulator) == [500]


# Repeated calls after Stripe forgot the idempotency keys


def forget_after_a_day(simulator: Simulator) -> None:
    simulator.clear_faults()
    simulator.forget_idempotency_keys()
    Refund.objects.update(asked_at=timezone.now() - timedelta(days=1))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("fault", ["drop_after", "html"])
@pytest.mark.parametrize("amount", ["5.00", "36.95"])
def test_refund_with_a_lost_answer_is_made_once_a_day_later(
    paid: Order, simulator: Simulator, fault: str, amount: str
) -> None:
    simulator.add_fault(REFUNDS, fault)
    row = refunds.refund(paid, RefundRequest(Decimal(amount), Decimal(0), by="staff"))
    assert row.status == Refund.Status.REQUESTED
    forget_after_a_day(simulator)
    refunds.finish_refund(row)
    row.refresh_from_db()
    assert (row.status, refunded(simulator)) == (Refund.Status.DONE, [int(Decimal(amount) * 100)])
    assert audit() == []


@pytest.mark.slow
def test_pending_refund_with_a_lost_answer_is_made_once_a_day_later(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_pendingRefund")
    simulator.add_fault(REFUNDS, "drop_after")
    row = refunds.refund(order, RefundRequest(Decimal(5), Decimal(0), by="staff"))
    forget_after_a_day(simulator)
    refunds.finish_refund(row)
    row.refresh_from_db()
    assert (row.status, refunded(simulator)) == (Refund.Status.PENDING, [500])


def test_order_is_charged_once_by_an_intent_that_is_created_again_a_day_later(
    client: Client, simulator: Simulator
) -> None:
    """Check that the first intent, which the order never stored, is not confirmed, and is canceled by the repair."""
    simulator.add_fault(INTENTS, "drop_after")
    order = buy(client, make_product())
    forget_after_a_day(simulator)
    payments.pay(order, order.billing_profile.cards.get())
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])
    stripe_ledger.repair(timezone.now() - timedelta(days=1))
    assert [intent["status"] for intent in simulator.objects("payment_intent")] == ["canceled", "succeeded"]


@pytest.mark.slow
def test_confirmation_that_is_repeated_a_day_later_charges_once(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(CONFIRM, "drop_after")
    order = buy(client, make_product())
    forget_after_a_day(simulator)
    payment = order.payments.get()
    with pytest.raises(answers.StateChanged):
        gateway.confirm_intent(str(order.payment_intent_id), payment.stripe_pm, str(payment.key))
    assert charges(simulator) == [2095]
