"""The part of the audit that counts units."""

from collections.abc import Iterator

from django.db.models import Q

from orders.bookkeeping.audits.findings import AuditFinding, order_finding
from orders.models import Order, Refund
from orders.models.units import by_line, refunded_units

CHUNK = 500


def units() -> Iterator[AuditFinding]:
    """Check I24: of each line, no more units were refunded than were sold, and none was shipped that was not sold."""
    moved = Q(units_shipped__isnull=False) | Q(pk__in=Refund.objects.exclude(units={}).values("payment__order"))
    orders = Order.objects.placed().filter(moved).prefetch_related("items", "payments__refunds")
    for order in orders.iterator(CHUNK):
        sold = {item.pk: item.quantity for item in order.items.all()}
        refunds = [row for payment in order.payments.all() for row in payment.refunds.all()]
        counts = {"refunded": refunded_units(refunds), "shipped": by_line(order.units_shipped or {})}
        for name, counted in counts.items():
            for line, number in counted.items():
                if not 0 <= number <= sold.get(line, 0):
                    text = f"{name} {number} units of line {line}, but sold {sold.get(line, 0)}"
                    yield order_finding(order, "I24", text)
