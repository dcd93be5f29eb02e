"""The part of the audit about withdrawals from contracts."""

from collections.abc import Iterator

from orders.bookkeeping.audits.findings import AuditFinding
from orders.models import Withdrawal
from orders.workflow.withdrawals.due import due_on, overdue

CHUNK = 500


def withdrawals() -> Iterator[AuditFinding]:
    """Check L4: refunds of withdrawals are not overdue, and declarations are as they were made."""
    for row in overdue().select_related("order"):
        text = f"was due on {due_on(row)} and is neither refunded nor closed"
        yield AuditFinding("L4", f"withdrawal {row.number}", text, row.order)
    for row in Withdrawal.objects.iterator(CHUNK):
        if not row.is_intact:
            yield AuditFinding("L4", f"withdrawal {row.number}", "was changed after it was declared")
