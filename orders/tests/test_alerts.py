"""Tests for alerts: staff get each alert once until they acknowledge it, and never very many."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from orders.bookkeeping import reconcile, stripe_ledger
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import compare_with_stripe
from orders.models import Mail, Order, OrderEvent
from orders.workflow import alerts, cancellation, payments
from products.models import Product, StockMovement
from stripe_simulator.server import Simulator
from tests.makers import add_card, buy, make_product

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
TEXT = "I5  this order was changed after it was placed"


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    return buy(client, make_product(stock=5), quantity=2)


def age_events() -> None:
    OrderEvent.objects.update(at=timezone.now() - timedelta(hours=1))


def test_alert_is_sent_once(order: Order) -> None:
    assert alerts.alert_staff(order, TEXT)
    assert not alerts.alert_staff(order, TEXT)
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 1


def test_acknowledged_alert_is_sent_again(order: Order) -> None:
    alerts.alert_staff(order, TEXT)
    assert alerts.acknowledge(order, "staff@shop.example")
    order.refresh_from_db()
    assert order.attention == ""
    assert alerts.alert_staff(order, TEXT)
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 2


def test_order_that_just_changed_gets_no_alert(order: Order) -> None:
    Order.objects.update(shipping_address_text="Somebody else")
    _done, left = compare_with_stripe()
    order.refresh_from_db()
    assert (left, order.attention) == ([], "")


@pytest.mark.slow
def test_wrong_key_sends_a_single_alert(client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "MAX_ALERTS", 2)
    for _number in range(3):
        buy(Client(), make_product())
    age_events()
    simulator.reset()
    compare_with_stripe()
    compare_with_stripe()
    [marked] = Order.objects.exclude(attention="")
    assert "API key" in marked.attention
    assert Mail.objects.filter(kind=Mail.Kind.ATTENTION).count() == 1


def test_repair_keeps_an_intent_that_the_shopper_has_just_stored(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_after")
    order = buy(client, make_product())
    refresh = Order.refresh_from_db

    def store_intent_first(self: Order, *args: object, **kwargs: object) -> None:
        refresh(self)
        monkeypatch.undo()
        payments.ensure_intent(Order.objects.get(pk=self.pk))

    monkeypatch.setattr(Order, "refresh_from_db", store_intent_first)
    stripe_ledger.repair(timezone.now() - timedelta(days=1))
    order.refresh_from_db()
    [intent] = simulator.objects("payment_intent")
    assert (order.payment_intent_id, intent["status"]) == (intent["id"], "requires_payment_method")


def test_partly_released_stock_of_a_canceled_order_is_found(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(stock=10), "tok_chargeCustomerFail", quantity=3)
    cancellation.cancel(order, by="shopper")
    StockMovement.objects.filter(kind="given_back").update(amount=1)
    Product.objects.update(stock=8)
    assert {finding.rule for finding in audit()} == {"I4"}


@pytest.mark.parametrize(("number", "is_found"), [("4242 4242 4242 4242", True), ("1234 5678 9012 3456", False)])
def test_only_possible_card_numbers_are_found(order: Order, number: str, is_found: bool) -> None:
    order.record(OrderEvent.Kind.PAYING, text=f"Parcel box {number}")
    assert bool(audit()) == is_found


def test_order_without_an_intent_is_canceled_immediately(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_before")
    order = buy(client, make_product())
    assert cancellation.cancel_missing_intent(order, by="staff")
    order.refresh_from_db()
    assert (order.status, order.attention) == (Order.Status.CANCELED, "")


def test_order_that_stripe_knows_is_not_canceled_as_unknown(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert not cancellation.cancel_missing_intent(order, by="staff")
    order.refresh_from_db()
    assert order.status == Order.Status.PLACED


def test_staff_can_cancel_an_order_that_stripe_lost(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=3)
    order = buy(client, product, "tok_chargeCustomerFail")
    simulator.reset()
    cancellation.cancel(order, by="shopper")
    order.refresh_from_db()
    assert order.attention
    assert cancellation.cancel_missing_intent(order, by="staff")
    product.refresh_from_db()
    assert (Order.objects.get().status, product.stock) == (Order.Status.CANCELED, 3)


def test_card_cannot_be_added_to_a_paid_order(order: Order, client: Client) -> None:
    before = order.billing_profile.cards.count()
    assert add_card(client, order=order.order_id).status_code == 404
    assert order.billing_profile.cards.count() == before
