"""Errors in the shape Stripe answers them."""

from __future__ import annotations

from typing import Any

from billing.simulator.cards import Decline


class ApiError(Exception):
    """An error answer; `executed` means work was done, so it is kept and replayed under its idempotency key."""

    def __init__(self, status: int, message: str, *, executed: bool = False, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.fields = {"type": "invalid_request_error", "message": message, **fields}

    @property
    def body(self) -> dict[str, Any]:
        """The JSON document of this error, without empty fields."""
        return {"error": {name: value for name, value in self.fields.items() if value != ""}}


def invalid(message: str, code: str = "", param: str = "", **fields: Any) -> ApiError:
    """A request that Stripe refuses before doing anything."""
    return ApiError(400, message, code=code, param=param, **fields)


def missing(kind: str, object_id: str, param: str = "", status: int = 404) -> ApiError:
    """An id that names nothing: 404 when it stands in the path, 400 in a parameter."""
    message = f"No such {kind}: '{object_id}'"
    return ApiError(status, message, code="resource_missing", param=param or "id")


def unexpected_state(intent: dict[str, Any], verb: str) -> ApiError:
    """An intent, payment or setup, that is past the step that was asked for."""
    kind = str(intent["object"])
    name = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}[kind]
    message = f"You cannot {verb} this {name} because it has a status of {intent['status']}."
    code = f"{kind}_unexpected_state"
    return ApiError(400, message, executed=True, code=code, **{kind: intent})


def declined(decline: Decline, **fields: Any) -> ApiError:
    """A card the bank refused."""
    return ApiError(402, decline.message, executed=True, **decline.fields(), **fields)
