"""What an audit finds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orders.models import Order, OrderEvent

CALM = timedelta(minutes=2)  # a shopper may still be at it


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be: which invariant of docs/money.md, about what, and in words."""

    rule: str
    subject: str
    text: str
    order: Order | None = None

    def __str__(self) -> str:
        return f"{self.rule}  {self.subject} {self.text}"


def about(order: Order, rule: str, text: str) -> Finding:
    """A finding about an order."""
    return Finding(rule, f"order {order.order_id}", text, order)


def settled(findings: list[Finding], began: datetime) -> list[Finding]:
    """Without those about orders that something happened to while (or just before) an audit looked: between two
    reads they only seem wrong. `began` is when it began to look.
    """
    since = began - CALM
    busy = {finding.order.pk for finding in findings if finding.order and _is_busy(finding.order, since)}
    return [finding for finding in findings if not (finding.order and finding.order.pk in busy)]


def _is_busy(order: Order, since: datetime) -> bool:
    events = order.events.exclude(kind=OrderEvent.Kind.TOLD_STAFF)
    return events.filter(at__gt=since).exists()
