"""Email about orders: queued as rows in the transaction of the change, sent afterwards, and retried on failure."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ecommerce.letters import letter
from orders.links import order_url
from orders.models import Mail, Order, OrderEvent, Payment, Refund
from products.models import Product, StockMovement

Kind = Mail.Kind
SHOPPER, EXPIRY = "shopper", "expiry"  # who can cancel an order, apart from staff
# Cancellation messages per hour to one email address. Anyone can order with the address of another person and not pay.
MOST_CANCELED = 5
Facts = dict[str, Any]


# --- queuing, in the caller's transaction ---


def queue(order: Order, kind: str, about: str = "") -> Mail | None:
    """Return the row of this email message. Create it if the order has none of this kind with this `about`.

    Return None if there is no recipient.
    """
    to = settings.STAFF_EMAIL if kind in Mail.FOR_STAFF else order.email
    if not to:
        return None
    name = ".".join(filter(None, [str(order.uuid), kind, about]))
    # A low stock message is unique per product, regardless of the order that caused it.
    lookup = {} if kind == Kind.LOW_STOCK else {"order": order}
    mail, _created = Mail.objects.get_or_create(
        **lookup,
        kind=kind,
        about=about,
        defaults={"order": order, "to": to, "message_id": f"<{name}@{settings.SITE_HOST or 'localhost'}>"},
    )
    return mail


def tell_paid(order: Order) -> Mail | None:
    """Queue the shopper's confirmation, and messages to staff about the order and products with low stock.

    Return the confirmation, or None if the order has no email address.
    """
    queue(order, Kind.NEW_ORDER)
    for item in order.items.select_related("product").order_by("product_id"):
        if _is_running_out(item.product):
            queue(order, Kind.LOW_STOCK, about=_restock_key(item.product))
    return queue(order, Kind.CONFIRMATION)


def tell_canceled(order: Order) -> None:
    """Queue the cancellation message, unless the shopper canceled the order.

    In that case the page has already confirmed the cancellation. The number of messages per email address and hour is
    limited to MOST_CANCELED.
    """
    an_hour_ago = timezone.now() - timedelta(hours=1)
    if _canceled_by(order) == SHOPPER:
        return
    if Mail.objects.filter(kind=Kind.CANCELED, to=order.email, timestamp__gt=an_hour_ago).count() < MOST_CANCELED:
        queue(order, Kind.CANCELED)


def _canceled_by(order: Order) -> str:
    """Return who requested the cancellation, or a blank string if the intent was canceled at Stripe."""
    asked = order.events.filter(kind=OrderEvent.Kind.CANCELING).last()
    return asked.by if asked else ""


def _is_running_out(product: Product) -> bool:
    return product.active and product.stock is not None and product.stock <= settings.LOW_STOCK


def _restock_key(product: Product) -> str:
    """Return a key for the last restock by staff, because one low stock message per restock is enough."""
    by_staff = [StockMovement.Kind.OPENING, StockMovement.Kind.ADJUSTED]
    restock = product.movements.filter(kind__in=by_staff, amount__gte=0).order_by("-pk").first()
    return f"{product.pk}-{restock.pk if restock else 0}"


# --- sending, outside any transaction ---


def send(mail: Mail | None) -> bool:
    """Send the email message unless another process is sending it. Return False if it was not sent now."""
    is_sent = mail is not None and mail.deliver(build)
    if mail and is_sent and mail.kind == Kind.CONFIRMATION:
        mail.order.record(OrderEvent.Kind.MAILED)
    return is_sent


def send_waiting() -> int:
    """Send all email messages that are due. Return how many were sent."""
    return Mail.objects.send(send)


# --- content, from the data at the time of sending ---


def build(mail: Mail) -> EmailMultiAlternatives | None:
    """Return the email message, or None if it is no longer true or its recipient was erased."""
    facts = facts_of(mail) if mail.to else None
    return None if facts is None else compose(mail, facts, order_url(mail.order))


def compose(mail: Mail, facts: Facts, url: str) -> EmailMultiAlternatives:
    """Return the email message in the language of the order, or of the shop if it is for staff.

    `url` is the link that opens the order.
    """
    order = mail.order
    with translation.override(settings.LANGUAGE_CODE if mail.is_for_staff else order.language):
        context = {
            "order": order,
            "items": order.items.all(),
            "url": url,
            "admin_url": settings.SITE_URL + reverse("admin:orders_order_change", args=[order.pk]),
        } | facts
        return letter(f"orders/mails/{mail.kind}", _subject(mail, facts), mail.to, mail.message_id, context)


def facts_of(mail: Mail) -> Facts | None:
    """Return the template context of this message in addition to the order, or None if it is no longer true."""
    if mail.kind == Kind.REFUNDED:
        row = Refund.objects.filter(pk=mail.about, status=Refund.Status.DONE).first()
        return refund_facts(mail.order, row) if row else None
    if mail.kind == Kind.LOW_STOCK:
        product = Product.objects.filter(pk=mail.about.partition("-")[0]).first()
        return stock_facts(product) if product and mail.about == _restock_key(product) else None
    return cancel_facts(mail.order) if mail.kind == Kind.CANCELED else {}


def refund_facts(order: Order, row: Refund) -> Facts:
    """Return the refund, whether it is of the whole order, the total refunded so far and the card."""
    done = Refund.objects.filter(payment__order=order, is_mismatch=False, status=Refund.Status.DONE)
    back = sum((refund.amount for refund in done), Decimal(0))
    return {"refund": row, "is_whole": row.amount == order.total, "back": back, "card": row.payment.card}


def cancel_facts(order: Order) -> Facts:
    """Return whether the order expired, and whether it was charged after all."""
    is_charged = order.payments.filter(status=Payment.Status.SUCCEEDED).exists()
    return {"is_expired": _canceled_by(order) == EXPIRY, "is_charged": is_charged}


def stock_facts(product: Product) -> Facts:
    """Return the product with low stock and the URL where staff can restock it."""
    page = reverse("admin:products_product_change", args=[product.pk])
    return {"product": product, "product_url": settings.SITE_URL + page}


def _subject(mail: Mail, facts: Facts) -> str:
    params = {"number": mail.order.order_id, "shop": settings.SITE_NAME, "product": facts.get("product")}
    subjects = {
        Kind.CONFIRMATION: _("Your order %(number)s at %(shop)s"),
        Kind.SHIPPED: _("Your order %(number)s is on its way"),
        Kind.REFUNDED: _("Refund for your order %(number)s"),
        Kind.CANCELED: _("Your order %(number)s was cancelled"),
        Kind.NEW_ORDER: _("New order %(number)s"),
        Kind.LOW_STOCK: _("Low stock: %(product)s"),
        Kind.ATTENTION: _("Order %(number)s needs attention"),
    }
    return subjects[Kind(mail.kind)] % params
