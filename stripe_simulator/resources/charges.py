"""Charges and events."""

from __future__ import annotations

from typing import Any

from stripe_simulator.resources import payment_methods
from stripe_simulator.resources.calls import Call, new_object, paginate
from stripe_simulator.resources.cards import Decline


def record(
    call: Call, intent: dict[str, Any], method: dict[str, Any], decline: Decline | None = None
) -> dict[str, Any]:
    """Save and return the charge for an attempt to pay an intent, whether it succeeded or was declined."""
    charge = new_charge(intent, payment_methods.as_method(call, method), decline)
    call.store.save(charge, card=payment_methods.get_test_card(call, method).name)
    call.record_event("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def new_charge(intent: dict[str, Any], method: dict[str, Any], decline: Decline | None = None) -> dict[str, Any]:
    """Return a new charge for an attempt to pay an intent with a payment method, which is not saved."""
    return {**_common_fields(intent, method), **_result_fields(intent, decline)}


def _common_fields(intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a charge that do not depend on its outcome."""
    taken = ("amount", "currency", "customer", "description", "metadata", "receipt_email", "shipping")
    shown = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    card = {name: method["card"][name] for name in shown}
    return {
        **new_object("charge", "ch"),
        **{name: intent[name] for name in taken},
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "disputed": False,
        "fraud_details": {},
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {**card, "checks": method["card"]["checks"], "network": card["brand"]},
            "type": "card",
        },
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
    }


def _result_fields(intent: dict[str, Any], decline: Decline | None) -> dict[str, Any]:
    """Return the fields of a charge that depend on its outcome."""
    return {
        "amount_captured": 0 if decline else intent["amount"],
        "captured": not decline,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "outcome": _outcome(decline),
        "paid": not decline,
        "status": "failed" if decline else "succeeded",
    }


def _outcome(decline: Decline | None) -> dict[str, Any]:
    """Return the `outcome` field of a charge: the response of the bank."""
    if not decline:
        return {"network_status": "approved_by_network", "reason": None, "type": "authorized"}
    reason = decline.decline_code or decline.code
    blocked = reason == "fraudulent"
    return {
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else reason,
        "type": "blocked" if blocked else "issuer_declined",
    }


def retrieve(call: Call) -> dict[str, Any]:
    """Handle GET /v1/charges/<id>."""
    return call.get_or_error("charge", call.ids[0])


def list_charges(call: Call) -> dict[str, Any]:
    """Handle GET /v1/charges."""
    return paginate(call, "charge", "/v1/charges", "customer", "payment_intent")


def retrieve_event(call: Call) -> dict[str, Any]:
    """Handle GET /v1/events/<id>."""
    return call.get_or_error("event", call.ids[0])


def list_events(call: Call) -> dict[str, Any]:
    """Handle GET /v1/events."""
    return paginate(call, "event", "/v1/events", "type")
