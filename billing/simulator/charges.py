"""Charges, what became of them, and refunds."""

from __future__ import annotations

from typing import Any

from billing.simulator import methods
from billing.simulator.calls import Call, merged_metadata, new, page
from billing.simulator.cards import Decline, TestCard
from billing.simulator.errors import invalid


def record(
    call: Call, intent: dict[str, Any], method: dict[str, Any], decline: Decline | None = None
) -> dict[str, Any]:
    """The charge that an attempt to pay an intent leaves behind, good or declined."""
    charge = {
        **_blank(intent, methods.as_method(call, method)),
        "amount_captured": 0 if decline else intent["amount"],
        "captured": not decline,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "outcome": _outcome(decline),
        "paid": not decline,
        "status": "failed" if decline else "succeeded",
    }
    call.store.save(charge)
    call.event("charge.failed" if decline else "charge.succeeded", charge)
    return charge


def _blank(intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    """What a charge has whether it succeeds or not."""
    taken = ("amount", "currency", "customer", "description", "metadata", "receipt_email", "shipping")
    shown = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    card = {name: method["card"][name] for name in shown}
    return {
        **new("charge", "ch"),
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


def _outcome(decline: Decline | None) -> dict[str, Any]:
    """How the bank answered."""
    if not decline:
        return {"network_status": "approved_by_network", "reason": None, "type": "authorized"}
    reason = decline.decline_code or decline.code
    blocked = reason == "fraudulent"
    return {
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else reason,
        "type": "blocked" if blocked else "issuer_declined",
    }


def dispute(call: Call, charge: dict[str, Any], card: TestCard) -> None:
    """The cardholder's complaint that follows a charge of the dispute card."""
    if not card.disputed:
        return
    call.store.save({**charge, "disputed": True})
    body = {
        **new("dispute", "du"),
        "amount": charge["amount"],
        "charge": charge["id"],
        "currency": charge["currency"],
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "fraudulent",
        "status": "needs_response",
    }
    call.event("charge.dispute.created", call.store.save(body))


def retrieve(call: Call) -> dict[str, Any]:
    """GET /v1/charges/<id>"""
    return call.need("charge", call.ids[0])


def listing(call: Call) -> dict[str, Any]:
    """GET /v1/charges"""
    return page(call, "charge", "/v1/charges", "customer", "payment_intent")


def _charge_to_refund(call: Call) -> dict[str, Any]:
    """The charge a refund names, directly or through its intent."""
    charge_id, intent_id = call.text("charge"), call.text("payment_intent")
    if not charge_id and not intent_id:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if intent_id:
        intent = call.need("payment_intent", intent_id, "payment_intent", 400)
        if intent["status"] != "succeeded" or charge_id not in (None, intent["latest_charge"]):
            message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            raise invalid(message, param="payment_intent", executed=True)
        charge_id = intent["latest_charge"]
    charge = call.need("charge", str(charge_id), "charge", 400)
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge_id} has not succeeded and cannot be refunded.", executed=True)
    return charge


def _refundable(call: Call, charge: dict[str, Any]) -> int:
    """The amount to refund, which is never more than is left of the charge."""
    left = charge["amount"] - charge["amount_refunded"]
    if not left:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, "charge_already_refunded", executed=True)
    amount = int(call.params.get("amount", left))
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount", executed=True)
    return amount


def create_refund(call: Call) -> dict[str, Any]:
    """POST /v1/refunds"""
    charge = _charge_to_refund(call)
    amount = _refundable(call, charge)
    refund = {
        **new("refund", "re"),
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": merged_metadata({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": call.text("reason"),
        "receipt_number": None,
        "status": "succeeded",
    }
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    call.store.save(refund)
    call.store.save(charge)
    call.event("refund.created", refund)
    call.event("charge.refunded", charge)
    call.event("refund.updated", refund)
    return refund


def retrieve_refund(call: Call) -> dict[str, Any]:
    """GET /v1/refunds/<id>"""
    return call.need("refund", call.ids[0])


def list_refunds(call: Call) -> dict[str, Any]:
    """GET /v1/refunds"""
    return page(call, "refund", "/v1/refunds", "charge", "payment_intent")


def retrieve_event(call: Call) -> dict[str, Any]:
    """GET /v1/events/<id>"""
    return call.need("event", call.ids[0])


def list_events(call: Call) -> dict[str, Any]:
    """GET /v1/events"""
    return page(call, "event", "/v1/events", "type")


def retrieve_dispute(call: Call) -> dict[str, Any]:
    """GET /v1/disputes/<id>"""
    return call.need("dispute", call.ids[0])
