"""What emails about orders say, as things are when they are sent."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from core.emails.messages import letter
from orders.emails.queue import EXPIRY, canceled_by, restock_key
from orders.links import order_url
from orders.models import Mail, Order, Payment, Refund
from products.models import Product

Facts = dict[str, Any]


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
    if mail.kind == Mail.Kind.REFUNDED:
        row = Refund.objects.filter(pk=mail.about, status=Refund.Status.DONE).first()
        return refund_facts(mail.order, row) if row else None
    if mail.kind == Mail.Kind.LOW_STOCK:
        product = Product.objects.filter(pk=mail.about.partition("-")[0]).first()
        return stock_facts(product) if product and mail.about == restock_key(product) else None
    return cancel_facts(mail.order) if mail.kind == Mail.Kind.CANCELED else {}


def refund_facts(order: Order, row: Refund) -> Facts:
    """Return the refund, whether it is of the whole order, the total refunded so far and the card."""
    done = Refund.objects.filter(payment__order=order, is_mismatch=False, status=Refund.Status.DONE)
    back = sum((refund.amount for refund in done), Decimal(0))
    return {"refund": row, "is_whole": row.amount == order.total, "back": back, "card": row.payment.card}


def cancel_facts(order: Order) -> Facts:
    """Return whether the order expired, and whether it was charged after all."""
    is_charged = order.payments.filter(status=Payment.Status.SUCCEEDED).exists()
    return {"is_expired": canceled_by(order) == EXPIRY, "is_charged": is_charged}


def stock_facts(product: Product) -> Facts:
    """Return the product with low stock and the URL where staff can restock it."""
    page = reverse("admin:products_product_change", args=[product.pk])
    return {"product": product, "product_url": settings.SITE_URL + page}


def _subject(mail: Mail, facts: Facts) -> str:
    params = {"number": mail.order.order_id, "shop": settings.SITE_NAME, "product": facts.get("product")}
    subjects = {
        Mail.Kind.CONFIRMATION: _("Your order %(number)s at %(shop)s"),
        Mail.Kind.SHIPPED: _("Your order %(number)s is on its way"),
        Mail.Kind.REFUNDED: _("Refund for your order %(number)s"),
        Mail.Kind.CANCELED: _("Your order %(number)s was cancelled"),
        Mail.Kind.NEW_ORDER: _("New order %(number)s"),
        Mail.Kind.LOW_STOCK: _("Low stock: %(product)s"),
        Mail.Kind.ATTENTION: _("Order %(number)s needs attention"),
    }
    return subjects[Mail.Kind(mail.kind)] % params
