"""Refunds. Most succeed immediately; those of two test cards change to their final status later."""

from __future__ import annotations

from typing import Any

from stripe_simulator.errors import ApiError, invalid
from stripe_simulator.resources import disputes
from stripe_simulator.resources.calls import Call, merged_metadata, new_object, paginate
from stripe_simulator.resources.cards import BY_NAME, REFUND_FAILS, REFUND_PENDING


def _charge_to_refund(call: Call) -> dict[str, Any]:
    """Return the charge to refund, named directly or through its payment intent.

    Raise ApiError if none is named, it has not succeeded, or it has an open dispute.
    """
    charge_id, intent_id = call.text("charge"), call.text("payment_intent")
    if not charge_id and not intent_id:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if intent_id:
        charge_id = _charge_id_of_intent(call, intent_id, charge_id)
    charge = call.get_or_error("charge", str(charge_id), "charge", 400)
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge_id} has not succeeded and cannot be refunded.", executed=True)
    if disputes.is_disputed(call, charge["id"]):
        raise _disputed_error(charge)
    return charge


def _disputed_error(charge: dict[str, Any]) -> ApiError:
    message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
    return invalid(message, "charge_disputed", executed=True)


def _charge_id_of_intent(call: Call, intent_id: str, charge_id: str | None) -> str:
    """Return the id of the charge of a payment intent.

    Raise ApiError if the intent has not succeeded or has another charge than `charge_id`.
    """
    intent = call.get_or_error("payment_intent", intent_id, "payment_intent", 400)
    if intent["status"] != "succeeded" or charge_id not in (None, intent["latest_charge"]):
        message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
        raise invalid(message, param="payment_intent", executed=True)
    return str(intent["latest_charge"])


def _refund_amount(call: Call, charge: dict[str, Any]) -> int:
    """Return the amount to refund in minor units; the default is all that was not refunded or lost in disputes.

    Raise ApiError if the amount is below 1 or greater than the unrefunded amount, or if nothing is left to refund.
    """
    lost = disputes.lost_amount(call, charge["id"])
    left = charge["amount"] - charge["amount_refunded"] - lost
    if lost and left <= 0:
        raise _disputed_error(charge)
    if not left:
        raise invalid(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded", executed=True)
    amount = int(call.params.get("amount", left))
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount", executed=True)
    return amount


def create(call: Call) -> dict[str, Any]:
    """Handle POST /v1/refunds.

    A pending refund counts as refunded from the start, because the money has left the balance.
    """
    charge = _charge_to_refund(call)
    amount = _refund_amount(call, charge)
    kind = BY_NAME[call.store.notes(charge["id"]).get("card", "visa")].refund
    refund = new_refund(call, charge, amount)
    if kind == REFUND_PENDING:
        refund |= {"status": "pending", "pending_reason": "processing"}
    call.store.save(refund, ends={REFUND_PENDING: "succeeded", REFUND_FAILS: "failed"}.get(kind, ""))
    _add_refunded(call, charge, amount)
    call.record_event("refund.created", refund)
    call.record_event("charge.refunded", call.get_or_error("charge", charge["id"]))
    call.record_event("refund.updated", refund)
    return refund


def new_refund(call: Call, charge: dict[str, Any], amount: int) -> dict[str, Any]:
    """Return a new refund of a charge with the metadata and the reason of the call, which is not saved."""
    return {
        **new_object("refund", "re"),
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


def _add_refunded(call: Call, charge: dict[str, Any], amount: int) -> None:
    """Add an amount, which can be negative, to the refunded amount of the charge."""
    refunded = charge["amount_refunded"] + amount
    call.store.save({**charge, "amount_refunded": refunded, "refunded": refunded == charge["amount"]})


def finish(call: Call) -> list[dict[str, Any]]:
    """Move every unfinished refund to its final status and return these refunds.

    The amount of a failed refund no longer counts as refunded, because its money is back in the shop's balance.
    """
    finished = []
    for refund in call.store.find_all("refund"):
        status = call.store.notes(refund["id"]).get("ends")
        if status:
            finished.append(_finish_refund(call, refund, status))
    return finished


def _finish_refund(call: Call, refund: dict[str, Any], status: str) -> dict[str, Any]:
    """Save the refund with its final status, record the events of this change, and return the refund."""
    refund = {name: value for name, value in refund.items() if name != "pending_reason"} | {"status": status}
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
        _add_refunded(call, call.get_or_error("charge", refund["charge"]), -refund["amount"])
    saved = call.store.save(refund, ends="")
    for kind in ("refund.updated", "charge.refund.updated", *(["refund.failed"] if status == "failed" else [])):
        call.record_event(kind, refund)
    return saved


def retrieve(call: Call) -> dict[str, Any]:
    """Handle GET /v1/refunds/<id>."""
    return call.get_or_error("refund", call.ids[0])


def list_refunds(call: Call) -> dict[str, Any]:
    """Handle GET /v1/refunds."""
    return paginate(call, "refund", "/v1/refunds", "charge", "payment_intent")
