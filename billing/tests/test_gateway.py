"""Tests for malformed answers: the gateway raises a GatewayError for each of them."""

from typing import Any

import pytest
import stripe

from billing import answers, gateway

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
