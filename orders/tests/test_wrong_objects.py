"""Tests for answers of Stripe about another object than the one that was asked for: nothing of them is used."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import answers, cards, gateway
from billing.models import BillingProfile, Card
from billing.tests.test_setup_intents import begin, confirm, keep
from orders.bookkeeping import stripe_ledger
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import reconcile
from orders.models import Dispute, Mail, Order, Payment, Refund
from orders.workflow import cancellation, payments, refunds
from orders.workflow.refunds import RefundRequest
from stripe_simulator.server import Simulator
from tests.makers import add_card, buy, make_product

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
INTENTS, INTENT, CONFIRM = "/v1/payment_intents", "/v1/payment_intents/*", "/v1/payment_intents/*/confirm"
ALERT = "Stripe answered with data of another order or payment. Nothing of it was stored."


@pytest.fixture
def guest(client: Client, simulator: Simulator) -> Client:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    return client


def charges(simulator: Simulator) -> list[int]:
    """Return the successfully charged amounts, in minor units."""
    return [charge["amount"] for charge in simulator.objects("charge") if charge["status"] == "succeeded"]


def change_intent(simulator: Simulator, order: Order, **changes: Any) -> None:
    """Change the order's intent at Stripe."""
    intent = simulator.store.find("payment_intent", str(order.payment_intent_id))
    assert intent
    simulator.store.save(intent | changes)


def is_alerted(order: Order) -> bool:
    order.refresh_from_db()
    return order.attention == ALERT and order.mails.filter(kind=Mail.Kind.ATTENTION).count() == 1


# Intents


def test_intent_of_another_order_is_not_stored_and_the_next_press_pays(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(INTENTS, "other_object")
    order = buy(client, make_product())
    assert (order.status, order.payment_intent_id, order.intent_try) == (Order.Status.PLACED, None, 2)
    assert not order.payments.exists()
    assert is_alerted(order)
    client.post(reverse("orders:pay", args=[order.order_id]), {"card": Card.objects.get().pk})
    order.refresh_from_db()
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])
    stripe_ledger.repair(timezone.now() - timedelta(days=1))
    assert [intent["status"] for intent in simulator.objects("payment_intent")] == ["canceled", "succeeded"]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 2094}, {"currency": "eur"}, {"customer": "cus_other"}, {"metadata": {}},
        {"metadata": {"order_id": "OTHER"}},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_created_intent_is_compared_with_what_was_asked_for(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    customer = gateway.create_customer("a@example.org")
    order = {"order_id": "AB12CD34EF", "order_uuid": "0b0e7a9c-3f3c-4a54-a9c5-b1f6b5b0a001"}
    intent = gateway.create_intent(Decimal("20.95"), "gbp", customer, order, key="key")
    assert (intent.order_id, intent.order_uuid) == tuple(order.values())
    stored = simulator.store.find("payment_intent", intent.id)
    assert stored
    read = answers.read_intent
    monkeypatch.setattr(
        gateway, "read_intent", lambda answer: read(type(answer).construct_from(answer.to_dict() | change, "sk_test"))
    )
    with pytest.raises(answers.WrongObject):
        gateway.create_intent(Decimal("20.95"), "gbp", customer, order, key="key")


@pytest.mark.parametrize("metadata", [{}, {"order_id": "OTHER", "order_uuid": "other"}])
def test_intent_whose_metadata_names_another_order_is_not_applied(
    client: Client, simulator: Simulator, metadata: dict[str, str]
) -> None:
    simulator.add_fault(CONFIRM, "drop_after")
    order = buy(client, make_product())
    own = simulator.objects("payment_intent")[0]["metadata"]
    change_intent(simulator, order, metadata=metadata)
    assert payments.settle_quietly(order) is None
    assert (order.status, order.payments.get().status) == (Order.Status.PLACED, Payment.Status.NEW)
    assert is_alerted(order)
    payments.settle_quietly(order)
    assert is_alerted(order)  # once
    change_intent(simulator, order, metadata=own)
    payments.settle(order)
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


@pytest.mark.parametrize("field", ["order_id", "order_uuid"])
def test_both_the_number_and_the_uuid_name_the_order(client: Client, simulator: Simulator, field: str) -> None:
    order = buy(client, make_product())
    own = simulator.objects("payment_intent")[0]["metadata"]
    change_intent(simulator, order, metadata=own | {field: "other"})
    with pytest.raises(answers.WrongObject):
        payments.settle(order)


@pytest.mark.parametrize("path", [CONFIRM, INTENT])
def test_answer_about_another_intent_leaves_the_attempt_open_until_stripe_answers(
    client: Client, simulator: Simulator, path: str
) -> None:
    simulator.add_fault(path, "other_object", method="*")
    order = buy(client, make_product())
    assert (order.status, order.payments.get().status) == (Order.Status.PLACED, Payment.Status.NEW)
    assert is_alerted(order)
    payments.settle(order)
    assert (order.status, charges(simulator)) == (Order.Status.PAID, [2095])


def test_cancellation_that_answers_with_another_intent_is_repeated(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    simulator.add_fault("/v1/payment_intents/*/cancel", "other_object")
    cancellation.cancel(order, by="shopper")
    assert order.status == Order.Status.CANCELING
    assert is_alerted(order)
    reconcile()
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELED
    assert audit() == []


@pytest.mark.parametrize("change", [{"amount": 2094}, {"customer": "cus_other"}, {"metadata": "number"}], ids=str)
def test_orphan_that_the_order_would_not_create_is_canceled_instead_of_adopted(
    client: Client, simulator: Simulator, change: dict[str, Any]
) -> None:
    simulator.add_fault(INTENTS, "drop_after")
    order = buy(client, make_product())
    [orphan] = simulator.objects("payment_intent")
    if change == {"metadata": "number"}:
        change = {"metadata": orphan["metadata"] | {"order_id": "OTHER"}}
    simulator.store.save(orphan | change)
    stripe_ledger.repair(timezone.now() - timedelta(days=1))
    order.refresh_from_db()
    assert order.payment_intent_id is None
    assert [intent["status"] for intent in simulator.objects("payment_intent")] == ["canceled"]


# Refunds and disputes


def test_refund_of_another_intent_is_not_stored_and_the_refund_is_made_once(
    client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product())
    simulator.add_fault("/v1/refunds", "other_object")
    row = refunds.refund(order, RefundRequest(Decimal(5), Decimal(0), by="staff"))
    assert (row.status, row.stripe_id) == (Refund.Status.REQUESTED, None)
    assert is_alerted(order)
    Refund.objects.update(asked_at=timezone.now() - timedelta(minutes=3))
    refunds.finish_refund(row)
    row.refresh_from_db()
    [made] = simulator.objects("refund")
    assert (row.status, row.stripe_id, made["amount"]) == (Refund.Status.DONE, made["id"], 500)


@pytest.mark.parametrize("fault", ["other_json", "empty"])
def test_answer_that_names_no_object_is_lost_and_alerts_nobody(
    client: Client, simulator: Simulator, fault: str
) -> None:
    order = buy(client, make_product())
    simulator.add_fault("/v1/refunds", fault)
    row = refunds.refund(order, RefundRequest(Decimal(5), Decimal(0), by="staff"))
    order.refresh_from_db()
    assert (row.status, order.attention) == (Refund.Status.REQUESTED, "")


def test_refunds_and_disputes_of_another_intent_are_not_stored(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    refunds.refund(order, RefundRequest(Decimal(5), Decimal(0), by="staff"))
    simulator.open_dispute(str(order.payment_intent_id))
    before = list(Refund.objects.values())
    for path in ("/v1/refunds", "/v1/disputes"):
        simulator.add_fault(path, "other_object", method="GET")
        with pytest.raises(answers.WrongObject):
            payments.settle(order)
        simulator.clear_faults()
        assert list(Refund.objects.values()) == before
        order.refresh_from_db()
        assert order.attention == ALERT
        assert Dispute.objects.filter(stripe_id__endswith="other").count() == 0


# Customers and cards


@pytest.mark.django_db(transaction=True)
def test_customer_of_another_person_is_not_stored(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/customers", "other_object")
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    assert BillingProfile.objects.get().customer_id == ""
    assert add_card(client).status_code == 200
    assert BillingProfile.objects.get().customer_id in {customer["id"] for customer in simulator.objects("customer")}


@pytest.mark.parametrize("path", ["/v1/customers/*", "/v1/customers/*/sources"])
def test_card_of_another_customer_is_not_stored(guest: Client, simulator: Simulator, path: str) -> None:
    simulator.add_fault(path, "other_object", method="*")
    response = add_card(guest)
    assert (response.status_code, Card.objects.count()) == (424, 0)
    assert "Nothing was charged" in response.json()["error"]


def test_setup_of_another_customer_is_not_stored(guest: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/setup_intents", "other_object")
    assert guest.post(reverse("billing:setup_intent")).status_code == 424
    setup_id = confirm(simulator, begin(guest))
    simulator.add_fault("/v1/setup_intents/*", "other_object", method="GET")
    assert keep(guest, setup_id).status_code == 424
    assert not Card.objects.exists()
    assert keep(guest, setup_id).status_code == 200


def test_setup_whose_card_has_another_customer_is_not_stored(guest: Client, simulator: Simulator) -> None:
    setup_id = confirm(simulator, begin(guest))
    [card] = simulator.objects("payment_method")
    simulator.store.save(card | {"customer": "cus_other"})
    assert keep(guest, setup_id).status_code == 400
    assert not Card.objects.exists()


def test_answer_about_another_card_says_nothing_about_this_one(client: Client, simulator: Simulator) -> None:
    buy(client, make_product(), "tok_chargeCustomerFail")
    card = Card.objects.select_related("billing_profile").get()
    simulator.add_fault("/v1/payment_methods/*", "other_object", method="GET")
    assert cards.is_on_file(card)


def test_cards_of_another_customer_are_not_listed(guest: Client, simulator: Simulator) -> None:
    add_card(guest)
    customer = BillingProfile.objects.get().customer_id
    simulator.add_fault("/v1/customers/*/sources", "other_object", method="GET")
    with pytest.raises(answers.WrongObject):
        gateway.list_cards(customer)
    assert gateway.list_cards(customer) == [Card.objects.get().stripe_id]


@pytest.mark.parametrize("name", ["update_customer", "delete_customer", "detach_card"])
def test_change_that_answers_with_another_object_is_repeated(guest: Client, simulator: Simulator, name: str) -> None:
    add_card(guest)
    customer, card = BillingProfile.objects.get().customer_id, Card.objects.get().stripe_id
    arguments = {"update_customer": ("new@example.org",), "detach_card": (card,)}.get(name, ())
    simulator.add_fault("/v1/customers/*", "other_object", method="*")
    with pytest.raises(answers.WrongObject):
        getattr(gateway, name)(customer, *arguments)
    getattr(gateway, name)(customer, *arguments)
