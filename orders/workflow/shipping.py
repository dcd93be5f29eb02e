"""Shipping of paid orders: once, with an event in the history and an email message to the shopper."""

from django.db import transaction
from django.utils import timezone

from orders.emails import queue
from orders.models import Mail, Order, OrderEvent, OrderWords


def ship(order: Order, by: str, tracking: str = "") -> bool:
    """Change the status from paid to shipped and queue the email message to the shopper.

    Return False and change nothing if the order is not paid, was shipped before, or if nothing is left of its total
    after refunds and lost disputes.
    """
    order.refresh_from_db()
    with transaction.atomic():
        # The sum is computed here because SQLite does this arithmetic in floating point.
        left = Order.objects.filter(amount_lost=order.amount_lost, amount_refunded__lt=order.total - order.amount_lost)
        paid = left.filter(pk=order.pk, status=Order.Status.PAID)
        if not paid.update(status=Order.Status.SHIPPED, shipped_at=timezone.now(), tracking=tracking):
            return False
        order.record(OrderEvent.Kind.SHIPPED, by=by, text=tracking)
        OrderWords.objects.store(Order.objects.filter(pk=order.pk))
        queue.queue(order, Mail.Kind.SHIPPED)
    order.refresh_from_db()
    return True
