"""Errors in the format of Stripe's error responses."""

from __future__ import annotations

from typing import Any

from stripe_simulator.resources.cards import Decline


class ApiError(Exception):
    """An error response.

    `executed` means that the handler has done some work. Its changes are committed, and the response is stored and
    replayed under its idempotency key.
    """

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
    """Return the error for an invalid request (400).

    Stripe rejects most invalid requests before it executes them. Pass `executed=True` for the others.
    """
    return ApiError(400, message, code=code, param=param, **fields)


def missing(kind: str, object_id: str, param: str = "", status: int = 404) -> ApiError:
    """Return the error for an id that does not exist.

    The status is 404 if the id is in the path and 400 if it is in a parameter.
    """
    message = f"No such {kind}: '{object_id}'"
    return ApiError(status, message, code="resource_missing", param=param or "id")


def unexpected_state(intent: dict[str, Any], verb: str) -> ApiError:
    """Return the error for a payment or setup intent whose status does not allow the requested step."""
    kind = str(intent["object"])
    name = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}[kind]
    message = f"You cannot {verb} this {name} because it has a status of {intent['status']}."
    code = f"{kind}_unexpected_state"
    return ApiError(400, message, executed=True, code=code, **{kind: intent})


def declined(decline: Decline, **fields: Any) -> ApiError:
    """Return the error for a card that the bank declined (402)."""
    return ApiError(402, decline.message, executed=True, **decline.fields(), **fields)
