"""Abuse of the webhook: signatures, content that must not be trusted, and size limits."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
import stripe

from tests.proofs.abuse_server import WEBHOOK_SECRET, AbuseServer
from tests.proofs.hostile_client import NO_RESPONSE, Response, short_id

pytestmark = pytest.mark.slow
_numbers = count(1)
WEBHOOK, THREE_D_SECURE, EVENTS = "/billing/webhook/", "tok_threeDSecure2Required", "billing_stripeevent"


def event(intent: Any = "pi_unknown", number: str = "", **changes: Any) -> bytes:
    """Return the body of a Stripe event, with a new id unless `number` is given."""
    number = number or f"evt_abuse_{next(_numbers)}"
    subject = {"id": intent, "object": "payment_intent", "status": "succeeded", "amount": 1, "amount_received": 1}
    body = {"id": number, "object": "event", "type": "payment_intent.succeeded", "livemode": False}
    return json.dumps(body | {"data": {"object": subject}} | changes).encode()


def signed(body: bytes, secret: str = WEBHOOK_SECRET, late: int = 0) -> str:
    """Return a signature header for this body, timestamped `late` seconds from now (negative: in the past)."""
    text, moment = body.decode("latin-1"), int(time.time()) + late
    return str(stripe.WebhookSignature.generate_signature_header(text, secret, timestamp=moment))


def deliver(shop: AbuseServer, body: bytes, signature: str | None = None, **headers: str) -> Response:
    """Deliver an event as Stripe does, without cookies or a CSRF token."""
    signature = signed(body) if signature is None else signature
    lines = {"Content-Type": "application/json", "Stripe-Signature": signature, **headers}
    stripe = shop.visitor()
    stripe.may_be_unavailable = True  # Stripe delivers the event again
    return stripe.send("POST", WEBHOOK, body, lines)


ATTEMPTS = "billing_cardattempt"
GOOD = event()
SIGNATURES: dict[str, str] = {
    "none": "", "invalid": "rubbish", "no parts": "t=,v1=", "no time": f"v1={'0' * 64}", "no signature": "t=1",
    "zeros": f"t={int(time.time())},v1={'0' * 64}", "not ASCII": "t=\xfc,v1=\xfc", "commas": "," * 3000,
    "other scheme": f"t={int(time.time())},v0={'0' * 64}", "very long time": f"t={'9' * 4000},v1=0",
    "other secret": signed(GOOD, "whsec_other"), "empty secret": signed(GOOD, ""),
    "an hour old": signed(GOOD, late=-3600), "a day ahead": signed(GOOD, late=86_400),
    "of another body": signed(b"{}"),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_invalid_signature_is_rejected(shop: AbuseServer, name: str) -> None:
    with shop.assert_unchanged():
        assert deliver(shop, GOOD, SIGNATURES[name]).status == 400


def test_time_of_a_valid_signature_cannot_be_changed(shop: AbuseServer) -> None:
    old = signed(GOOD, late=-3600)
    with shop.assert_unchanged():
        assert deliver(shop, GOOD, f"t={int(time.time())},{old.partition(',')[2]}").status == 400


NOT_EVENTS: dict[str, bytes] = {
    "null": b"null", "list": b"[]", "object": b"{}", "number": b"1", "text": b'"evt_1"', "empty": b"",
    "not UTF-8": b"\xff\xfe", "truncated": event()[:40], "XML": b"<event/>", "NUL": b"\x00", "NaN": b"NaN",
    "deeply nested": b"[" * 50_000 + b"]" * 50_000, "long number": b"1" * 6000, "null as data": event(data=None),
    "null as object": event(data={"object": None}), "list as object": event(data={"object": []}),
    "livemode": event(livemode=True),
}  # fmt: skip
ODD_EVENTS: dict[str, bytes] = {
    "no id": event(id=None), "no type": event(type=None), "NUL in the id": event(number="evt_\x00"),
    "object as id": event(id={"$ne": 1}), "very long id": event(number="e" * 500), "NUL": event("pi_\x00"),
    "list": event(["pi_1"]), "very long": event("p" * 5000), "lone surrogate": event("pi_\ud800"),
    "text as livemode": event(livemode="true"), "no livemode": event(livemode=None),
    "NUL in the type": event(type="payment_intent.\x00"), "very long type": event(type="t" * 5000),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_EVENTS)
def test_signed_body_that_is_not_an_event_is_rejected(shop: AbuseServer, name: str) -> None:
    with shop.assert_unchanged():
        assert deliver(shop, NOT_EVENTS[name]).status == 400


@pytest.mark.parametrize("name", ODD_EVENTS)
def test_signed_event_with_odd_parts_records_at_most_the_event(shop: AbuseServer, name: str) -> None:
    with shop.assert_unchanged(EVENTS):
        assert deliver(shop, ODD_EVENTS[name]).status in (200, 400)


def test_event_for_an_unknown_intent_is_only_recorded(shop: AbuseServer) -> None:
    with shop.assert_unchanged(EVENTS):
        assert deliver(shop, event("pi_of_nobody", "evt_unknown")).status == 200


def test_false_payment_event_pays_nothing(shop: AbuseServer) -> None:
    number = shop.visitor().buy(shop.product_ids["mug"], THREE_D_SECURE)
    intent = shop.order(number)["payment_intent_id"]
    with shop.assert_unchanged(EVENTS):
        for kind in ("succeeded", "canceled", "payment_failed", "amount_capturable_updated"):
            response = deliver(shop, event(intent, f"evt_lie_{kind}", type=f"payment_intent.{kind}"))
            assert response.status == 200
    assert shop.order(number)["status"] == "placed"


def test_false_charge_event_refunds_nothing(shop: AbuseServer) -> None:
    number = shop.visitor().buy(shop.product_ids["mug"])
    order = shop.order(number)
    charge = {"id": "ch_lie", "object": "charge", "payment_intent": order["payment_intent_id"], "refunded": True}
    for kind in ("charge.refunded", "charge.refund.updated", "charge.dispute.closed"):
        with shop.assert_unchanged(EVENTS):
            body = event(number=f"evt_{kind}_lie", type=kind, data={"object": charge | {"amount_refunded": 1600}})
            assert deliver(shop, body).status == 200
    assert shop.order(number) == order


def test_16_parallel_copies_of_an_event_pay_once(shop: AbuseServer) -> None:
    number = shop.visitor().buy(shop.product_ids["mug"], THREE_D_SECURE)
    order = shop.order(number)
    shop.simulator.complete_3d_secure(order["payment_intent_id"], True)
    body = event(order["payment_intent_id"], "evt_sixteen")
    paid = ("orders_order", "orders_payment", "orders_orderevent", "orders_mail", "billing_card", ATTEMPTS, EVENTS)
    with shop.assert_unchanged(*paid), ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _copy: deliver(shop, body), range(16)))
        responses.append(deliver(shop, body))
    assert {response.status for response in responses} <= {200, 503}  # a process calls Stripe for a few requests only
    assert responses[-1].status == 200
    assert shop.order(number)["status"] == "paid"
    kinds = [row["kind"] for row in shop.table("orders_orderevent") if row["order_id"] == order["id"]]
    confirmations = [text for text in shop.emails() if "confirmation@" in text and number in text]
    assert (kinds.count("paid"), len(confirmations)) == (1, 1)
    assert [row["stripe_id"] for row in shop.table(EVENTS)].count("evt_sixteen") == 1


def test_six_megabytes_are_rejected(shop: AbuseServer) -> None:
    body = event(note="x" * 6_000_000)
    with shop.assert_unchanged():
        assert deliver(shop, body).status in (413, NO_RESPONSE)


@pytest.mark.parametrize("length", ["x", "-1", "1e9", "9" * 30], ids=short_id)
def test_invalid_content_length_is_rejected(shop: AbuseServer, length: str) -> None:
    request = f"POST {WEBHOOK} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{{}}"
    with shop.assert_unchanged():
        response = shop.visitor().send_raw(request.encode())
    assert response[9:12] in (b"400", b"413")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_webhook_accepts_only_post(shop: AbuseServer, method: str) -> None:
    with shop.assert_unchanged():
        assert shop.visitor().send(method, WEBHOOK, headers={"Stripe-Signature": signed(b"")}).status == 405
