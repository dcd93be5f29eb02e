"""Shipping of paid orders: once, with an event in the history and an email message to the shopper."""

from django.db import transaction
from django.utils import timezone

from orders.emails import queue
from orders.models import Mail, Order, OrderEvent, OrderWords
from orders.models.units import units_text


def ship(order: Order, by: str, tracking: str = "", shown: str = "") -> bool:
    """Change the status from paid to shipped and queue the email message to the shopper.

    The units that are left are stored, because a refund of shipped units must not change what was shipped. Return False
    and change nothing if the order is not paid, was shipped before, if no unit is left to ship, if nothing is left of
    its total after refunds and lost disputes, or if staff have to assign the items of a withdrawal first. With `shown`,
    also return False if the units that are left are not those that a page has shown, as `units_text` writes them.
    """
    with transaction.atomic():
        # This update locks the order: no refund is requested, and no withdrawal matched, until the shipment is stored.
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        order.refresh_from_db()
        units = order.stored_units_to_ship()
        if not units or (shown and shown != units_text(units)) or order.withdrawals.awaiting_assignment().exists():
            return False
        # The sum is computed here because SQLite does this arithmetic in floating point.
        left = Order.objects.filter(amount_lost=order.amount_lost, amount_refunded__lt=order.total - order.amount_lost)
        paid = left.filter(pk=order.pk, status=Order.Status.PAID)
        if not paid.update(
            status=Order.Status.SHIPPED, shipped_at=timezone.now(), tracking=tracking, units_shipped=units
        ):
            return False
        order.record(OrderEvent.Kind.SHIPPED, by=by, text=tracking)
        OrderWords.objects.store(Order.objects.filter(pk=order.pk))
        queue.queue(order, Mail.Kind.SHIPPED)
    order.refresh_from_db()
    return True
