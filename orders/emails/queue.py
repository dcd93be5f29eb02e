"""Outbox rows for order emails, written in the same transaction as the event that they report."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from core.emails.messages import message_id_domain
from core.emails.outbox import queued
from orders.models import Mail, Order, OrderEvent
from orders.models.item import WITH_PRODUCTS
from products.models import Product, StockMovement

SHOPPER, EXPIRY = "shopper", "expiry"  # who can cancel an order, apart from staff


# Cancellation messages per hour to one email address. Anyone can order with the address of another person and not pay.
MAX_CANCELLATION_EMAILS = 5


def queue(order: Order, kind: str, about: str = "") -> Mail | None:
    """Return the row of this email message. Create it if the order has none of this kind with this `about`.

    Return None if there is no recipient.
    """
    new = _new_row(order, kind, about)
    if not new.to:
        return None
    # A low stock message is unique per product, regardless of the order that caused it.
    lookup = {} if kind == Mail.Kind.LOW_STOCK else {"order": order}
    defaults = {"order": order, "to": new.to, "message_id": new.message_id}
    mail, is_new = Mail.objects.get_or_create(**lookup, kind=kind, about=about, copy=0, defaults=defaults)
    if is_new:
        queued.send(Mail)
    return mail


def queue_copy(mail: Mail, copy: int) -> Mail:
    """Queue this email message once more, as copy number `copy`, to the present email address of its order."""
    order = mail.order
    name = ".".join(filter(None, [str(order.uuid), mail.kind, mail.about, f"copy-{copy}"]))
    row: Mail = Mail.objects.create(
        order=order, kind=mail.kind, about=mail.about, copy=copy, to=order.email, message_id=_message_id(name)
    )
    queued.send(Mail)
    return row


def _new_row(order: Order, kind: str, about: str = "") -> Mail:
    to = settings.STAFF_EMAIL if kind in Mail.FOR_STAFF else order.email
    name = ".".join(filter(None, [str(order.uuid), kind, about]))
    return Mail(order=order, kind=kind, about=about, to=to, message_id=_message_id(name))


def _message_id(name: str) -> str:
    return f"<{name}@{message_id_domain()}>"


def queue_paid_emails(order: Order) -> Mail | None:
    """Queue the shopper's confirmation, and messages to staff about the order and products with low stock.

    Return the confirmation, which this process claims and sends, or None if the order has no email address. Rows that
    exist already stay as they are.
    """
    rows = [_new_row(order, kind) for kind in (Mail.Kind.NEW_ORDER, Mail.Kind.CONFIRMATION)]
    confirmation = rows[1]
    confirmation.claim_new()
    Mail.objects.bulk_create([row for row in rows if row.to], ignore_conflicts=True)
    queued.send(Mail)
    for item in sorted(WITH_PRODUCTS.rows(order=order.pk), key=lambda item: item.product_id):
        if item.product.active and item.product.is_running_out:
            queue(order, Mail.Kind.LOW_STOCK, about=restock_key(item.product))
    return confirmation if confirmation.to else None


def queue_cancellation_email(order: Order) -> None:
    """Queue the cancellation message, unless the shopper canceled the order.

    In that case the page has already confirmed the cancellation. The number of messages per email address and hour is
    limited to MAX_CANCELLATION_EMAILS.
    """
    an_hour_ago = timezone.now() - timedelta(hours=1)
    if canceled_by(order) == SHOPPER:
        return
    if (
        Mail.objects.filter(kind=Mail.Kind.CANCELED, to=order.email, timestamp__gt=an_hour_ago).count()
        < MAX_CANCELLATION_EMAILS
    ):
        queue(order, Mail.Kind.CANCELED)


def canceled_by(order: Order) -> str:
    """Return who requested the cancellation, or a blank string if the intent was canceled at Stripe."""
    asked = order.events.filter(kind=OrderEvent.Kind.CANCELING).last()
    return asked.by if asked else ""


def restock_key(product: Product) -> str:
    """Return a key for the last restock by staff, because one low stock message per restock is enough."""
    by_staff = [StockMovement.Kind.OPENING, StockMovement.Kind.ADJUSTED]
    restock = product.movements.filter(kind__in=by_staff, amount__gte=0).order_by("-pk").first()
    return f"{product.pk}-{restock.pk if restock else 0}"
