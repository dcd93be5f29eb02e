"""Disputes of charges and inquiries about them. The cardholder's bank opens, changes and decides them."""

from __future__ import annotations

import time
from typing import Any

from stripe_simulator.errors import invalid
from stripe_simulator.resources.calls import Call, merged_metadata, new_object, paginate

_CLOSED = ("warning_closed", "won", "lost", "prevented")
_DAYS_TO_RESPOND = 21


def is_inquiry(dispute: dict[str, Any]) -> bool:
    """Return whether the bank only asks about the charge. Nothing is withdrawn, and refunds are allowed."""
    return str(dispute["status"]).startswith("warning_")


def of_charge(call: Call, charge_id: str) -> list[dict[str, Any]]:
    """Return all disputes of a charge, oldest first."""
    return [row for row in call.store.find_all("dispute") if row["charge"] == charge_id]


def is_disputed(call: Call, charge_id: str) -> bool:
    """Return whether a dispute of the charge is open, so that the charge cannot be refunded."""
    return any(not is_inquiry(row) and row["status"] not in _CLOSED for row in of_charge(call, charge_id))


def lost_amount(call: Call, charge_id: str) -> int:
    """Return the amount of the charge that went back to the cardholder in disputes, in minor units."""
    return sum(row["amount"] for row in of_charge(call, charge_id) if row["status"] == "lost")


def open_dispute(
    call: Call,
    charge: dict[str, Any],
    amount: int | None = None,
    reason: str = "fraudulent",
    status: str = "needs_response",
) -> dict[str, Any]:
    """Open a dispute of a charge, or an inquiry about it, and return it.

    By default it is about everything that was not refunded or lost. Raise ApiError unless the amount is between 1 and
    the amount of the charge.
    """
    left = charge["amount"] - charge["amount_refunded"] - lost_amount(call, charge["id"])
    amount = left if amount is None else amount
    if not 1 <= amount <= charge["amount"]:
        raise invalid(f"The charge {charge['id']} cannot be disputed for {amount}.")
    dispute = {
        **new_object("dispute", "du"),
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": int(time.time()) + _DAYS_TO_RESPOND * 86_400,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status.startswith("warning_"),
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": status,
    }
    _save(call, dispute)
    call.record_event("charge.dispute.created", dispute)
    return dispute


def change(call: Call, dispute: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Change fields of a dispute, such as its status, and return it. Record the events that Stripe sends for this."""
    dispute = {**dispute, **changes}
    _save(call, dispute)
    call.record_event("charge.dispute.closed" if dispute["status"] in _CLOSED else "charge.dispute.updated", dispute)
    return dispute


def _save(call: Call, dispute: dict[str, Any]) -> None:
    """Save the dispute, and withdraw or return its money as its status requires.

    The charge is marked as disputed for good, but not because of an inquiry.
    """
    status, moved = dispute["status"], list(dispute["balance_transactions"])
    dispute["is_charge_refundable"] = is_inquiry(dispute)
    if not is_inquiry(dispute) and not moved:
        moved.append(_transaction(dispute, -dispute["amount"]))
        call.store.save({**call.get_or_error("charge", dispute["charge"]), "disputed": True})
        call.record_event("charge.dispute.funds_withdrawn", dispute)
    if status == "won" and len(moved) == 1:
        moved.append(_transaction(dispute, dispute["amount"]))
        call.record_event("charge.dispute.funds_reinstated", dispute)
    dispute["balance_transactions"] = moved
    call.store.save(dispute)


def _transaction(dispute: dict[str, Any], amount: int) -> dict[str, Any]:
    return {**new_object("balance_transaction", "txn"), "amount": amount, "currency": dispute["currency"]}


def retrieve(call: Call) -> dict[str, Any]:
    """Handle GET /v1/disputes/<id>."""
    return call.get_or_error("dispute", call.ids[0])


def list_disputes(call: Call) -> dict[str, Any]:
    """Handle GET /v1/disputes."""
    return paginate(call, "dispute", "/v1/disputes", "charge", "payment_intent")


def update(call: Call) -> dict[str, Any]:
    """Handle POST /v1/disputes/<id>: store metadata or evidence, which is submitted unless `submit` is false."""
    dispute = retrieve(call)
    _require_open(dispute)
    changes: dict[str, Any] = {"metadata": merged_metadata(dispute["metadata"], call.params.get("metadata"))}
    if evidence := call.params.get("evidence"):
        changes["evidence"] = {**dispute["evidence"], **evidence}
    if evidence and call.params.get("submit") != "false":
        changes["status"] = str(dispute["status"]).replace("needs_response", "under_review")
    return change(call, dispute, **changes)


def close(call: Call) -> dict[str, Any]:
    """Handle POST /v1/disputes/<id>/close: the shop accepts the dispute, which is then lost."""
    dispute = retrieve(call)
    _require_open(dispute)
    return change(call, dispute, status="lost")


def _require_open(dispute: dict[str, Any]) -> None:
    if dispute["status"] in _CLOSED:
        raise invalid("This dispute is already closed", executed=True)
