"""Tests for calls to Stripe that are not admitted: nothing was asked, so nothing changes, and it can be repeated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing import cards, gateway
from billing.models import BillingProfile, Card, CardAttempt, StripeEvent
from billing.stripe_calls import admission, time_limits
from billing.tests.test_webhook import deliver, event
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, Payment, Refund
from orders.workflow import cancellation, erasure, payments, refunds
from orders.workflow.refunds import RefundRequest
from stripe_simulator.server import Simulator
from tests.makers import PASSWORD, add_card, add_to_cart, buy, make_product, make_user, place_order, submit_details

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
CONFIRM = "/v1/payment_intents/*/confirm"
NOT_NOW = "Payment is not possible right now. Nothing was charged"
Refusal = Callable[[], Any]


@pytest.fixture(params=["slots", pytest.param("breaker", marks=pytest.mark.slow)])
def refused(request: pytest.FixtureRequest, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """Return a context manager in which no call is admitted. It checks that Stripe was asked nothing."""

    @contextmanager
    def refuse() -> Iterator[None]:
        asked = len(simulator.requests)
        with monkeypatch.context() as patch:
            patch.setattr(admission, "slots", admission.Slots(1, wait_seconds=0))
            patch.setattr(admission, "breaker", admission.CircuitBreaker())
            if request.param == "slots":
                admission.slots.take()
            else:
                open_breaker()
            yield
        assert len(simulator.requests) == asked

    return refuse


def open_breaker() -> None:
    for _time in range(admission.MAX_TIMEOUTS):
        admission.breaker.record(is_timeout=True)


def charges(simulator: Simulator) -> list[int]:
    """Return the successfully charged amounts, in minor units."""
    return [charge["amount"] for charge in simulator.objects("charge") if charge["status"] == "succeeded"]


def make_old() -> None:
    """Change the rows as if everything had happened ten minutes ago, so that reconcile works on it."""
    past = timezone.now() - timedelta(minutes=10)
    Payment.objects.update(timestamp=past)
    Refund.objects.update(timestamp=past)
    StripeEvent.objects.update(received=past)


# Paying


def test_refused_payment_writes_no_attempt_and_can_be_pressed_again(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    product = make_product()
    add_to_cart(client, product)
    submit_details(client)
    card = add_card(client).json()["card"]
    with refused():
        page = client.get(place_order(client, card).url)
    order = Order.objects.placed().get()
    assert NOT_NOW in page.text
    assert (order.status, order.payment_intent_id, order.intent_try) == (Order.Status.PLACED, None, 1)
    assert not order.payments.exists()
    assert not CardAttempt.objects.filter(kind=CardAttempt.Kind.PAY).exists()
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": card})
    order.refresh_from_db()
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])
    assert audit() == []


def test_refused_second_payment_leaves_the_declined_one(client: Client, simulator: Simulator, refused: Refusal) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    card = add_card(client, order=order.order_id).json()["card"]
    with refused():
        page = client.post(reverse("orders:pay", args=[order.order_id]), {"card": card}, follow=True)
    assert NOT_NOW in page.text
    assert [payment.status for payment in order.payments.all()] == [Payment.Status.FAILED]


def test_refused_payment_beside_an_open_one_does_not_say_that_nothing_was_charged(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    simulator.add_fault(CONFIRM, "drop_after")
    order = buy(client, make_product())
    with refused():
        response = client.post(reverse("orders:pay", args=[order.order_id]), {"card": Card.objects.get().pk})
        page = client.get(response.url).text
    assert "We are checking your payment" in page
    assert "Nothing was charged" not in page


@pytest.mark.parametrize("name", ["create_intent", "confirm_intent", "retrieve_intent"])
def test_payment_that_has_begun_is_completed_even_if_no_call_is_admitted_any_more(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Check that P3 is not refused after its row was written, and that its answer is applied."""
    call = getattr(gateway, name)

    def refuse_others(*args: Any, **kwargs: Any) -> Any:
        open_breaker()
        while admission.slots.take():
            pass
        return call(*args, **kwargs)

    monkeypatch.setattr(admission, "slots", admission.Slots(3, wait_seconds=0))
    monkeypatch.setattr(gateway, name, refuse_others)
    order = buy(client, make_product())
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


def test_confirmation_that_was_started_is_never_treated_as_refused(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    simulator.add_fault(CONFIRM, "drop_after")
    order = buy(client, make_product())
    with refused():
        payments.settle_quietly(order)
    assert [payment.status for payment in order.payments.all()] == [Payment.Status.NEW]
    payments.settle(order)
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


# Pages that read


@pytest.mark.parametrize("path", ["/orders/{}/", "/orders/{}/status/", "/cart/success/"])
def test_read_that_is_refused_changes_nothing(
    client: Client, simulator: Simulator, refused: Refusal, path: str
) -> None:
    simulator.add_fault(CONFIRM, "drop_after")
    order = buy(client, make_product())
    before = Payment.objects.values().get()
    with refused():
        assert client.get(path.format(order.order_id)).status_code in (200, 302)
    assert Payment.objects.values().get() == before


# Cards and customers


def test_refused_card_can_be_entered_again_and_does_not_count(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    with refused():
        responses = [add_card(client), client.post(reverse("billing:setup_intent"))]
    assert [response.status_code for response in responses] == [424, 424]
    assert "Nothing was charged" in responses[0].json()["error"]
    assert not CardAttempt.objects.exists()
    assert add_card(client).status_code == 200


def test_known_card_stays_on_file_if_stripe_cannot_be_asked(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    buy(client, make_product(), "tok_chargeCustomerFail")
    with refused():
        assert cards.is_on_file(Card.objects.select_related("billing_profile").get())


@pytest.mark.django_db(transaction=True)
def test_people_sign_up_and_guests_begin_without_a_customer(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    with refused():
        form = {"name": "New", "email": "new@example.org", "password": PASSWORD, "password2": PASSWORD}
        Client().post("/accounts/signup/", form | {"password1": PASSWORD})
        client.post("/accounts/guest/", {"email": "guest@example.org"})
    profiles = {profile.email: profile.customer_id for profile in BillingProfile.objects.all()}
    assert profiles == {"new@example.org": "", "guest@example.org": ""}
    assert User.objects.count() == 1
    assert add_card(client).status_code == 200
    assert BillingProfile.objects.get(email="guest@example.org").customer_id


@pytest.mark.django_db(transaction=True)
def test_changed_email_address_is_sent_by_reconcile(simulator: Simulator, refused: Refusal) -> None:
    user = make_user()
    with refused():
        user.email = "changed@example.org"
        user.save()
    reconcile()
    assert [customer["email"] for customer in simulator.objects("customer")] == ["changed@example.org"]


# What reconcile finishes


def test_refused_cancellation_is_recorded_and_finished_by_reconcile(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    with refused():
        client.post(reverse("orders:cancel", args=[order.order_id]))
        order.refresh_from_db()
        assert order.status == Order.Status.CANCELING
        client.get(order.get_absolute_url())
    reconcile()
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELED
    assert [intent["status"] for intent in simulator.objects("payment_intent")] == ["canceled"]
    assert audit() == []


def test_cancellation_that_has_begun_is_completed(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    cancel_intent = gateway.cancel_intent

    def cancel_and_refuse_others(intent_id: str) -> Any:
        open_breaker()
        return cancel_intent(intent_id)

    monkeypatch.setattr(gateway, "cancel_intent", cancel_and_refuse_others)
    monkeypatch.setattr(admission, "breaker", admission.CircuitBreaker())
    monkeypatch.setattr(gateway, "retrieve_intent", lambda intent_id, read=gateway.retrieve_intent: read_late(read))
    cancellation.cancel(order, by="shopper")
    assert order.status == Order.Status.CANCELED


def read_late(read: Callable[[str], Any]) -> Any:
    open_breaker()
    return read(str(Order.objects.get().payment_intent_id))


def test_refused_refund_by_staff_stays_requested_and_is_finished_by_reconcile(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    order = buy(client, make_product())
    with refused():
        row = refunds.refund(order, RefundRequest(Decimal(5), Decimal(0), by="staff"))
        assert (row.status, row.asked_at) == (Refund.Status.REQUESTED, None)
        row = Refund.objects.get()
    make_old()
    reconcile()
    row.refresh_from_db()
    assert (row.status, [refund["amount"] for refund in simulator.objects("refund")]) == (Refund.Status.DONE, [500])
    assert audit() == []


def test_webhook_is_delivered_again_after_a_refusal(client: Client, simulator: Simulator, refused: Refusal) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    with refused():
        assert deliver(Client(), event(str(order.payment_intent_id))).status_code == 503
    assert StripeEvent.objects.get().processed is None
    make_old()
    assert reconcile()["events processed"] == 1
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_refused_start_afresh_keeps_the_order_until_stripe_is_asked(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    with refused():
        client.post(reverse("orders:start_afresh"))
        assert client.get(order.get_absolute_url()).status_code == 200
    client.post(reverse("orders:start_afresh"))
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELED


def test_refused_deletion_of_a_customer_is_finished_by_reconcile(
    client: Client, simulator: Simulator, refused: Refusal
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    cancellation.cancel(order, by="shopper")
    person = erasure.person_of_order(order)
    assert person
    with refused():
        erasure.erase_person(person)
    assert BillingProfile.objects.with_customer_to_delete().count() == 1
    reconcile()
    assert BillingProfile.objects.with_customer_to_delete().count() == 0
    assert [customer["deleted"] for customer in simulator.objects("customer")] == [True]


def test_background_work_goes_on_while_pages_are_refused(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check that an open circuit breaker does not let reconcile skip its work."""
    monkeypatch.setattr(admission, "breaker", admission.CircuitBreaker())
    simulator.add_fault(CONFIRM, "drop_after", times=2)
    orders = [buy(Client(), make_product()) for _number in range(2)]
    make_old()
    open_breaker()
    assert reconcile()["attempts settled"] == len(orders) == 2
    with time_limits.long_timeouts():
        assert audit() == []
