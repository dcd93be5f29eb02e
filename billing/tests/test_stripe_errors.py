"""Tests for what the gateway makes of Stripe's errors, times and values, as docs/money.md describes it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from billing import answers, gateway
from billing.stripe_calls import time_limits

INTENT = {
    "id": "pi_1", "object": "payment_intent", "status": "requires_payment_method", "amount": 1200, "amount_received": 0,
    "currency": "gbp", "client_secret": None, "payment_method": None,
}  # fmt: skip


class StripeServer:
    """Answers each call with the next of some responses, and keeps the timeouts of the calls."""

    def __init__(self) -> None:
        self.responses: list[tuple[int, dict[str, Any]] | Exception] = []
        self.timeouts: list[tuple[float, float]] = []

    def client(self, timeout: tuple[float, float]) -> stripe.RequestsClient:
        server = self

        class Client(stripe.RequestsClient):
            def request(self, *args: Any, **kwargs: Any) -> Any:
                server.timeouts.append(timeout)
                response = server.responses.pop(0)
                if isinstance(response, Exception):
                    raise response
                return json.dumps(response[1]).encode(), response[0], {}

        return Client(timeout=timeout)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    server = StripeServer()
    monkeypatch.setattr(gateway, "http_client", server.client)
    monkeypatch.setattr(gateway.time, "sleep", lambda seconds: None)
    yield server
    time_limits.clear_time_limit()


def error(status: int, kind: str, code: str = "", **more: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"type": kind, "code": code, "message": "The first line.\nFurther advice.", **more}}


def confirm() -> answers.Intent:
    return gateway.confirm_intent("pi_1", "card_1", "key")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (error(402, "card_error", "card_declined"), answers.Declined),
        (error(400, "invalid_request_error", "payment_intent_unexpected_state"), answers.StateChanged),
        (error(400, "invalid_request_error", "token_already_used"), answers.TokenUsed),
        (error(404, "invalid_request_error", "resource_missing"), answers.Missing),
        (error(400, "invalid_request_error", "parameter_missing"), answers.Rejected),
        (error(400, "idempotency_error", "idempotency_key_in_use"), answers.IdempotencyKeyUsed),
        (error(401, "invalid_request_error", "api_key_expired"), answers.Rejected),
        (error(403, "invalid_request_error", "more_permissions_required"), answers.Rejected),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value[0]),
)
def test_error_has_the_kind_and_the_first_line_of_stripe(
    server: StripeServer, response: tuple[int, dict[str, Any]], expected: type[answers.GatewayError]
) -> None:
    server.responses = [response]
    with pytest.raises(answers.GatewayError, match=r"^The first line\.$") as raised:
        confirm()
    assert type(raised.value) is expected


@pytest.mark.parametrize("code", ["payment_intent_unexpected_state", "token_already_used", "parameter_missing"])
def test_rejected_call_has_the_code_of_stripe(server: StripeServer, code: str) -> None:
    server.responses = [error(400, "invalid_request_error", code)]
    with pytest.raises(answers.GatewayError) as raised:
        confirm()
    assert raised.value.code == code


def test_declined_card_has_its_decline_code(server: StripeServer) -> None:
    server.responses = [error(402, "card_error", "card_declined", decline_code="insufficient_funds")]
    with pytest.raises(answers.Declined) as raised:
        confirm()
    assert (raised.value.code, raised.value.decline_code) == ("card_declined", "insufficient_funds")


@pytest.mark.parametrize("busy", [error(429, "invalid_request_error", "rate_limit"), error(409, "api_error")])
def test_busy_stripe_is_asked_twice(server: StripeServer, busy: tuple[int, dict[str, Any]]) -> None:
    server.responses = [busy, (200, INTENT)]
    assert confirm().id == "pi_1"
    server.responses = [busy, busy]
    with pytest.raises(answers.OutcomeUnknown):
        confirm()


@pytest.mark.parametrize("status", [500, 503])
def test_server_error_is_stored_by_stripe_and_not_asked_again(server: StripeServer, status: int) -> None:
    server.responses = [error(status, "api_error")]
    with time_limits.long_timeouts(), pytest.raises(answers.OutcomeUnknown) as raised:
        confirm()
    assert raised.value.is_stored


def test_lost_response_is_not_stored_by_stripe(server: StripeServer) -> None:
    server.responses = [stripe.APIConnectionError("no route")]
    with pytest.raises(answers.OutcomeUnknown, match="no route") as raised:
        confirm()
    assert not raised.value.is_stored


def test_lost_response_is_asked_again_only_with_long_timeouts(server: StripeServer) -> None:
    server.responses = [stripe.APIConnectionError("no route"), (200, INTENT)]
    with time_limits.long_timeouts():
        assert confirm().id == "pi_1"
    assert [read for _connect, read in server.timeouts] == [time_limits.LONG_READ_SECONDS] * 2


def test_calls_of_one_request_share_a_time_limit(server: StripeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.responses = [(200, INTENT)] * 4
    now = time.monotonic()
    monkeypatch.setattr(gateway.time, "monotonic", lambda: now)
    time_limits.start_time_limit()
    confirm()
    for left in (5.0, 2.0, 1.5, 0.5):
        monkeypatch.setattr(gateway.time, "monotonic", lambda left=left: now + time_limits.REQUEST_SECONDS - left)
        if left < 1:
            with pytest.raises(answers.OutcomeUnknown):
                confirm()
        else:
            confirm()
    limits = (time_limits.CONNECT_SECONDS, time_limits.READ_SECONDS)
    expected = [limits, (3.0, 5.0), (2.0, 2.0), (1.5, 1.5)]
    assert server.timeouts == [pytest.approx(timeouts) for timeouts in expected]


def test_deleted_customer_is_missing(server: StripeServer) -> None:
    server.responses = [(200, {"id": "cus_1", "object": "customer"})]
    assert gateway.retrieve_customer("cus_1") == "cus_1"
    server.responses = [(200, {"id": "cus_1", "object": "customer", "deleted": True})]
    with pytest.raises(answers.Missing):
        gateway.retrieve_customer("cus_1")


@pytest.mark.parametrize(
    ("charge", "expected"),
    [
        (None, (0, False)),
        ("ch_1", (0, False)),
        ({"id": "ch_1", "object": "charge"}, (0, False)),
        ({"id": "ch_1", "object": "charge", "amount_refunded": None, "disputed": None}, (0, False)),
        ({"id": "ch_1", "object": "charge", "amount_refunded": 0, "disputed": False}, (0, False)),
        ({"id": "ch_1", "object": "charge", "amount_refunded": 250, "disputed": True}, (250, True)),
    ],
)
def test_intent_is_read_with_its_charge(server: StripeServer, charge: Any, expected: tuple[int, bool]) -> None:
    server.responses = [(200, INTENT | {"latest_charge": charge})]
    intent = gateway.retrieve_intent("pi_1")
    assert (intent.refunded, intent.is_disputed) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("", "", "")),
        ({"last_payment_error": None, "metadata": None}, ("", "", "")),
        ({"last_payment_error": {"code": "expired_card"}, "metadata": {}}, ("expired_card", "", "")),
        (
            {
                "last_payment_error": {"code": "card_declined", "decline_code": "lost_card"},
                "metadata": {"order_uuid": "0b0e"},
            },
            ("card_declined", "lost_card", "0b0e"),
        ),
    ],
)
def test_intent_is_read_with_its_last_error(server: StripeServer, fields: Any, expected: tuple[str, str, str]) -> None:
    server.responses = [(200, INTENT | fields)]
    intent = gateway.retrieve_intent("pi_1")
    assert (intent.code, intent.decline_code, intent.order_uuid) == expected


def delivery(event: dict[str, Any], offset: float = 0) -> tuple[bytes, str]:
    """Return the body and signature of a webhook delivery, signed `offset` seconds from now."""
    body = json.dumps(event)
    signed = stripe.WebhookSignature.generate_signature_header(body, "whsec_tests", timestamp=int(time.time() + offset))
    return body.encode(), signed


EVENT = {
    "id": "evt_1", "type": "payment_intent.succeeded", "livemode": False,
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}  # fmt: skip


def test_event_is_read_with_the_id_of_its_intent() -> None:
    assert answers.read_event(*delivery(EVENT)) == answers.Event("evt_1", "payment_intent.succeeded", "pi_1", False)
    charge = EVENT | {"type": "charge.updated", "data": {"object": {"object": "charge", "payment_intent": "pi_2"}}}
    assert answers.read_event(*delivery(charge)) == answers.Event("evt_1", "charge.updated", "pi_2", False)
    customer = EVENT | {"type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}}}
    assert answers.read_event(*delivery(customer)).intent_id == ""


@pytest.mark.sampled(2)
@pytest.mark.parametrize("secrets", ["whsec_tests", "whsec_new,whsec_tests", "whsec_tests, whsec_new"])
def test_delivery_is_accepted_with_each_secret_while_one_is_replaced(settings: Any, secrets: str) -> None:
    settings.STRIPE_WEBHOOK_SECRET = secrets
    assert answers.read_event(*delivery(EVENT))


@pytest.mark.parametrize("secrets", ["whsec_new", "whsec_new,whsec_newer", "whsec_new,", ""])
def test_delivery_with_another_secret_is_rejected(settings: Any, secrets: str) -> None:
    settings.STRIPE_WEBHOOK_SECRET = secrets
    with pytest.raises(ValueError, match="not a valid"):
        answers.read_event(*delivery(EVENT))


def test_empty_secret_signs_nothing(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = "whsec_new,"
    body = json.dumps(EVENT)
    with pytest.raises(ValueError, match="not a valid"):
        answers.read_event(body.encode(), stripe.WebhookSignature.generate_signature_header(body, ""))


@pytest.mark.parametrize("name", ["id", "type"])
def test_event_values_have_up_to_120_printable_characters(name: str) -> None:
    assert answers.read_event(*delivery(EVENT | {name: "e" * 120}))
    for value in ("e" * 121, "e\n", 5, None):
        with pytest.raises(ValueError, match="not a valid"):
            answers.read_event(*delivery(EVENT | {name: value}))


@pytest.mark.parametrize("offset", [-answers.CLOCK_SKEW + 5, answers.CLOCK_SKEW - 5])
def test_delivery_from_a_slightly_wrong_clock_is_accepted(offset: float) -> None:
    assert answers.read_event(*delivery(EVENT, offset))


@pytest.mark.parametrize("offset", [-answers.CLOCK_SKEW - 5, answers.CLOCK_SKEW + 5])
def test_delivery_from_a_very_wrong_clock_is_rejected(offset: float) -> None:
    with pytest.raises(ValueError, match=r"not a valid|in the future"):
        answers.read_event(*delivery(EVENT, offset))
