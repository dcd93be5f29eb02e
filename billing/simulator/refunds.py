"""Refunds: most are done at once; those of two test cards end later, well or badly."""

from __future__ import annotations

from typing import Any

from billing.simulator.calls import Call, merged_metadata, new, page
from billing.simulator.cards import BY_NAME, REFUND_FAILS, REFUND_PENDING
from billing.simulator.errors import invalid


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


def create(call: Call) -> dict[str, Any]:
    """POST /v1/refunds; a pending refund counts as refunded from the start, as the money has left the balance."""
    charge = _charge_to_refund(call)
    amount = _refundable(call, charge)
    kind = BY_NAME[call.store.notes(charge["id"]).get("card", "visa")].refund
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
    if kind == REFUND_PENDING:
        refund |= {"status": "pending", "pending_reason": "processing"}
    call.store.save(refund, ends={REFUND_PENDING: "succeeded", REFUND_FAILS: "failed"}.get(kind, ""))
    _count(call, charge, amount)
    call.event("refund.created", refund)
    call.event("charge.refunded", call.need("charge", charge["id"]))
    call.event("refund.updated", refund)
    return refund


def _count(call: Call, charge: dict[str, Any], amount: int) -> None:
    """Note on the charge that so much more is refunded, or less of a negative amount."""
    refunded = charge["amount_refunded"] + amount
    call.store.save({**charge, "amount_refunded": refunded, "refunded": refunded == charge["amount"]})


def finish(call: Call) -> list[dict[str, Any]]:
    """Let every refund end that is still to end; the money of a failed one is the shop's again."""
    ended = []
    for refund in call.store.listed("refund"):
        status = call.store.notes(refund["id"]).get("ends")
        if not status:
            continue
        refund = {name: value for name, value in refund.items() if name != "pending_reason"} | {"status": status}
        if status == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            _count(call, call.need("charge", refund["charge"]), -refund["amount"])
        ended.append(call.store.save(refund, ends=""))
        for kind in ("refund.updated", "charge.refund.updated", *(["refund.failed"] if status == "failed" else [])):
            call.event(kind, refund)
    return ended


def retrieve(call: Call) -> dict[str, Any]:
    """GET /v1/refunds/<id>"""
    return call.need("refund", call.ids[0])


def listing(call: Call) -> dict[str, Any]:
    """GET /v1/refunds"""
    return page(call, "refund", "/v1/refunds", "charge", "payment_intent")
