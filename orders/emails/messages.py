"""The content of order emails, built from the data at the time of sending."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from addresses.countries import EU_COUNTRIES
from core.emails.messages import build_email
from core.guarantee.current import notice_for
from core.guarantee.models import GuaranteeNotice
from core.shop.current import current_shop
from orders.emails.queue import EXPIRY, canceled_by, restock_key
from orders.links import order_url
from orders.models import Mail, Order, OrderEvent, OrderItem, Refund, Shipment
from orders.models.item import WITH_PRODUCTS, by_line, lines_with
from products.models import Product

Context = dict[str, Any]


def build(mail: Mail) -> EmailMultiAlternatives | None:
    """Return the email message, or None if it no longer applies or its recipient was erased."""
    if mail.to and not mail.is_for_staff:
        # The recipient and the link are of the same state of the order. Otherwise a link made after a correction of the
        # email address could go to the address before.
        mail.to = mail.order.email
    extra_context = email_context(mail) if mail.to else None
    if extra_context is None:
        return None
    return compose(mail, extra_context, order_url(mail.order), items=WITH_PRODUCTS.rows(order=mail.order_id))


def compose(
    mail: Mail, extra_context: Context, url: str, items: Iterable[OrderItem] | None = None
) -> EmailMultiAlternatives:
    """Return the email message in the language of the order, or of the shop if it is for staff.

    `url` is the link that opens the order. `items` are its lines, if they have been read.
    """
    order = mail.order
    with translation.override(settings.LANGUAGE_CODE if mail.is_for_staff else order.language):
        context = {
            "order": order,
            "items": order.items.all() if items is None else items,
            "url": url,
            "is_copy": bool(mail.copy),
            "admin_url": settings.SITE_URL + reverse("admin:orders_order_change", args=[order.pk]),
        } | extra_context
        return build_email(
            f"orders/emails/{mail.kind}", _subject(mail, extra_context), mail.to, mail.message_id, context
        )


def email_context(mail: Mail) -> Context | None:
    """Return the template context of this message in addition to the order, or None if it no longer applies."""
    if mail.kind == Mail.Kind.REFUNDED:
        row = Refund.objects.filter(pk=mail.about, status=Refund.Status.DONE).first()
        return refund_context(mail.order, row) if row else None
    if mail.kind == Mail.Kind.LOW_STOCK:
        product = Product.objects.filter(pk=mail.about.partition("-")[0]).first()
        return stock_context(product) if product and mail.about == restock_key(product) else None
    if mail.kind == Mail.Kind.CONFIRMATION:
        return {"notice": _guarantee_notice(mail.order)}
    if mail.kind == Mail.Kind.SHIPPED:
        return _shipment_context(mail)
    if mail.kind == Mail.Kind.ATTENTION:
        return {"alert": _alert_text(mail)}
    return cancellation_context(mail.order) if mail.kind == Mail.Kind.CANCELED else {}


def _shipment_context(mail: Mail) -> Context | None:
    """Return the context about the shipment of this message. Messages of older orders do not name their only one."""
    shipments = mail.order.shipments.select_related("carrier")
    shipment = shipments.filter(pk=mail.about).first() if mail.about.isdecimal() else shipments.first()
    return shipment_context(shipment) if shipment else None


def shipment_context(shipment: Shipment) -> Context:
    """Return a shipment, its lines, and the lines that will follow."""
    return {"shipment": shipment, "lines": shipment.lines(), "lines_to_follow": shipment.order.lines_to_ship()}


def _guarantee_notice(order: Order) -> GuaranteeNotice | None:
    """Return the notice whose text the buyer keeps, or None outside the EU. An unknown country counts as inside."""
    country = order.shipping_address.country if order.shipping_address else ""
    return notice_for(order.language) if not country or country in EU_COUNTRIES else None


def _alert_text(mail: Mail) -> str:
    """Return the alert that this message reports. The order only has the text of the last one."""
    alerts = mail.order.events.filter(kind=OrderEvent.Kind.ALERTED)
    event = alerts.filter(pk=mail.about).first() if mail.about.isdecimal() else None
    return event.text if event else mail.order.attention


def refund_context(order: Order, row: Refund) -> Context:
    """Return the refund, its lines, whether it is of the whole order, the total refunded so far and the card."""
    done = Refund.objects.filter(payment__order=order, is_mismatch=False, status=Refund.Status.DONE)
    amount_refunded = sum((refund.amount for refund in done), Decimal(0))
    return {
        "refund": row,
        "refunded_lines": lines_with(order.items.all(), by_line(row.units)),
        "is_full_refund": row.amount == order.total,
        "amount_refunded": amount_refunded,
        "card": row.payment.card,
    }


def cancellation_context(order: Order) -> Context:
    """Return whether the order expired, whether it was charged after all, and whether its lines are in a cart again."""
    is_charged = order.payments.succeeded().exists()
    return {
        "is_expired": canceled_by(order) == EXPIRY,
        "is_charged": is_charged,
        "is_restored": order.cart is not None,
        "is_guest_cart": order.cart is not None and order.cart.user_id is None,
        "cart_url": settings.SITE_URL + reverse("carts:home"),
    }


def stock_context(product: Product) -> Context:
    """Return the product with low stock and the URL where staff can restock it."""
    page = reverse("admin:products_product_change", args=[product.pk])
    return {"product": product, "product_url": settings.SITE_URL + page}


def _subject(mail: Mail, extra_context: Context) -> str:
    params = {"number": mail.order.order_id, "shop": current_shop().name, "product": extra_context.get("product")}
    subjects = {
        Mail.Kind.CONFIRMATION: _("Your order %(number)s at %(shop)s"),
        Mail.Kind.SHIPPED: _("A part of your order %(number)s is on its way")
        if extra_context.get("lines_to_follow")
        else _("Your order %(number)s is on its way"),
        Mail.Kind.REFUNDED: _("Refund for your order %(number)s"),
        Mail.Kind.CANCELED: _("Your order %(number)s was cancelled"),
        Mail.Kind.NEW_ORDER: _("New order %(number)s"),
        Mail.Kind.LOW_STOCK: _("Low stock: %(product)s"),
        Mail.Kind.ATTENTION: _("Order %(number)s needs attention"),
    }
    return subjects[Mail.Kind(mail.kind)] % params
