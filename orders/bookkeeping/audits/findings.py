"""Audit findings."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orders.models import Order, OrderEvent

QUIET_PERIOD = timedelta(minutes=2)  # a shopper's request might still be running


@dataclass(frozen=True)
class AuditFinding:
    """A violated invariant or duty: its id in docs/money.md or docs/law.md, the subject and a description."""

    rule: str
    subject: str
    text: str
    order: Order | None = None

    def __str__(self) -> str:
        return f"{self.rule}  {self.subject} {self.text}"


def order_finding(order: Order, rule: str, text: str) -> AuditFinding:
    """Return a finding about an order."""
    return AuditFinding(rule, f"order {order.order_id}", text, order)


def without_busy_orders(findings: list[AuditFinding], began: datetime) -> list[AuditFinding]:
    """Return the findings without those about orders that changed during the audit, or just before it.

    Such orders might only appear to be wrong because they changed between two reads. `began` is the start of the audit.
    """
    since = began - QUIET_PERIOD
    busy = {finding.order.pk for finding in findings if finding.order and _is_busy(finding.order, since)}
    return [finding for finding in findings if not (finding.order and finding.order.pk in busy)]


def _is_busy(order: Order, since: datetime) -> bool:
    events = order.events.exclude(kind=OrderEvent.Kind.ALERTED)
    return events.filter(at__gt=since).exists()
