"""What staff are told: each trouble, once until somebody has looked, and no flood."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing.simulator.server import Simulator
from ecommerce.tests.makers import add_card, buy, make_product
from orders import alarms, books, cancelling, payments, reconcile
from orders.audit import audit
from orders.models import Mail, Order, OrderEvent
from orders.reconcile import compare_books
from products.models import Product, StockMovement

pytestmark = pytest.mark.django_db
TEXT = "I5  this order was changed after it was placed"


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    return buy(client, make_product(stock=5), quantity=2)


def long_ago() -> None:
    OrderEvent.objects.update(at=timezone.now() - timedelta(hours=1))


def test_alarm_is_told_once(order: Order) -> None:
    assert alarms.alarm(order, TEXT)
    assert not alarms.alarm(order, TEXT)
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 1


def test_alarm_after_a_look_is_told_again(order: Order) -> None:
    alarms.alarm(order, TEXT)
    assert alarms.looked_at(order, "staff@shop.example")
    order.refresh_from_db()
    assert order.attention == ""
    assert alarms.alarm(order, TEXT)
    assert order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 2


def test_order_that_something_happens_to_is_no_alarm(order: Order) -> None:
    Order.objects.update(shipping_address_text="Somebody else")
    _done, left = compare_books()
    order.refresh_from_db()
    assert (left, order.attention) == ([], "")


def test_wrong_key_marks_one_order_and_not_all(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "MOST_ALARMS", 2)
    for _number in range(3):
        buy(Client(), make_product())
    long_ago()
    simulator.reset()
    compare_books()
    compare_books()
    [marked] = Order.objects.exclude(attention="")
    assert "wrong key" in marked.attention
    assert Mail.objects.filter(kind=Mail.Kind.ATTENTION).count() == 1


def test_mend_leaves_an_intent_alone_that_its_shopper_stores_meanwhile(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_after")
    order = buy(client, make_product())
    refresh = Order.refresh_from_db

    def meanwhile(self: Order, *args: object, **kwargs: object) -> None:
        refresh(self)
        monkeypatch.undo()
        payments.ensure_intent(Order.objects.get(pk=self.pk))

    monkeypatch.setattr(Order, "refresh_from_db", meanwhile)
    books.mend(timezone.now() - timedelta(days=1))
    order.refresh_from_db()
    [intent] = simulator.objects("payment_intent")
    assert (order.payment_intent_id, intent["status"]) == (intent["id"], "requires_payment_method")


def test_part_given_back_of_a_cancelled_order_is_found(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(stock=10), "tok_chargeCustomerFail", quantity=3)
    cancelling.cancel(order, by="shopper")
    StockMovement.objects.filter(kind="given_back").update(amount=1)
    Product.objects.update(stock=8)
    assert {finding.rule for finding in audit()} == {"I4"}


@pytest.mark.parametrize(("number", "is_found"), [("4242 4242 4242 4242", True), ("1234 5678 9012 3456", False)])
def test_only_what_may_be_a_cards_number_is_found(order: Order, number: str, is_found: bool) -> None:
    order.record(OrderEvent.Kind.PAYING, text=f"Parcel box {number}")
    assert bool(audit()) == is_found


def test_order_without_an_intent_is_cancelled_at_once(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents", "drop_before")
    order = buy(client, make_product())
    assert cancelling.cancel_unknown(order, by="staff")
    order.refresh_from_db()
    assert (order.status, order.attention) == (Order.Status.CANCELED, "")


def test_order_that_stripe_knows_is_not_cancelled_as_unknown(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert not cancelling.cancel_unknown(order, by="staff")
    order.refresh_from_db()
    assert order.status == Order.Status.PLACED


def test_order_that_stripe_lost_is_cancelled_by_staff(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=3)
    order = buy(client, product, "tok_chargeCustomerFail")
    simulator.reset()
    cancelling.cancel(order, by="shopper")
    order.refresh_from_db()
    assert order.attention
    assert cancelling.cancel_unknown(order, by="staff")
    product.refresh_from_db()
    assert (Order.objects.get().status, product.stock) == (Order.Status.CANCELED, 3)


def test_card_is_not_taken_for_an_order_that_is_paid(order: Order, client: Client) -> None:
    before = order.billing_profile.cards.count()
    assert add_card(client, order=order.order_id).status_code == 404
    assert order.billing_profile.cards.count() == before
