"""A paid order goes out: once, with a line in its history and a mail to the shopper."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from orders import mails
from orders.models import Mail, Order, OrderEvent


def ship(order: Order, by: str, tracking: str = "") -> bool:
    """Turn paid into sent; False, and nothing done, if it is not paid, was sent before, or all of it is going back."""
    with transaction.atomic():
        paid = Order.objects.filter(pk=order.pk, status=Order.Status.PAID, amount_refunded__lt=F("total"))
        if not paid.update(status=Order.Status.SHIPPED, shipped_at=timezone.now(), tracking=tracking):
            return False
        order.record(OrderEvent.Kind.SHIPPED, by=by, text=tracking)
        mails.queue(order, Mail.Kind.SHIPPED)
    order.refresh_from_db()
    return True
