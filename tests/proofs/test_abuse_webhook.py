"""Abuse of the webhook: who may speak, what is believed, how much is read."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
import stripe

from tests.proofs.abused_shop import WEBHOOK_SECRET, AbusedShop
from tests.proofs.attacker import HUNG_UP, Answer, short

pytestmark = pytest.mark.slow
_numbers = count(1)
WEBHOOK, THREE_D_SECURE, EVENTS = "/billing/webhook/", "tok_threeDSecure2Required", "billing_stripeevent"


def event(intent: Any = "pi_unknown", number: str = "", **changes: Any) -> bytes:
    """An event as Stripe sends it, with a number of its own."""
    number = number or f"evt_abuse_{next(_numbers)}"
    subject = {"id": intent, "object": "payment_intent", "status": "succeeded", "amount": 1, "amount_received": 1}
    body = {"id": number, "object": "event", "type": "payment_intent.succeeded", "livemode": False}
    return json.dumps(body | {"data": {"object": subject}} | changes).encode()


def signed(body: bytes, secret: str = WEBHOOK_SECRET, late: int = 0) -> str:
    """A signature of this body, `late` seconds from now."""
    text, moment = body.decode("latin-1"), int(time.time()) + late
    return str(stripe.WebhookSignature.generate_signature_header(text, secret, timestamp=moment))


def deliver(shop: AbusedShop, body: bytes, signature: str | None = None, **headers: str) -> Answer:
    """Post a delivery as Stripe does: no cookie, no token."""
    signature = signed(body) if signature is None else signature
    lines = {"Content-Type": "application/json", "Stripe-Signature": signature, **headers}
    return shop.visitor().send("POST", WEBHOOK, body, lines)


GOOD = event()
SIGNATURES: dict[str, str] = {
    "none": "", "rubbish": "rubbish", "no parts": "t=,v1=", "no time": f"v1={'0' * 64}", "no signature": "t=1",
    "zeros": f"t={int(time.time())},v1={'0' * 64}", "not ASCII": "t=\xfc,v1=\xfc", "commas": "," * 3000,
    "other scheme": f"t={int(time.time())},v0={'0' * 64}", "endless time": f"t={'9' * 4000},v1=0",
    "other secret": signed(GOOD, "whsec_other"), "empty secret": signed(GOOD, ""),
    "an hour old": signed(GOOD, late=-3600), "a day ahead": signed(GOOD, late=86_400),
    "of another body": signed(b"{}"),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_delivery_that_nobody_signed_is_refused(shop: AbusedShop, name: str) -> None:
    with shop.unchanged():
        assert deliver(shop, GOOD, SIGNATURES[name]).status == 400


def test_time_of_a_good_signature_cannot_be_moved(shop: AbusedShop) -> None:
    old = signed(GOOD, late=-3600)
    with shop.unchanged():
        assert deliver(shop, GOOD, f"t={int(time.time())},{old.partition(',')[2]}").status == 400


NOT_EVENTS: dict[str, bytes] = {
    "null": b"null", "list": b"[]", "object": b"{}", "number": b"1", "text": b'"evt_1"', "nothing": b"",
    "not UTF-8": b"\xff\xfe", "cut off": event()[:40], "XML": b"<event/>", "NUL": b"\x00", "NaN": b"NaN",
    "deep": b"[" * 50_000 + b"]" * 50_000, "long number": b"1" * 6000, "data of null": event(data=None),
    "subject of null": event(data={"object": None}), "subject of a list": event(data={"object": []}),
    "livemode": event(livemode=True),
}  # fmt: skip
ODD_EVENTS: dict[str, bytes] = {
    "no id": event(id=None), "no type": event(type=None), "id of a NUL": event(number="evt_\x00"),
    "id of an object": event(id={"$ne": 1}), "endless id": event(number="e" * 500), "NUL": event("pi_\x00"),
    "list": event(["pi_1"]), "endless": event("p" * 5000), "lone surrogate": event("pi_\ud800"),
    "livemode of text": event(livemode="true"), "no livemode": event(livemode=None),
    "type of a NUL": event(type="payment_intent.\x00"), "endless type": event(type="t" * 5000),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_EVENTS)
def test_signed_rubbish_is_refused(shop: AbusedShop, name: str) -> None:
    with shop.unchanged():
        assert deliver(shop, NOT_EVENTS[name]).status == 400


@pytest.mark.parametrize("name", ODD_EVENTS)
def test_signed_event_with_odd_parts_is_noted_at_most(shop: AbusedShop, name: str) -> None:
    with shop.unchanged(EVENTS):
        assert deliver(shop, ODD_EVENTS[name]).status in (200, 400)


def test_event_of_an_unknown_intent_is_only_noted(shop: AbusedShop) -> None:
    with shop.unchanged(EVENTS):
        assert deliver(shop, event("pi_of_nobody", "evt_unknown")).status == 200


def test_event_that_lies_pays_nothing(shop: AbusedShop) -> None:
    number = shop.visitor().buy(shop.goods["mug"], THREE_D_SECURE)
    intent = shop.order(number)["payment_intent_id"]
    with shop.unchanged(EVENTS):
        for kind in ("succeeded", "canceled", "payment_failed", "amount_capturable_updated"):
            answer = deliver(shop, event(intent, f"evt_lie_{kind}", type=f"payment_intent.{kind}"))
            assert answer.status == 200
    assert shop.order(number)["status"] == "placed"


def test_event_of_a_charge_that_lies_refunds_nothing(shop: AbusedShop) -> None:
    number = shop.visitor().buy(shop.goods["mug"])
    order = shop.order(number)
    charge = {"id": "ch_lie", "object": "charge", "payment_intent": order["payment_intent_id"], "refunded": True}
    for kind in ("charge.refunded", "charge.refund.updated", "charge.dispute.closed"):
        with shop.unchanged(EVENTS):
            body = event(number=f"evt_{kind}_lie", type=kind, data={"object": charge | {"amount_refunded": 1600}})
            assert deliver(shop, body).status == 200
    assert shop.order(number) == order


def test_sixteen_copies_at_once_pay_once(shop: AbusedShop) -> None:
    number = shop.visitor().buy(shop.goods["mug"], THREE_D_SECURE)
    order, mails = shop.order(number), len(shop.mails())
    shop.simulator.act(order["payment_intent_id"], True)
    body = event(order["payment_intent_id"], "evt_sixteen")
    paid = ("orders_order", "orders_payment", "orders_orderevent", "orders_mail", EVENTS)
    with shop.unchanged(*paid), ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _copy: deliver(shop, body), range(16)))
    assert {answer.status for answer in answers} == {200}
    assert shop.order(number)["status"] == "paid"
    kinds = [row["kind"] for row in shop.table("orders_orderevent") if row["order_id"] == order["id"]]
    assert (kinds.count("paid"), len(shop.mails()) - mails) == (1, 1)
    assert [row["stripe_id"] for row in shop.table(EVENTS)].count("evt_sixteen") == 1


def test_six_megabytes_are_refused(shop: AbusedShop) -> None:
    body = event(note="x" * 6_000_000)
    with shop.unchanged():
        assert deliver(shop, body).status in (413, HUNG_UP)


@pytest.mark.parametrize("length", ["x", "-1", "1e9", "9" * 30], ids=short)
def test_length_that_is_none_is_refused(shop: AbusedShop, length: str) -> None:
    request = f"POST {WEBHOOK} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n{{}}"
    with shop.unchanged():
        answer = shop.visitor().raw(request.encode())
    assert answer[9:12] in (b"400", b"413")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_webhook_takes_post_alone(shop: AbusedShop, method: str) -> None:
    with shop.unchanged():
        assert shop.visitor().send(method, WEBHOOK, headers={"Stripe-Signature": signed(b"")}).status == 405
