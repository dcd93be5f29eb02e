"""Which order staff ship next."""

from orders.models import Order, Withdrawal

MAX_CANDIDATES = 50  # Orders that are being refunded in full have nothing to ship, but few wait at a time.


def next_to_ship(after: Order | None = None) -> Order | None:
    """Return the oldest order that can be shipped now, other than `after`, or None.

    Leave out orders that need attention, have an open dispute, or wait until staff assign the items of a withdrawal.
    Partly shipped orders are left out, too: staff chose to ship the rest later.
    """
    waiting = Order.objects.to_ship().filter(attention="", shipments=None)
    waiting = waiting.exclude(pk__in=Order.objects.disputed().values("pk"))
    waiting = waiting.exclude(pk__in=Withdrawal.objects.awaiting_assignment().exclude(order=None).values("order"))
    if after:
        waiting = waiting.exclude(pk=after.pk)
    rows = waiting.order_by("paid_at", "pk").prefetch_related("items", "withdrawals", "shipments")[:MAX_CANDIDATES]
    return next((order for order in rows if order.refundable and order.has_units_to_ship()), None)
