"""Tests for paying an order on the Stripe simulator. They check our rows and the objects at Stripe."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse

from orders.models import Order, Payment
from orders.workflow import payments
from orders.workflow.placing import place
from stripe_simulator.server import Simulator
from tests.makers import (
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_product,
    make_user,
    payment_form_data,
    place_order,
    submit_details,
)

pytestmark = pytest.mark.django_db
CONFIRM = "/v1/payment_intents/*/confirm"


def charges(simulator: Simulator) -> list[int]:
    """Return the successfully charged amounts, in minor units."""
    return [charge["amount"] for charge in simulator.objects("charge") if charge["status"] == "succeeded"]


def test_good_card_pays_the_order(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=3)
    order = buy(client, product, quantity=2)
    product.refresh_from_db()
    assert (order.status, charges(simulator), product.stock) == (Order.Status.PAID, [3695], 1)


def test_paid_order_sends_one_email_in_text_and_html(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(title="Teal mug"))
    payments.settle(order)
    [message] = mail.outbox
    assert message.to == ["guest@example.org"]
    assert "Teal mug" in message.body
    assert "£20.95" in message.alternatives[0].content
    assert order.mails.get(kind="confirmation").sent


def test_bank_check_is_left_to_the_script_of_the_page(client: Client, simulator: Simulator) -> None:
    buy(client, make_product())
    [confirmed] = [params for _method, path, params, _key in simulator.requests if path.endswith("/confirm")]
    assert (confirmed["use_stripe_sdk"], "return_url" in confirmed) == ("true", False)


def test_intent_is_created_unconfirmed_and_stored_before_it_is_confirmed(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    calls = [(path, key) for method, path, _params, key in simulator.requests if method == "POST" and "intents" in path]
    assert calls == [
        ("/v1/payment_intents", f"order-{order.uuid}-intent-1"),
        (f"/v1/payment_intents/{order.payment_intent_id}/confirm", str(order.payments.get().key)),
    ]


def test_declined_charge_keeps_the_order_and_its_stock(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=1)
    order = buy(client, product, "tok_chargeCustomerFail")
    product.refresh_from_db()
    assert (order.status, product.stock, charges(simulator)) == (Order.Status.PLACED, 0, [])
    assert order.payments.get().status == Payment.Status.FAILED


def test_another_card_pays_after_a_decline_on_the_same_intent(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    card = add_card(client, "tok_visa").json()["card"]
    response = client.post(reverse("orders:pay", args=[order.order_id]), {"card": card})
    order.refresh_from_db()
    assert response.url == reverse("carts:success")
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])
    assert len(simulator.objects("payment_intent")) == 1


def test_decline_page_says_what_to_do(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert "Your card was declined" in client.get(order.get_absolute_url()).text


@pytest.mark.parametrize(("succeed", "status"), [(True, Order.Status.PAID), (False, Order.Status.PLACED)])
def test_bank_check_decides_the_order_status(client: Client, simulator: Simulator, succeed: bool, status: str) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    assert order.payments.get().status == Payment.Status.REQUIRES_ACTION
    simulator.complete_3d_secure(order.payment_intent_id, succeed)
    response = client.get(reverse("orders:status", args=[order.order_id])).json()
    order.refresh_from_db()
    assert order.status == status
    assert response["situation"] == ("paid" if succeed else "declined")


def test_second_click_during_the_bank_check_starts_no_attempt(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    card = add_card(client, "tok_visa").json()["card"]
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": card})
    assert order.payments.count() == 1


def test_lost_confirmation_response_charges_once_and_page_settles(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(CONFIRM, "drop_after")
    order = buy(client, make_product())
    assert order.payments.get().status == Payment.Status.NEW
    page = client.get(order.get_absolute_url())
    order.refresh_from_db()
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])
    assert "Refresh" not in page.headers


def test_unknown_outcome_shows_the_checking_message(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(CONFIRM, "drop_before")
    order = buy(client, make_product())
    page = client.get(order.get_absolute_url())
    assert "We are checking your payment" in page.text
    assert page.headers["Refresh"] == "5"
    assert f'action="{reverse("orders:pay", args=[order.order_id])}"' not in page.text


def test_attempt_that_never_reached_stripe_fails_once_it_is_old(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(CONFIRM, "drop_before")
    order = buy(client, make_product())
    payments.settle(order)
    assert order.payments.get().status == Payment.Status.NEW
    _make_older(order)
    payments.settle(order)
    assert order.payments.get().status == Payment.Status.FAILED
    assert charges(simulator) == []


def _make_older(order: Order) -> None:
    from datetime import timedelta

    from django.utils import timezone

    order.payments.update(timestamp=timezone.now() - timedelta(minutes=1))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "fault", ["drop_before", "error_500", "error_500_stored", "html", "empty", "other_json", "rate_limit"]
)
def test_failed_intent_creation_charges_nothing_and_retry_pays(
    client: Client, simulator: Simulator, fault: str
) -> None:
    simulator.add_fault("/v1/payment_intents", fault, times=1 if fault != "rate_limit" else 2)
    order = buy(client, make_product())
    assert (order.status, order.payments.count(), charges(simulator)) == (Order.Status.PLACED, 0, [])
    card = order.billing_profile.cards.get()
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": card.pk})
    order.refresh_from_db()
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


@pytest.mark.parametrize("fault", ["drop_after", "html", "empty", "other_json"])
def test_unreadable_confirmation_response_is_settled_later(client: Client, simulator: Simulator, fault: str) -> None:
    simulator.add_fault(CONFIRM, fault)
    order = buy(client, make_product())
    payments.settle(order)
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


@pytest.mark.slow
def test_rate_limited_confirmation_is_retried(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(CONFIRM, "rate_limit", times=1)
    assert buy(client, make_product()).status == Order.Status.PAID


def test_second_click_on_place_order_redirects_to_the_same_order(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    data = payment_form_data(client)
    client.post(reverse("carts:checkout"), data | {"card": card})
    again = client.post(reverse("carts:checkout"), data | {"card": card})
    order = Order.objects.placed().get()
    assert again.url == order.get_absolute_url()
    assert charges(simulator) == [2095]


def test_success_page_does_not_mark_an_unpaid_order_as_paid(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    response = client.get(reverse("carts:success"))
    order.refresh_from_db()
    assert response.url == order.get_absolute_url()
    assert order.status == Order.Status.PLACED


def test_customer_missing_at_stripe_is_recreated(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    simulator.reset()
    assert add_card(client, "tok_visa").status_code == 200
    assert order.billing_profile.cards.filter(active=True).count() == 1


def test_unreachable_stripe_keeps_the_order_and_shows_a_message(client: Client, simulator: Simulator, settings) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    response = place_order(client, card)
    page = client.get(response.url)
    order = Order.objects.placed().get()
    assert "Payment is not possible right now. Nothing was charged" in page.text
    assert order.status == Order.Status.PLACED


def sign_in(client: Client, way: str) -> None:
    """Sign in to an existing account, or sign up."""
    if way == "login":
        make_user()
    data = {"name": "Alice", "email": "alice@example.org", "password": PASSWORD}
    client.post(reverse(f"accounts:{way}"), data)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["login", "signup"])
def test_guest_order_can_be_paid_with_a_new_card_after_signing_in(
    client: Client, simulator: Simulator, way: str
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    sign_in(client, way)
    card = add_card(client, order=order.order_id).json()["card"]
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": card})
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_card_cannot_be_added_to_a_strangers_order(client: Client, other_client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert add_card(other_client, order=order.order_id).status_code == 404
    assert order.billing_profile.cards.count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("way", ["login", "signup"])
def test_guest_order_canceled_after_signing_in_restores_the_cart(
    client: Client, simulator: Simulator, way: str
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    sign_in(client, way)
    client.post(reverse("orders:cancel", args=[order.order_id]))
    assert [line.quantity for line in client.get(reverse("carts:home")).context["quote"].lines] == [1]


def test_customer_change_after_a_lost_response_uses_another_key(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_after")
    order = buy(client, make_product())
    order.billing_profile.replace_customer()
    for _click in range(2):
        card = add_card(client, order=order.order_id).json()["card"]
        client.post(reverse("orders:pay", args=[order.order_id]), {"card": card})
    order.refresh_from_db()
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


@pytest.mark.slow
def test_logout_in_another_tab_while_placing_keeps_the_order(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place_and_log_out(order: Order, shown: dict[str, Any], then: Callable[[], object], **options: Any) -> bool:
        return place(order, shown, then=lambda: (Session.objects.all().delete(), then()), **options)

    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    monkeypatch.setattr("carts.views.checkout_steps.place", place_and_log_out)
    assert place_order(client, card).status_code == 302
    assert Order.objects.placed().get().status == Order.Status.PAID
