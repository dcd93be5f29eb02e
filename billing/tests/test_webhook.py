"""Tests for the webhook: verification of deliveries, effects on orders, and response statuses."""

import json
import time
from typing import Any

import pytest
import stripe
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from billing.models import StripeEvent
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.makers import buy, make_product

pytestmark = pytest.mark.django_db
SECRET = "whsec_tests"


def event(intent: str = "pi_unknown", **changes: Any) -> str:
    """Return the body of an event as Stripe sends it."""
    subject = {"id": intent, "object": "payment_intent", "status": "succeeded"}
    body = {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "livemode": False}
    return json.dumps(body | {"data": {"object": subject}} | changes)


def deliver(client: Client, body: str | bytes, signature: str | None = None, offset: int = 0) -> Any:
    """Post a delivery. Unless a signature is given, sign it with our secret, `offset` seconds from now."""
    if signature is None:
        text = body if isinstance(body, str) else body.decode("latin-1")
        signature = stripe.WebhookSignature.generate_signature_header(text, SECRET, timestamp=int(time.time()) + offset)
    return client.post(
        reverse("billing:webhook"), body, content_type="application/json", headers={"Stripe-Signature": signature}
    )


def test_event_settles_the_order_with_the_state_at_stripe(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.complete_3d_secure(order.payment_intent_id, True)
    assert deliver(Client(), event(order.payment_intent_id)).status_code == 200
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def test_event_that_contradicts_stripe_changes_nothing(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    assert deliver(Client(), event(order.payment_intent_id)).status_code == 200
    order.refresh_from_db()
    assert order.status == Order.Status.PLACED


def test_event_is_processed_once(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    deliver(client, event(order.payment_intent_id))
    simulator.requests.clear()
    deliver(client, event(order.payment_intent_id))
    assert simulator.requests == []
    assert StripeEvent.objects.get().processed


def test_event_returns_503_until_it_can_be_processed(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.add_fault("/v1/payment_intents/*", "drop_before", method="GET")
    assert deliver(client, event(order.payment_intent_id)).status_code == 503
    assert deliver(client, event(order.payment_intent_id)).status_code == 200
    assert StripeEvent.objects.get().processed


def test_charge_event_settles_the_order_of_its_intent(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.complete_3d_secure(order.payment_intent_id, True)
    charge = {"id": "ch_1", "object": "charge", "payment_intent": order.payment_intent_id}
    deliver(client, event(type="charge.succeeded", data={"object": charge}))
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("body", "signature", "offset"),
    [
        (event(), "", 0),
        (event(), "t=1,v1=abc", 0),
        (event(), "nonsense", 0),
        (event(), "t=,v1=", 0),
        (event(), "t=ü,v1=ü", 0),
        (event(), None, -3600),
        (event(), None, 86_400),
        ("null", None, 0),
        ("[]", None, 0),
        ("{}", None, 0),
        ('{"id": 1', None, 0),
        (b"\xff\xfe", None, 0),
        (event(livemode=True), None, 0),
        (event(livemode=None), "t=1,v1=00", 0),
        (event(id="evt_" + "x" * 500), None, 0),
        (event(id="evt_\x00"), None, 0),
        (event(id=7), None, 0),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_delivery_returns_400_and_saves_no_event(client: Client, body: Any, signature: Any, offset: int) -> None:
    assert deliver(client, body, signature, offset).status_code == 400
    assert not StripeEvent.objects.exists()


def test_signature_with_another_secret_returns_400(client: Client) -> None:
    signature = stripe.WebhookSignature.generate_signature_header(event(), "whsec_other")
    assert deliver(client, event(), signature).status_code == 400


def test_delivery_of_six_megabytes_returns_413(client: Client) -> None:
    assert deliver(client, "x" * 6_000_000).status_code == 413


def test_get_returns_405(client: Client) -> None:
    assert client.get(reverse("billing:webhook")).status_code == 405


def test_event_for_an_unknown_intent_is_saved(client: Client) -> None:
    assert deliver(client, event("pi_of_another_shop")).status_code == 200
    assert StripeEvent.objects.get().object_id == "pi_of_another_shop"


@pytest.mark.django_db(transaction=True)
def test_delivery_from_the_simulator_pays_an_order_without_a_page_view(
    client: Client, simulator: Simulator, live_server: LiveServer
) -> None:
    simulator.webhook_url = live_server.url + reverse("billing:webhook")
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.complete_3d_secure(order.payment_intent_id, True)
    assert simulator.wait_for_deliveries(10)
    order.refresh_from_db()
    assert order.status == Order.Status.PAID
