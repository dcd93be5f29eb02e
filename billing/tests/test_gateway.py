"""Tests for the gateway: each answer of Stripe has one meaning, and each malformed one raises a GatewayError."""

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import stripe

from billing import answers, gateway
from billing.stripe_calls import time_limits
from stripe_simulator.webhooks import signature

BODIES = [
    b"[]", b"null", b'"x"', b"1", b"{}", b"{", b"NaN", b"\xff\xfe", b"[[1]]", b"", b"<html>", b'{"object": 5}',
    b'{"error": null}', b'{"error": []}', b'{"error": "x"}', b'{"error": {}}', b'{"error": {"type": 5, "code": []}}',
    b'{"error": {"code": "resource_missing", "message": 5}}', b'{"id": []}', b'{"object": "list", "data": 5}',
    b'{"id": 1, "status": "succeeded", "amount": 1e999, "amount_received": 1e999, "currency": "gbp"}',
]  # fmt: skip
CALLS = [
    lambda: gateway.retrieve_intent("pi_1"),
    lambda: gateway.confirm_intent("pi_1", "card_1", "key"),
    lambda: gateway.create_customer("a@example.org"),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.sampled(2)
def test_malformed_answer_raises_gateway_error(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    class FakeClient(stripe.RequestsClient):
        status = 200

        def request(self, *args: Any, **kwargs: Any) -> Any:
            return body, self.status, {}

    monkeypatch.setattr(gateway, "http_client", lambda timeout: FakeClient(timeout=timeout))
    monkeypatch.setattr(gateway.time, "sleep", lambda seconds: None)
    for status in (200, 302, 400, 402, 409, 429, 500):
        FakeClient.status = status
        for call in CALLS:
            with pytest.raises(answers.GatewayError):
                call()


# Each kind of answer has one meaning


@pytest.fixture
def stripe_answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that sets the answers to the next calls, the last one for all further calls.

    An answer is a status and a JSON document, or an exception. The function returns the list of calls, each with its
    method, path and timeouts. Nothing sleeps.
    """

    def set_answers(*queue: Any) -> list[tuple[Any, ...]]:
        calls: list[tuple[Any, ...]] = []
        waiting = list(queue)

        class FakeClient(stripe.RequestsClient):
            def __init__(self, timeout: tuple[float, float]) -> None:
                super().__init__(timeout=timeout)
                self.limits = timeout

            def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
                calls.append((method, url.split("/v1/")[1].split("?")[0], self.limits))
                answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                if isinstance(answer, Exception):
                    raise answer
                return json.dumps(answer[1]).encode(), answer[0], {}

        monkeypatch.setattr(gateway, "http_client", lambda timeout: FakeClient(timeout))
        monkeypatch.setattr(gateway.time, "sleep", lambda seconds: None)
        return calls

    return set_answers


def error(status: int, kind: str = "invalid_request_error", **fields: str) -> tuple[int, Any]:
    return status, {"error": {"type": kind, "message": "no"} | fields}


CUSTOMER = (200, {"id": "cus_1", "object": "customer", "email": "a@example.org"})
LOST = stripe.APIConnectionError("lost")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(402, "card_error", code="card_declined", decline_code="lost_card"), answers.Declined),
        (error(400), answers.Rejected),
        (error(404, code="resource_missing"), answers.Missing),
        (error(400, code="payment_intent_unexpected_state"), answers.StateChanged),
        (error(400, code="token_already_used"), answers.TokenUsed),
        (error(400, code="email_invalid"), answers.EmailRejected),
        (error(400, "idempotency_error"), answers.IdempotencyKeyUsed),
        (error(401), answers.Rejected),
        (error(403), answers.Rejected),
        (error(500, "api_error"), answers.OutcomeUnknown),
        (error(429), answers.OutcomeUnknown),
        (error(409), answers.OutcomeUnknown),
        (LOST, answers.OutcomeUnknown),
    ],
)
def test_answer_raises_its_own_error(
    stripe_answers: Callable[..., Any], answer: Any, kind: type[answers.GatewayError]
) -> None:
    stripe_answers(answer)
    with pytest.raises(answers.GatewayError) as caught:
        gateway.create_customer("a@example.org")
    assert type(caught.value) is kind


def test_decline_keeps_its_codes(stripe_answers: Callable[..., Any]) -> None:
    stripe_answers(error(402, "card_error", code="card_declined", decline_code="lost_card"))
    with pytest.raises(answers.Declined) as caught:
        gateway.confirm_intent("pi_1", "card_1", "key")
    assert (caught.value.code, caught.value.decline_code) == ("card_declined", "lost_card")


@pytest.mark.parametrize(("answer", "is_stored"), [(error(500, "api_error"), True), (LOST, False)])
def test_only_a_5xx_is_stored_under_its_key(stripe_answers: Callable[..., Any], answer: Any, is_stored: bool) -> None:
    stripe_answers(answer)
    with pytest.raises(answers.OutcomeUnknown) as caught:
        gateway.create_customer("a@example.org")
    assert caught.value.is_stored == is_stored


@pytest.mark.parametrize("busy", [429, 409])
def test_busy_stripe_is_asked_twice(stripe_answers: Callable[..., Any], busy: int) -> None:
    calls = stripe_answers(error(busy), CUSTOMER)
    assert gateway.create_customer("a@example.org") == "cus_1"
    calls = stripe_answers(error(busy), error(busy), CUSTOMER)
    with pytest.raises(answers.OutcomeUnknown):
        gateway.create_customer("a@example.org")
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("answer", "is_long", "calls"),
    [(LOST, False, 1), (LOST, True, 2), (error(500, "api_error"), True, 1), (error(400), True, 1)],
)
def test_lost_answer_is_asked_for_again_only_if_no_shopper_waits(
    stripe_answers: Callable[..., Any], answer: Any, is_long: bool, calls: int
) -> None:
    made = stripe_answers(answer)
    with time_limits.long_timeouts() if is_long else nullcontext(), pytest.raises(answers.GatewayError):
        gateway.create_customer("a@example.org")
    assert len(made) == calls


@pytest.mark.parametrize(
    ("limit", "is_long", "read"), [(None, False, 8.0), (None, True, 15.0), (5.0, False, 5.0), (100.0, False, 8.0)]
)
def test_call_waits_as_long_as_its_caller_can(
    stripe_answers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, limit: Any, is_long: bool, read: float
) -> None:
    made = stripe_answers(CUSTOMER)
    monkeypatch.setattr(gateway.time, "monotonic", lambda: 0.0)
    token = time_limits._deadline.set(limit)
    try:
        with time_limits.long_timeouts() if is_long else nullcontext():
            gateway.create_customer("a@example.org")
    finally:
        time_limits._deadline.reset(token)
    assert made[0][2] == (3.0, read)


@pytest.mark.parametrize(("remaining", "calls"), [(0.9, 0), (1.0, 1), (-5.0, 0)])
def test_call_is_not_made_without_time_for_it(
    stripe_answers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, remaining: float, calls: int
) -> None:
    made = stripe_answers(CUSTOMER)
    monkeypatch.setattr(gateway.time, "monotonic", lambda: 100.0)
    token = time_limits._deadline.set(100.0 + remaining)
    try:
        with nullcontext() if calls else pytest.raises(answers.OutcomeUnknown):
            gateway.create_customer("a@example.org")
    finally:
        time_limits._deadline.reset(token)
    assert len(made) == calls


def test_deleted_customer_is_missing(stripe_answers: Callable[..., Any]) -> None:
    stripe_answers((200, CUSTOMER[1] | {"deleted": True}))
    with pytest.raises(answers.Missing):
        gateway.retrieve_customer("cus_1")


def test_missing_customer_or_card_is_as_good_as_deleted(stripe_answers: Callable[..., Any]) -> None:
    stripe_answers(error(404, code="resource_missing"))
    gateway.delete_customer("cus_1")
    gateway.detach_card("cus_1", "card_1")
    gateway.detach_card("cus_1", "pm_1")


@pytest.mark.parametrize(("owner", "is_detached"), [("cus_1", True), ("cus_2", False), (None, False)])
def test_payment_method_is_detached_only_from_its_own_customer(
    stripe_answers: Callable[..., Any], owner: str | None, is_detached: bool
) -> None:
    made = stripe_answers((200, {"id": "pm_1", "object": "payment_method", "customer": owner}))
    gateway.detach_card("cus_1", "pm_1")
    assert [path for _method, path, _limits in made] == ["payment_methods/pm_1", "payment_methods/pm_1/detach"][
        : 1 + is_detached
    ]


def test_card_source_is_deleted(stripe_answers: Callable[..., Any]) -> None:
    made = stripe_answers((200, {"id": "card_1", "object": "card", "deleted": True}))
    gateway.detach_card("cus_1", "card_1")
    assert [(method, path) for method, path, _limits in made] == [("delete", "customers/cus_1/sources/card_1")]


# Reading answers

INTENT = {
    "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 5, "amount_received": 5,
    "currency": "gbp", "client_secret": None, "payment_method": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"code": "", "decline_code": "", "order_uuid": "", "refunded": 0, "is_disputed": False}),
        ({"client_secret": None, "payment_method": None}, {"client_secret": "", "payment_method": ""}),
        ({"last_payment_error": None, "metadata": None, "latest_charge": None}, {"code": "", "refunded": 0}),
        ({"last_payment_error": {"code": "x", "decline_code": None}}, {"code": "x", "decline_code": ""}),
        ({"last_payment_error": {"code": None, "decline_code": "y"}}, {"code": "", "decline_code": "y"}),
        ({"metadata": {"order_uuid": "u"}}, {"order_uuid": "u"}),
        ({"metadata": {"order_uuid": ""}}, {"order_uuid": ""}),
        ({"latest_charge": "ch_1"}, {"refunded": 0, "is_disputed": False}),
        ({"latest_charge": {"amount_refunded": 3, "disputed": True}}, {"refunded": 3, "is_disputed": True}),
        ({"latest_charge": {"amount_refunded": None, "disputed": "no"}}, {"refunded": 0, "is_disputed": False}),
    ],
)
def test_intent_is_read_with_or_without_its_optional_parts(
    stripe_answers: Callable[..., Any], more: dict[str, Any], expected: dict[str, Any]
) -> None:
    stripe_answers((200, INTENT | more))
    intent = gateway.retrieve_intent("pi_1")
    assert {name: getattr(intent, name) for name in expected} == expected


@pytest.mark.parametrize(("status", "is_live"), [("succeeded", False), ("canceled", False), ("processing", True)])
def test_only_a_final_intent_cannot_charge_a_card(
    stripe_answers: Callable[..., Any], status: str, is_live: bool
) -> None:
    stripe_answers((200, INTENT | {"status": status}))
    assert gateway.retrieve_intent("pi_1").is_live == is_live


REFUND = {
    "id": "re_1", "object": "refund", "status": "failed", "amount": 5, "currency": "gbp", "payment_intent": "pi_1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "row", "reason"),
    [
        ({}, "", ""),
        ({"metadata": None, "failure_reason": None}, "", ""),
        ({"metadata": {"refund": "7"}, "failure_reason": "lost_or_stolen_card"}, "7", "lost_or_stolen_card"),
    ],
)
def test_refund_is_read_with_or_without_its_optional_parts(
    stripe_answers: Callable[..., Any], more: dict[str, Any], row: str, reason: str
) -> None:
    stripe_answers((200, {"object": "list", "data": [REFUND | more], "has_more": False, "url": "/v1/refunds"}))
    [refund] = gateway.list_refunds("pi_1")
    assert (refund.row, refund.reason) == (row, reason)


SETUP = {"id": "seti_1", "object": "setup_intent", "status": "succeeded", "client_secret": None, "customer": None}


@pytest.mark.parametrize(("method", "card"), [(None, {}), ("pm_1", {}), ({"id": "pm_1"}, {"id": "pm_1"})])
def test_setup_is_read_with_or_without_its_card(
    stripe_answers: Callable[..., Any], method: Any, card: dict[str, str]
) -> None:
    stripe_answers((200, SETUP | {"payment_method": method}))
    setup = gateway.retrieve_setup("seti_1")
    assert (setup.card, setup.customer, setup.client_secret) == (card, "", "")


# Webhook deliveries


def signed(event: Any, seconds: float = 0) -> answers.Event:
    """Return the event of a delivery that was signed some seconds from now."""
    payload, sent = json.dumps(event), int(time.time() + seconds)
    return answers.read_event(payload.encode(), signature(payload, "whsec_tests", sent))


EVENT = {"id": "evt_1", "type": "charge.refunded", "livemode": False, "data": {"object": {"object": "charge"}}}


@pytest.mark.parametrize(
    ("subject", "intent_id"),
    [
        ({"object": "payment_intent", "id": "pi_1"}, "pi_1"),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}, "pi_1"),
        ({"object": "charge", "id": "ch_1", "payment_intent": None}, ""),
        ({"object": "customer", "id": "cus_1"}, ""),
    ],
)
def test_event_names_its_intent(subject: dict[str, Any], intent_id: str) -> None:
    assert signed(EVENT | {"data": {"object": subject}}).intent_id == intent_id


@pytest.mark.parametrize(("livemode", "expected"), [(True, True), (False, False), ("true", False), (1, False)])
def test_event_is_live_only_if_it_says_so(livemode: Any, expected: bool) -> None:
    assert signed(EVENT | {"livemode": livemode}).livemode is expected


@pytest.mark.parametrize("change", [{"id": "e" * 121}, {"id": "evt\n1"}, {"id": 5}, {"type": ["x"]}])
def test_event_that_does_not_fit_its_columns_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a valid webhook delivery"):
        signed(EVENT | change)


@pytest.mark.parametrize(
    ("seconds", "is_accepted"), [(0, True), (-250, True), (-400, False), (250, True), (400, False)]
)
def test_event_is_accepted_only_near_its_time(seconds: float, is_accepted: bool) -> None:
    with nullcontext() if is_accepted else pytest.raises(ValueError, match=r"delivery|future"):
        signed(EVENT, seconds)
