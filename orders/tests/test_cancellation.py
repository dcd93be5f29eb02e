"""Tests for cancellation by the shopper, expiry and staff, and its effects on stock, cart and payment."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from carts.models import Cart
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, Payment
from orders.workflow import cancellation, payments
from stripe_simulator.server import Simulator
from tests.makers import (
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_open_order,
    make_product,
    make_user,
    place_order,
    submit_details,
)

pytestmark = pytest.mark.django_db


def cancel(client: Client, order: Order) -> Any:
    """Click on "Cancel this order and edit the cart"."""
    response = client.post(reverse("orders:cancel", args=[order.order_id]))
    order.refresh_from_db()
    return response


def intent_status(simulator: Simulator) -> str:
    return str(simulator.objects("payment_intent")[0]["status"])


def make_stale(order: Order) -> None:
    """Change the order as if it had been placed 31 minutes ago."""
    Order.objects.filter(pk=order.pk).update(placed_at=timezone.now() - timedelta(minutes=31))


def test_cancel_cancels_the_intent_and_releases_the_stock(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=3)
    order = buy(client, product, "tok_chargeCustomerFail", quantity=2)
    cancel(client, order)
    product.refresh_from_db()
    assert (order.status, intent_status(simulator), product.stock) == (Order.Status.CANCELED, "canceled", 3)


def test_cancel_restores_the_lines_to_the_cart(client: Client, simulator: Simulator) -> None:
    product = make_product()
    order = buy(client, product, "tok_chargeCustomerFail", quantity=2)
    response = cancel(client, order)
    page = client.get(response.url)
    assert [(line.product, line.quantity) for line in page.context["quote"].lines] == [(product, 2)]
    assert client.session["cart_items"] == 2


def test_cancel_adds_the_lines_to_a_newer_cart(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    add_to_cart(client, make_product(), 3)
    cancel(client, order)
    assert client.session["cart_items"] == 4


def test_expiry_restores_the_lines_to_the_users_cart(client: Client, simulator: Simulator) -> None:
    alice = make_user()
    client.login(username="alice@example.org", password=PASSWORD)
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client, "tok_chargeCustomerFail").json()["card"])
    cancellation.cancel(Order.objects.placed().get(), by="expiry")
    assert Cart.objects.get(user=alice, active=True).count_items() == 1


def test_cancel_during_an_unanswered_bank_check_cancels_the_order(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    cancel(client, order)
    assert order.status == Order.Status.CANCELED
    assert order.payments.get().status == Payment.Status.CANCELED


def test_cancel_after_a_successful_bank_check_leaves_the_order_paid(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=1)
    order = buy(client, product, "tok_threeDSecure2Required")
    simulator.complete_3d_secure(order.payment_intent_id, True)
    cancel(client, order)
    product.refresh_from_db()
    assert (order.status, product.stock) == (Order.Status.PAID, 0)


def test_paid_order_cannot_be_canceled(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    cancel(client, order)
    assert order.status == Order.Status.PAID


def test_cancel_without_an_answer_stays_canceling_and_keeps_the_stock(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=1)
    order = buy(client, product, "tok_chargeCustomerFail")
    simulator.add_fault("/v1/payment_intents/*/cancel", "drop_before")
    cancel(client, order)
    product.refresh_from_db()
    assert (order.status, product.stock) == (Order.Status.CANCELING, 0)


def test_canceling_order_accepts_no_payment(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    simulator.add_fault("/v1/payment_intents/*/cancel", "drop_before")
    cancel(client, order)
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": add_card(client).json()["card"]})
    assert order.payments.count() == 1


def test_reconcile_finishes_a_cancellation(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    simulator.add_fault("/v1/payment_intents/*/cancel", "drop_after")
    cancel(client, order)
    assert reconcile()["cancellations finished"] == 1
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELED


def test_order_without_an_intent_is_canceled_without_stripe(
    client: Client, simulator: Simulator, settings: Any
) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_before")
    product = make_product(stock=1)
    order = buy(client, product)
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    cancel(client, order)
    product.refresh_from_db()
    assert (order.status, product.stock) == (Order.Status.CANCELED, 1)


def test_unpaid_order_expires_after_half_an_hour(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=1)
    order = buy(client, product, "tok_threeDSecure2Required")
    assert reconcile()["orders expired"] == 0
    make_stale(order)
    assert reconcile()["orders expired"] == 1
    product.refresh_from_db()
    assert product.stock == 1


def test_expiry_leaves_an_order_that_was_just_paid(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.complete_3d_secure(order.payment_intent_id, True)
    make_stale(order)
    reconcile()
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_reconcile_settles_an_attempt_whose_answer_was_lost(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents/*/confirm", "drop_after")
    order = buy(client, make_product())
    order.payments.update(timestamp=timezone.now() - timedelta(minutes=3))
    assert reconcile()["attempts settled"] == 1
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_reconcile_sends_email_left_by_a_killed_process(client: Client, simulator: Simulator, mailoutbox: Any) -> None:
    order = buy(client, make_product())
    order.mails.exclude(kind="confirmation").delete()
    order.mails.update(sent=None, tried_at=None)
    mailoutbox.clear()
    assert reconcile()["emails sent"] == 1
    assert [message.to for message in mailoutbox] == [["guest@example.org"]]


def test_failing_mail_server_does_not_affect_the_order(client: Client, simulator: Simulator, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    order = buy(client, make_product())
    assert order.status == Order.Status.PAID
    assert order.mails.get(kind="confirmation").sent is None


def test_reconcile_continues_after_a_gateway_error(client: Client, other_client: Client, simulator: Simulator) -> None:
    for visitor in (client, other_client):
        make_stale(buy(visitor, make_product(), "tok_chargeCustomerFail"))
    intent = Order.objects.placed().first().payment_intent_id
    simulator.add_fault(f"/v1/payment_intents/{intent}/cancel", "drop_before", times=0)
    reconcile()
    statuses = set(Order.objects.placed().values_list("status", flat=True))
    assert statuses == {Order.Status.CANCELING, Order.Status.CANCELED}


def test_cancel_twice_releases_the_stock_once(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=5)
    order = buy(client, product, "tok_chargeCustomerFail", quantity=2)
    for _click in range(2):
        cancel(client, order)
    product.refresh_from_db()
    assert product.stock == 5
    assert product.movements.filter(order=order.order_id, kind="given_back").count() == 1


def test_intent_canceled_in_the_dashboard_cancels_the_order(client: Client, simulator: Simulator) -> None:
    from billing import gateway

    product = make_product(stock=1)
    order = buy(client, product, "tok_chargeCustomerFail")
    gateway.cancel_intent(str(order.payment_intent_id))
    payments.settle(order)
    product.refresh_from_db()
    assert (order.status, product.stock) == (Order.Status.CANCELED, 1)


@pytest.mark.slow
def test_reconcile_continues_after_an_unexpected_error(
    client: Client, other_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for visitor in (client, other_client):
        make_stale(buy(visitor, make_product(), "tok_chargeCustomerFail"))
    restore, calls = Cart.objects.restore, []

    def break_once(self: Any, closed: Cart, order_id: str) -> None:
        calls.append(closed)
        if len(calls) == 1:
            raise RuntimeError
        restore(closed, order_id)

    monkeypatch.setattr(type(Cart.objects), "restore", break_once)
    assert reconcile()["orders expired"] == 1


def test_email_is_retried_for_days(client: Client, simulator: Simulator, mailoutbox: Any) -> None:
    order = buy(client, make_product())
    order.mails.exclude(kind="confirmation").delete()
    order.mails.update(sent=None, attempts=30, tried_at=timezone.now() - timedelta(hours=5))
    assert reconcile()["emails sent"] == 0
    order.mails.update(tried_at=timezone.now() - timedelta(hours=7))
    assert reconcile()["emails sent"] == 1


def test_canceled_order_is_no_longer_active() -> None:
    order = make_open_order(status="placed")
    cancellation.cancel(order, by="shopper")
    assert (order.status, order.active) == (Order.Status.CANCELED, False)
