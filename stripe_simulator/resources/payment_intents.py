"""PaymentIntents: creation, 3-D Secure, charge and cancellation. An intent is never charged twice."""

from __future__ import annotations

import time
from typing import Any

from stripe_simulator.errors import declined, invalid, unexpected_state
from stripe_simulator.resources import charges, disputes, payment_methods
from stripe_simulator.resources.calls import Call, merged_metadata, new_object, paginate, random_text
from stripe_simulator.resources.cards import ALWAYS, DECLINES, UNLESS_SET_UP, Decline

_MINIMUM = {"gbp": 30}
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_TAKEN = ("description", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor_suffix")
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)


def _validate_amount(call: Call) -> tuple[int, str]:
    """Return the amount (in minor units) and the currency of a new intent.

    Raise ApiError if the amount is outside Stripe's limits or the currency is not three letters.
    """
    amount, currency = int(call.params["amount"]), _validate_currency(call)
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
    if amount < _MINIMUM.get(currency, 50):
        message = f"Amount must be at least {_MINIMUM.get(currency, 50)} in the minor unit of {currency}."
        raise invalid(message, "amount_too_small", "amount")
    if amount > 99999999:
        raise invalid("Amount must be no more than 99999999.", "amount_too_large", "amount")
    return amount, currency


def _validate_currency(call: Call) -> str:
    """Return the currency of a new intent in lower case. Raise ApiError if it is not three letters."""
    currency = call.params["currency"].lower()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise invalid(f"Invalid currency: {currency}", param="currency")
    return currency


def new_intent(call: Call) -> dict[str, Any]:
    """Return a new intent with the parameters of the call, which is not saved. Raise ApiError if they are invalid."""
    amount, currency = _validate_amount(call)
    if customer := call.text("customer"):
        call.get_or_error("customer", customer, "customer", 400)
    fresh = new_object("payment_intent", "pi")
    return {
        **fresh,
        **{name: call.params.get(name) for name in _TAKEN},
        **dict.fromkeys(("canceled_at", "cancellation_reason", "last_payment_error", "latest_charge")),
        **dict.fromkeys(("application", "next_action", "payment_method", "processing", "review")),
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": automatic_payment_methods(call.params.get("automatic_payment_methods")),
        "capture_method": "automatic",
        "client_secret": f"{fresh['id']}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "currency": currency,
        "customer": customer,
        "metadata": merged_metadata({}, call.params.get("metadata")),
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def create(call: Call) -> dict[str, Any]:
    """Handle POST /v1/payment_intents."""
    intent = new_intent(call)
    if call.text("payment_method"):
        intent["payment_method"] = _find_payable_method(call, intent, call.params["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    call.store.save(intent)
    call.record_event("payment_intent.created", intent)
    return attempt(call, intent) if call.flag("confirm") else intent


def automatic_payment_methods(sent: dict[str, str] | None) -> dict[str, Any]:
    """Return the `automatic_payment_methods` field of an intent for the sent parameter."""
    sent = sent or {"enabled": "true"}
    return {"allow_redirects": sent.get("allow_redirects", "always"), "enabled": sent.get("enabled") == "true"}


def _find_payable_method(call: Call, intent: dict[str, Any], method_id: str) -> dict[str, Any]:
    """Return the payment method with this id.

    Raise ApiError if it does not exist, belongs to another customer than the intent or can no longer be used.
    """
    method = payment_methods.find(call, method_id)
    if method["customer"] != intent["customer"] and method["customer"]:
        raise invalid(
            f"The payment method {method_id} does not belong to the customer of this PaymentIntent. "
            "Please include the Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    if call.store.notes(method["id"]).get("spent"):
        raise payment_methods.not_reusable_error(method_id)
    return method


def get_intent(call: Call) -> dict[str, Any]:
    """Return the intent named in the path.

    Raise ApiError if it does not exist, or if a publishable key is used without the intent's client secret.
    """
    intent = call.get_or_error("payment_intent", call.ids[0], "intent")
    if call.is_public and call.params.get("client_secret") != intent["client_secret"]:
        message = "The client_secret provided does not match any associated PaymentIntent on this account."
        raise invalid(message, "payment_intent_invalid_parameter", "client_secret")
    return intent


def retrieve(call: Call) -> dict[str, Any]:
    """Handle GET /v1/payment_intents/<id>."""
    return get_intent(call)


def list_intents(call: Call) -> dict[str, Any]:
    """Handle GET /v1/payment_intents."""
    return paginate(call, "payment_intent", "/v1/payment_intents", "customer")


def confirm(call: Call) -> dict[str, Any]:
    """Handle POST /v1/payment_intents/<id>/confirm."""
    return attempt(call, get_intent(call))


def attempt(call: Call, intent: dict[str, Any]) -> dict[str, Any]:
    """Try to charge an intent and return it: it has succeeded or requires 3-D Secure.

    Raise ApiError if the intent or its payment method does not allow it, or if the bank declines the card. The bank
    also declines a card that requires 3-D Secure if the call sets `off_session` or `error_on_requires_action`.
    """
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "confirm")
    method_id = call.text("payment_method") or intent["payment_method"]
    if not method_id:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, "payment_intent_unexpected_state", payment_intent=intent, executed=True)
    method = _find_payable_method(call, intent, method_id)
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    if call.text("receipt_email"):
        intent["receipt_email"] = call.params["receipt_email"]
    if not _needs_authentication(call, method):
        return charge(call, intent, method, must_raise=True)
    if call.flag("off_session") or call.flag("error_on_requires_action"):
        return decline(call, intent, method, DECLINES["authentication_required"], must_raise=True)
    return challenge(call, intent)


def _needs_authentication(call: Call, method: dict[str, Any]) -> bool:
    """Return whether the bank requires 3-D Secure for this charge, or the shop asks for it.

    Every card of the simulator supports it.
    """
    wanted = payment_methods.get_test_card(call, method).authenticate
    options = (call.params.get("payment_method_options") or {}).get("card") or {}
    if options.get("request_three_d_secure") in ("any", "challenge"):
        return True
    known = bool(call.store.notes(method["id"]).get("authenticated"))
    return wanted == ALWAYS or (wanted == UNLESS_SET_UP and not known)


def challenge(call: Call, intent: dict[str, Any]) -> dict[str, Any]:
    """Require a 3-D Secure challenge and return the intent. A new challenge replaces the previous one."""
    nonce = random_text(16)
    action = {
        "type": "three_d_secure_redirect",
        "stripe_js": f"{call.base_url}/3ds/{intent['id']}/{nonce}",
        "source": f"src_{random_text()}",
    }
    intent |= {
        "status": "requires_action",
        "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": action},
    }
    call.store.save(intent, challenge=nonce)
    call.record_event(f"{intent['object']}.requires_action", intent)
    return intent


def charge(call: Call, intent: dict[str, Any], method: dict[str, Any], must_raise: bool) -> dict[str, Any]:
    """Charge the intent and return it.

    If the bank declines the card, raise a card error or, unless `must_raise`, only record the decline.
    """
    card = payment_methods.get_test_card(call, method)
    if card.charge:
        return decline(call, intent, method, DECLINES[card.charge], must_raise)
    made = charges.record(call, intent, method)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": made["id"],
        "next_action": None,
    }
    if method["object"] == "payment_method" and not method["customer"]:
        call.store.save(method, spent=True)
    call.store.save(intent)
    call.record_event("payment_intent.succeeded", intent)
    if card.disputed:
        disputes.open_dispute(call, made)
    return intent


def decline(
    call: Call, intent: dict[str, Any], method: dict[str, Any], reason: Decline, must_raise: bool
) -> dict[str, Any]:
    """Record a decline by the bank and return the intent, which then requires another payment method.

    Raise a card error if `must_raise` is true, as it is for a confirmation.
    """
    made = charges.record(call, intent, method, reason)
    intent["latest_charge"] = made["id"]
    failed = fail(call, intent, method, reason, charge=made["id"])
    if must_raise:
        error = failed["last_payment_error"]
        shown = {"payment_method": error["payment_method"], "payment_intent": failed}
        raise declined(reason, charge=made["id"], **shown)
    return failed


def fail(call: Call, intent: dict[str, Any], method: dict[str, Any], reason: Decline, **fields: str) -> dict[str, Any]:
    """Record the error on the intent, which then requires another payment method."""
    error = {
        **reason.fields(),
        **fields,
        "message": reason.message,
        "payment_method": payment_methods.as_method(call, method),
    }
    if reason is NOT_AUTHENTICATED:
        error["type"] = "invalid_request_error"
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
    }
    call.store.save(intent)
    call.record_event("payment_intent.payment_failed", intent)
    return intent


def resolve_challenge(call: Call, intent: dict[str, Any], succeed: bool) -> dict[str, Any]:
    """Apply the shopper's response to the 3-D Secure challenge and return the intent."""
    if intent["status"] != "requires_action":
        raise unexpected_state(intent, "authenticate")
    method = payment_methods.find_pending(call, intent["payment_method"])
    if succeed:
        return charge(call, intent, method, must_raise=False)
    return fail(call, intent, method, NOT_AUTHENTICATED)


def cancel(call: Call) -> dict[str, Any]:
    """Handle POST /v1/payment_intents/<id>/cancel."""
    intent = get_intent(call)
    if intent["status"] not in _OPEN:
        raise unexpected_state(intent, "cancel")
    intent |= {
        "status": "canceled",
        "canceled_at": int(time.time()),
        "cancellation_reason": call.text("cancellation_reason"),
        "next_action": None,
    }
    call.store.save(intent)
    call.record_event("payment_intent.canceled", intent)
    return intent
