"""When an order counts as shipped.

A paid order becomes shipped when it has a shipment and no unit is left to ship, whether the last unit was shipped,
refunded or withdrawn. An order without a shipment never does. If a unit is left to ship again, because a refund failed
or staff closed a withdrawal without a refund, the order is paid again and back among the orders to ship.
"""

from django.utils import timezone

from orders.models import Order, OrderEvent


def update_shipped(order: Order, by: str = "", text: str = "") -> bool:
    """Change the status to shipped or back to paid if the units left to ship require it. Return whether it is shipped.

    The caller has locked the order, and calls this after everything that can change the units that are left or what is
    left of the payment. `by` and `text` are those of the event.
    """
    current = Order.objects.get(pk=order.pk)
    rows = Order.objects.filter(pk=order.pk, status=current.status)
    has_rest, has_nothing_to_ship = current.has_units_to_ship(), not current.is_to_ship()
    if current.status == Order.Status.PAID and current.shipments.exists() and not has_rest:
        if rows.update(status=Order.Status.SHIPPED, shipped_at=timezone.now(), has_nothing_to_ship=True):
            current.record(OrderEvent.Kind.SHIPPED, by=by, text=text)
            return True
    elif current.status == Order.Status.SHIPPED and has_rest:
        if rows.update(status=Order.Status.PAID, shipped_at=None, has_nothing_to_ship=has_nothing_to_ship):
            current.record(OrderEvent.Kind.UNSHIPPED, by=by)
        return False
    elif current.is_paid and current.has_nothing_to_ship != has_nothing_to_ship:
        rows.update(has_nothing_to_ship=has_nothing_to_ship)
    return current.status == Order.Status.SHIPPED
