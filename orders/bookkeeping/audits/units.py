"""The part of the audit that counts units and shipments."""

from collections.abc import Iterator

from django.db.models import CharField, Exists, OuterRef, Q
from django.db.models.functions import Cast

from orders.bookkeeping.audits.findings import AuditFinding, order_finding
from orders.models import Mail, Order, Refund, Shipment, Withdrawal
from orders.models.units import refunded_units

CHUNK = 500


def units() -> Iterator[AuditFinding]:
    """Check I24: of each line, no more units were refunded than were sold, and no more were shipped.

    An order is shipped if, and only if, it has a shipment and no unit is left to ship. A paid order is among those to
    ship if, and only if, a unit is left, and not all of its payment was lost.
    """
    shipped, refunded = Shipment.objects.values("order"), Refund.objects.exclude(units={}).values("payment__order")
    withdrawn = Withdrawal.objects.exclude(order=None).values("order")
    moved = Q(pk__in=shipped) | Q(pk__in=refunded) | Q(pk__in=withdrawn) | Q(status=Order.Status.SHIPPED)
    moved |= Q(amount_lost__gt=0)
    orders = Order.objects.placed().filter(moved)
    for order in orders.prefetch_related("items", "payments__refunds", "shipments", "withdrawals").iterator(CHUNK):
        yield from _line_findings(order)
        yield from _status_findings(order)


def _line_findings(order: Order) -> Iterator[AuditFinding]:
    sold = {item.pk: item.quantity for item in order.items.all()}
    refunds = [row for payment in order.payments.all() for row in payment.refunds.all()]
    counts = {"refunded": [refunded_units(refunds)], "shipped": [row.units_by_line for row in order.shipments.all()]}
    for name, parts in counts.items():
        for line in {line for part in parts for line in part}:
            numbers = [part[line] for part in parts]
            if min(numbers) < 0 or sum(numbers) > sold.get(line, 0):
                text = f"{name} {sum(numbers)} units of line {line}, but sold {sold.get(line, 0)}"
                yield order_finding(order, "I24", text)


def _status_findings(order: Order) -> Iterator[AuditFinding]:
    """Yield the findings about the status. A withdrawal that was just declared changes it a little later."""
    has_shipment, has_rest = bool(order.shipments.all()), order.has_units_to_ship()
    if order.status == Order.Status.SHIPPED and not has_shipment:
        yield order_finding(order, "I24", "is shipped, but has no shipment")
    elif order.status == Order.Status.SHIPPED and has_rest:
        yield order_finding(order, "I24", "is shipped, but has units left to ship")
    elif order.status == Order.Status.PAID and has_shipment and not (has_rest or _has_new_withdrawal(order)):
        yield order_finding(order, "I24", "has no units left to ship, but is not shipped")
    elif order.status == Order.Status.PAID and _is_listed_wrongly(order) and not _has_new_withdrawal(order):
        yield order_finding(order, "I24", "is listed wrongly among the orders to ship")


def _is_listed_wrongly(order: Order) -> bool:
    return order.has_nothing_to_ship == order.is_to_ship()


def _has_new_withdrawal(order: Order) -> bool:
    found: bool = Withdrawal.objects.to_match().filter(order=order).exists()
    return found


def shipping_emails() -> Iterator[AuditFinding]:
    """Check I9: each shipment has an email message. That of an order's only shipment did not always name it."""
    mails = Mail.objects.filter(order=OuterRef("order"), kind=Mail.Kind.SHIPPED)
    named, unnamed = mails.filter(about=Cast(OuterRef("pk"), CharField())), mails.filter(about="")
    silent = Shipment.objects.exclude(Exists(named)).exclude(Exists(unnamed), number=1).exclude(order__email="")
    for shipment in silent.select_related("order"):
        yield order_finding(shipment.order, "I9", f"shipment {shipment.number} has no shipping email")
