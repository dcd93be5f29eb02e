"""SetupIntents, which save a card without charging it."""

from __future__ import annotations

from typing import Any

from stripe_simulator.errors import declined, invalid, unexpected_state
from stripe_simulator.resources import payment_intents, payment_methods
from stripe_simulator.resources.calls import Call, merged_metadata, new_object, random_text
from stripe_simulator.resources.cards import DECLINES, NEVER, Decline

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_NOT_AUTHENTICATED = Decline("setup_intent_authentication_failure", payment_intents.NOT_AUTHENTICATED.message)


def create(call: Call) -> dict[str, Any]:
    """Handle POST /v1/setup_intents."""
    if customer := call.text("customer"):
        call.get_or_error("customer", customer, "customer", 400)
    fresh = new_object("setup_intent", "seti")
    intent = {
        **fresh,
        **dict.fromkeys(("application", "cancellation_reason", "last_setup_error", "latest_attempt")),
        **dict.fromkeys(("mandate", "next_action", "payment_method")),
        "automatic_payment_methods": payment_intents.automatic_payment_methods(
            call.params.get("automatic_payment_methods")
        ),
        "client_secret": f"{fresh['id']}_secret_{random_text(25)}",
        "customer": customer,
        "description": call.text("description"),
        "metadata": merged_metadata({}, call.params.get("metadata")),
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": call.text("usage") or "off_session",
    }
    if call.text("payment_method"):
        intent["payment_method"] = payment_methods.find(call, call.params["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    call.store.save(intent)
    call.record_event("setup_intent.created", intent)
    return _attempt(call, intent) if call.flag("confirm") else intent


def get_intent(call: Call) -> dict[str, Any]:
    """Return the setup intent named in the path.

    Raise ApiError if it does not exist, or if a publishable key is used without the intent's client secret.
    """
    intent = call.get_or_error("setup_intent", call.ids[0], "intent")
    if call.is_public and call.params.get("client_secret") != intent["client_secret"]:
        message = "The client_secret provided does not match the client_secret associated with the SetupIntent."
        raise invalid(message, "setup_intent_invalid_parameter", "client_secret")
    return intent


def retrieve(call: Call) -> dict[str, Any]:
    """Handle GET /v1/setup_intents/<id>."""
    return get_intent(call)


def confirm(call: Call) -> dict[str, Any]:
    """Handle POST /v1/setup_intents/<id>/confirm."""
    return _attempt(call, get_intent(call))


def _attempt(call: Call, intent: dict[str, Any]) -> dict[str, Any]:
    """Try to save the card and return the setup intent, which has succeeded or requires 3-D Secure.

    Raise ApiError if the intent or its payment method does not allow it, or if the bank declines the card.
    """
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "confirm")
    method = _find_method(call, intent)
    intent |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    if payment_methods.get_test_card(call, method).authenticate != NEVER:
        return payment_intents.challenge(call, intent)
    return _finish(call, intent, method)


def _find_method(call: Call, intent: dict[str, Any]) -> dict[str, Any]:
    """Return the payment method of the request, or else of the intent.

    Raise ApiError if there is none or it can no longer be used.
    """
    method_id = call.text("payment_method") or intent["payment_method"]
    if not method_id:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise invalid(message, "setup_intent_unexpected_state", setup_intent=intent, executed=True)
    method = payment_methods.find(call, method_id)
    if method["object"] != "payment_method" or call.store.notes(method["id"]).get("spent"):
        raise payment_methods.not_reusable_error(method_id)
    return method


def _finish(call: Call, intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    """Attach the card to the customer, if there is one, and mark the setup intent as succeeded.

    Raise a card error if the bank declines the card.
    """
    card = payment_methods.get_test_card(call, method)
    if card.attach:
        failed = _fail(call, intent, method, DECLINES[card.attach])
        raise declined(DECLINES[card.attach], setup_intent=failed)
    if intent["customer"]:
        payment_methods.attach(call, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None}
    call.store.save(intent)
    call.record_event("setup_intent.succeeded", intent)
    return intent


def _fail(call: Call, intent: dict[str, Any], method: dict[str, Any], reason: Decline) -> dict[str, Any]:
    """Record the error on the setup intent, which then requires another payment method."""
    error = {**reason.fields(), "message": reason.message, "payment_method": method}
    if reason is _NOT_AUTHENTICATED:
        error["type"] = "invalid_request_error"
    intent |= {
        "status": "requires_payment_method",
        "last_setup_error": error,
        "next_action": None,
        "payment_method": None,
    }
    call.store.save(intent)
    call.record_event("setup_intent.setup_failed", intent)
    return intent


def resolve_challenge(call: Call, intent: dict[str, Any], succeed: bool) -> dict[str, Any]:
    """Apply the shopper's response to the 3-D Secure challenge and return the setup intent."""
    if intent["status"] != "requires_action":
        raise unexpected_state(intent, "authenticate")
    method = payment_methods.find(call, intent["payment_method"])
    if not succeed:
        return _fail(call, intent, method, _NOT_AUTHENTICATED)
    call.store.save(method, authenticated=True)
    return _finish(call, intent, method)


def cancel(call: Call) -> dict[str, Any]:
    """Handle POST /v1/setup_intents/<id>/cancel."""
    intent = get_intent(call)
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "cancel")
    reason = call.text("cancellation_reason")
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    call.store.save(intent)
    call.record_event("setup_intent.canceled", intent)
    return intent
