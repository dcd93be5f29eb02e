"""Steps of cardholders and their banks at Stripe. The sums of refunds and disputes stay within the charge."""

from contextlib import suppress
from typing import Any

from stripe_simulator.errors import ApiError
from stripe_simulator.server import Simulator

CLOSED = ("won", "warning_closed", "prevented")
# What a dispute or inquiry with the first status can become.
NEXT = {
    "warning_needs_response": ["warning_under_review", "warning_closed", "needs_response"],
    "warning_under_review": ["warning_closed", "needs_response"],
    "needs_response": ["under_review", "won", "lost"],
    "under_review": ["needs_response", "won", "lost"],
    "lost": ["appeal_under_review"],
    "appeal_under_review": ["won", "lost"],
}


def undisputed(simulator: Simulator, charge: dict[str, Any]) -> int:
    """Return the amount of a charge that was not refunded, and is not part of a dispute that can be lost."""
    rows = [row for row in simulator.objects("dispute") if row["charge"] == charge["id"]]
    taken = sum(row["amount"] for row in rows if row["status"] not in CLOSED and "warning" not in row["status"])
    return int(charge["amount"] - charge["amount_refunded"] - taken)


def open_dispute(simulator: Simulator, intent: str, share: int, status: str) -> None:
    """Dispute one in `share` parts of what is left of a charge, or only ask about it. Do nothing if nothing is left."""
    charge = charge_of(simulator, intent)
    if amount := undisputed(simulator, charge) // share:
        with suppress(ApiError):
            simulator.open_dispute(intent, amount=amount, status=status)


def move_dispute(simulator: Simulator, dispute: dict[str, Any], choice: int) -> None:
    """Give a dispute its next status. An inquiry about money that was refunded in the meantime is closed."""
    choices = NEXT[dispute["status"]]
    status = choices[choice % len(choices)]
    is_escalated = "warning" in dispute["status"] and "warning" not in status
    if is_escalated and undisputed(simulator, charge_of(simulator, dispute["payment_intent"])) < dispute["amount"]:
        status = "warning_closed"
    simulator.change_dispute(dispute["id"], status=status)


def movable_disputes(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the disputes and inquiries that can still change."""
    return [row for row in simulator.objects("dispute") if row["status"] in NEXT]


def charge_of(simulator: Simulator, intent: str) -> dict[str, Any]:
    [charge] = [
        row for row in simulator.objects("charge") if row["payment_intent"] == intent and row["status"] == "succeeded"
    ]
    return charge
