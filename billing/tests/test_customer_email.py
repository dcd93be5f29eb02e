"""Tests for the email address of Stripe customers: it follows the profile, and a rejected one is shown at the email."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import answers, gateway
from billing.models import BillingProfile
from billing.models.profile import update_outdated_customer
from billing.stripe_calls import time_limits
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from orders.workflow import payments
from orders.workflow.erasure import delete_account
from orders.workflow.guests import start_guest
from stripe_simulator.server import Simulator
from tests.makers import (
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_client_request,
    make_product,
    make_user,
    submit_details,
)

pytestmark = pytest.mark.django_db
UPDATE = "/v1/customers/cus_*"
REJECTED = "a@localhost"
MESSAGE = f"The payment service does not accept the email address {REJECTED}. Please correct it."
AfterCommit = Callable[..., Any]


def emails_at_stripe(simulator: Simulator) -> list[str | None]:
    return [customer["email"] for customer in simulator.objects("customer") if not customer.get("deleted")]


@pytest.fixture
def guest(simulator: Simulator) -> BillingProfile:
    """Return a guest's profile with a customer."""
    profile = BillingProfile.objects.create(email="first@example.org")
    profile.get_customer()
    return profile


def change_email(profile: BillingProfile, email: str) -> None:
    """Change the stored email address without any signal."""
    BillingProfile.objects.filter(pk=profile.pk).update(email=email)
    profile.refresh_from_db()


# The email address follows


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_customer_follows_the_corrected_email_of_a_guest(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client, "typo@example.org")
    submit_details(client, "right@example.org")
    assert emails_at_stripe(simulator) == ["right@example.org"]
    assert reconcile()["customers updated"] == 0


@pytest.mark.django_db(transaction=True)
def test_customer_follows_the_changed_email_of_a_member(client: Client, simulator: Simulator) -> None:
    client.force_login(make_user())
    data = {"email": "new@example.org", "password": PASSWORD}
    assert client.post(reverse("accounts:email_change"), data).status_code == 302
    assert emails_at_stripe(simulator) == ["new@example.org"]


def test_customer_of_a_guest_follows_the_email_of_the_new_account(
    guest: BillingProfile, simulator: Simulator, django_capture_on_commit_callbacks: AfterCommit
) -> None:
    alice = make_user()
    BillingProfile.objects.all().exclude(pk=guest.pk).delete()
    with django_capture_on_commit_callbacks(execute=True):
        assert BillingProfile.objects._adopt(guest, alice)
    assert emails_at_stripe(simulator) == ["alice@example.org"]


def test_email_is_sent_after_the_commit(
    guest: BillingProfile, simulator: Simulator, django_capture_on_commit_callbacks: AfterCommit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        guest.email = "second@example.org"
        guest.save()
        assert emails_at_stripe(simulator) == ["first@example.org"]
    assert emails_at_stripe(simulator) == ["second@example.org"]


def test_saving_a_profile_with_the_same_email_does_not_call_stripe(
    guest: BillingProfile, simulator: Simulator, django_capture_on_commit_callbacks: AfterCommit
) -> None:
    before = len(simulator.requests)
    with django_capture_on_commit_callbacks(execute=True):
        guest.save()
    assert len(simulator.requests) == before


@pytest.mark.sampled(6)
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_500", "html", "empty", "rate_limit"])
def test_reconcile_sends_an_email_that_stripe_did_not_confirm(
    guest: BillingProfile, simulator: Simulator, django_capture_on_commit_callbacks: AfterCommit, fault: str
) -> None:
    simulator.add_fault(UPDATE, fault, times=2 if fault == "rate_limit" else 1)
    with django_capture_on_commit_callbacks(execute=True):
        guest.email = "second@example.org"
        guest.save()
    assert reconcile()["customers updated"] == 1
    assert emails_at_stripe(simulator) == ["second@example.org"]
    assert reconcile()["customers updated"] == 0


def test_lost_response_and_a_change_back_leave_the_first_email_at_stripe(
    guest: BillingProfile, simulator: Simulator
) -> None:
    """Check that a lost response makes the email address at Stripe unknown: Stripe might have the second one."""
    change_email(guest, "second@example.org")
    simulator.add_fault(UPDATE, "drop_after")
    with pytest.raises(answers.OutcomeUnknown):
        guest.update_customer()
    change_email(guest, "first@example.org")
    reconcile()
    assert emails_at_stripe(simulator) == ["first@example.org"]


def test_change_during_the_call_is_sent_by_reconcile(
    guest: BillingProfile, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the call for the second email address reach Stripe after the one for the third."""
    change_email(guest, "second@example.org")
    update = gateway.update_customer

    def arrive_late(customer_id: str, email: str) -> None:
        monkeypatch.setattr(gateway, "update_customer", update)
        other = BillingProfile.objects.get(pk=guest.pk)
        change_email(other, "third@example.org")
        other.update_customer()
        update(customer_id, email)

    monkeypatch.setattr(gateway, "update_customer", arrive_late)
    guest.update_customer()
    assert emails_at_stripe(simulator) == ["second@example.org"]
    reconcile()
    assert emails_at_stripe(simulator) == ["third@example.org"]


def test_customer_that_was_created_with_an_older_email_is_updated(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = BillingProfile.objects.create(email="first@example.org")
    create = gateway.create_customer

    def change_meanwhile(email: str) -> str:
        BillingProfile.objects.update(email="second@example.org")
        return create(email)

    monkeypatch.setattr(gateway, "create_customer", change_meanwhile)
    profile.get_customer()
    assert reconcile()["customers updated"] == 1
    assert emails_at_stripe(simulator) == ["second@example.org"]


def test_customer_that_stripe_does_not_have_is_replaced_with_the_current_email(
    guest: BillingProfile, simulator: Simulator
) -> None:
    simulator.reset()
    change_email(guest, "second@example.org")
    assert [reconcile()["customers updated"] for _round in range(2)] == [1, 0]
    assert emails_at_stripe(simulator) == []
    guest.refresh_from_db()
    guest.replace_customer()
    assert emails_at_stripe(simulator) == ["second@example.org"]


def test_erased_profile_keeps_no_email_and_is_not_updated(simulator: Simulator) -> None:
    alice = make_user()
    profile = alice.billing_profile
    profile.get_customer()
    simulator.add_fault(UPDATE, "drop_before", method="DELETE")
    delete_account(alice)
    profile.refresh_from_db()
    assert (profile.email, profile.customer_email, profile.rejected_email) == ("", "", "")
    assert not BillingProfile.objects.with_outdated_customer().exists()
    assert reconcile()["customers erased"] == 1
    assert emails_at_stripe(simulator) == []


def test_update_does_not_bring_back_the_email_of_an_erased_profile(guest: BillingProfile, simulator: Simulator) -> None:
    stale = BillingProfile.objects.get(pk=guest.pk)
    BillingProfile.objects.update(email="", customer_email="", forgotten="2026-01-01T00:00Z")
    simulator.reset()
    stale.update_customer()
    guest.refresh_from_db()
    assert (guest.customer_email, emails_at_stripe(simulator)) == ("", [])


def test_update_waits_briefly_while_a_shopper_waits(
    guest: BillingProfile, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: AfterCommit
) -> None:
    timeouts = []

    def record(timeout: tuple[float, float]) -> stripe.HTTPClient:
        timeouts.append(timeout)
        return stripe.RequestsClient(timeout=timeout)

    monkeypatch.setattr(gateway, "http_client", record)
    with django_capture_on_commit_callbacks(execute=True):
        guest.email = "second@example.org"
        guest.save()
    assert [max(timeout) <= time_limits.BRIEF_SECONDS for timeout in timeouts] == [True]
    gateway.retrieve_customer(guest.customer_id)
    assert timeouts[-1] == (time_limits.CONNECT_SECONDS, time_limits.READ_SECONDS)


def test_brief_timeouts_never_extend_the_time_limit_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limits, "REQUEST_SECONDS", 0.5)
    time_limits.start_time_limit()
    try:
        with time_limits.brief_timeouts(), pytest.raises(answers.OutcomeUnknown, match="no time left"):
            gateway.create_customer("first@example.org")
    finally:
        time_limits.clear_time_limit()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["change", "send", "reconcile"]),
        st.sampled_from(["a@example.org", "b@example.org", REJECTED]),
        st.sampled_from(["", "drop_before", "drop_after", "error_500"]),
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(steps=STEPS)
def test_any_changes_and_faults_end_with_the_last_valid_email(simulator: Simulator, steps: list[Any]) -> None:
    simulator.reset()
    profile = BillingProfile.objects.create(email="first@example.org")
    profile.get_customer()
    for step, email, fault in steps:
        if fault:
            simulator.add_fault(UPDATE, fault)
        if step == "change":
            change_email(profile, email)
        elif step == "send":
            update_outdated_customer.call(pk=profile.pk)
        else:
            reconcile()
    simulator.clear_faults()
    for _round in range(2):
        reconcile()
    profile.refresh_from_db()
    expected = None if profile.email == REJECTED else profile.email
    assert emails_at_stripe(simulator) == [expected]
    assert not BillingProfile.objects.with_outdated_customer().exists()
    profile.delete()


# An email address that Stripe rejects


@pytest.fixture
def rejected_guest(client: Client, simulator: Simulator) -> BillingProfile:
    """Return the profile of a guest with a cart whose email address Stripe rejects."""
    add_to_cart(client, make_product())
    submit_details(client)
    profile = BillingProfile.objects.get()
    change_email(profile, REJECTED)
    return profile


@pytest.mark.sampled(2)
@pytest.mark.parametrize("url", ["billing:payment_processing", "billing:setup_intent"])
def test_rejected_email_of_a_guest_is_told_at_the_email(
    client: Client, rejected_guest: BillingProfile, url: str
) -> None:
    response = client.post(reverse(url), {"token": "tok_visa"})
    assert (response.status_code, response.json()["error"]) == (400, MESSAGE)
    assert response.json()["link"] == {"url": "/cart/checkout/?details", "text": "Correct the email address"}
    page = client.get(reverse("carts:checkout")).text
    assert MESSAGE in page
    assert 'href="/cart/checkout/?details">Correct the email address' in page


def test_rejected_email_of_a_member_is_told_at_the_email(client: Client, simulator: Simulator) -> None:
    client.force_login(make_user(REJECTED))
    response = client.post(reverse("billing:payment_processing"), {"token": "tok_visa"})
    assert (response.status_code, response.json()["error"]) == (400, MESSAGE)
    assert response.json()["link"]["url"] == reverse("accounts:email_change")
    for url in ("billing:payment_method", "accounts:profile"):
        page = client.get(reverse(url)).text
        assert MESSAGE in page
        assert f'href="{reverse("accounts:email_change")}">Correct the email address' in page


@pytest.mark.slow
def test_rejected_email_of_a_missing_customer_is_told_at_the_email(
    client: Client, rejected_guest: BillingProfile
) -> None:
    BillingProfile.objects.update(customer_id="cus_lost")
    assert client.post(reverse("billing:payment_processing"), {"token": "tok_visa"}).json()["error"] == MESSAGE
    assert client.post(reverse("billing:setup_intent")).json()["error"] == MESSAGE


@pytest.mark.slow
def test_accepted_email_shows_no_message(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    assert add_card(client).status_code == 200
    assert "does not accept" not in client.get(reverse("carts:checkout")).text


@pytest.mark.slow
def test_corrected_email_ends_the_message_and_the_card_is_accepted(
    client: Client, rejected_guest: BillingProfile
) -> None:
    add_card(client)
    submit_details(client, "right@example.org")
    assert "does not accept" not in client.get(reverse("carts:checkout")).text
    assert add_card(client).status_code == 200


def test_rejected_email_does_not_count_as_a_declined_card(client: Client, rejected_guest: BillingProfile) -> None:
    add_card(client)
    assert not rejected_guest.card_attempts.exists()


@pytest.mark.django_db(transaction=True)
def test_rejection_of_a_new_guest_is_stored(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    request = make_client_request(client)
    start_guest(request, REJECTED)
    request.session.save()
    assert BillingProfile.objects.get().is_email_rejected
    assert BillingProfile.objects.get().customer_id == ""


def test_rejection_after_the_commit_is_stored(
    simulator: Simulator, django_capture_on_commit_callbacks: AfterCommit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        BillingProfile.objects.create(email=REJECTED)
    assert BillingProfile.objects.get().is_email_rejected


def test_rejected_change_removes_the_old_email_from_the_customer(guest: BillingProfile, simulator: Simulator) -> None:
    change_email(guest, REJECTED)
    guest.update_customer()
    assert emails_at_stripe(simulator) == [None]
    calls = len(simulator.requests)
    assert reconcile()["customers updated"] == 0
    assert len(simulator.requests) == calls


def test_rejected_change_whose_removal_is_lost_is_finished_by_reconcile(
    guest: BillingProfile, simulator: Simulator
) -> None:
    change_email(guest, REJECTED)
    simulator.add_fault(UPDATE, "error_500", times=1)
    reconcile()
    reconcile()
    assert emails_at_stripe(simulator) == [None]


def test_rejection_of_an_email_that_was_changed_meanwhile_is_not_kept(
    guest: BillingProfile, simulator: Simulator
) -> None:
    stale = BillingProfile.objects.get(pk=guest.pk)
    stale.email = REJECTED
    stale.update_customer()
    guest.refresh_from_db()
    assert not guest.is_email_rejected
    reconcile()
    assert emails_at_stripe(simulator) == ["first@example.org"]


@pytest.mark.slow
def test_placed_order_with_a_rejected_email_can_be_paid(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    change_email(order.billing_profile, REJECTED)
    Order.objects.update(payment_intent_id=None, intent_try=2)  # as if the intent could not be created yet
    simulator.reset()
    assert add_card(client, order=order.order_id).status_code == 200
    order.refresh_from_db()
    payments.pay(order, order.billing_profile.cards.get(active=True))
    assert (order.status, emails_at_stripe(simulator)) == (Order.Status.PAID, [None])


@pytest.mark.slow
def test_placed_order_with_a_rejected_email_can_begin_a_card_setup(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    change_email(order.billing_profile, REJECTED)
    simulator.reset()
    assert "client_secret" in client.post(reverse("orders:card_setup", args=[order.order_id])).json()


@pytest.mark.slow
def test_intent_of_a_missing_customer_with_a_rejected_email_is_created_at_the_second_press(
    client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    change_email(order.billing_profile, REJECTED)
    Order.objects.update(payment_intent_id=None, intent_try=2)
    simulator.reset()
    order.refresh_from_db()
    with pytest.raises(payments.PaymentNotPossible):
        payments.pay(order, order.billing_profile.cards.get())
    assert payments.ensure_intent(order).startswith("pi_")


def test_email_that_stripe_accepts_again_is_no_longer_rejected(simulator: Simulator) -> None:
    profile = BillingProfile.objects.create(email="first@example.org", rejected_email="first@example.org")
    profile.get_customer()
    profile.refresh_from_db()
    assert not profile.is_email_rejected


# The open order


@pytest.mark.slow
def test_open_order_follows_the_corrected_email(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client, "typo@example.org")
    submit_details(client, "right@example.org")
    assert "right@example.org" in client.get(reverse("carts:checkout")).text
    order = buy(client, make_product())
    assert (order.email, [mail.to for mail in order.mails.filter(kind="confirmation")]) == (
        "right@example.org",
        ["right@example.org"],
    )


@pytest.mark.slow
def test_placed_order_keeps_its_email(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    change_email(order.billing_profile, "later@example.org")
    payments.settle(order)
    assert order.email == "guest@example.org"
