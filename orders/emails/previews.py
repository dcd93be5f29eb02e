"""Previews of order email for staff: of a row, or of a kind with data of the latest order. Nothing is sent."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from orders.emails import messages
from orders.models import Carrier, Mail, Order, Refund, Shipment
from orders.models.item import LineUnits

Kind = Mail.Kind


def preview(mail: Mail) -> EmailMessage | None:
    """Return the email message as it would be sent now, or None if it no longer applies.

    Its link does not contain the key that opens a guest's order.
    """
    extra_context = messages.email_context(mail)
    return None if extra_context is None else messages.compose(mail, extra_context, _plain_url(mail.order))


def preview_kind(kind: str) -> EmailMessage | None:
    """Return an email message of this kind about the latest order, or None if there are no orders."""
    orders = Order.objects.placed()
    order = orders.exclude(paid_at=None).order_by("-pk").first() or orders.order_by("-pk").first()
    if order is None:
        return None
    to = settings.STAFF_EMAIL if kind in Mail.FOR_STAFF else order.email
    extra_context = _preview_context(order, kind)
    return messages.compose(Mail(order=order, kind=kind, to=to), extra_context, _plain_url(order))


def preview_refund(order: Order, refund: Refund) -> EmailMessage | None:
    """Return the email message about a refund that is not stored yet, or None if the order has no recipient."""
    if not order.email:
        return None
    context = messages.refund_context(order, refund)
    context["amount_refunded"] += refund.amount
    return messages.compose(Mail(order=order, kind=Kind.REFUNDED, to=order.email), context, _plain_url(order))


def _preview_context(order: Order, kind: str) -> messages.Context:
    """Return template context from real data if there is any, otherwise from made-up data."""
    if kind == Kind.REFUNDED:
        return _preview_refund(order)
    if kind == Kind.LOW_STOCK:
        return messages.stock_context(order.items.select_related("product")[0].product)
    if kind == Kind.CANCELED:
        return messages.cancellation_context(order) | {"is_charged": False}
    if kind == Kind.SHIPPED:
        return _preview_shipment(order)
    if kind == Kind.ATTENTION:
        return {"alert": order.attention or _("The reason why the order needs attention is shown here.")}
    return {}


def _all_lines(order: Order) -> list[LineUnits]:
    return [LineUnits(item, item.quantity) for item in order.items.all()]


def _preview_shipment(order: Order) -> messages.Context:
    """Return the context of the order's last shipment, or else of a made-up one of everything."""
    row = order.shipments.select_related("carrier").last()
    if row:
        return messages.shipment_context(row)
    row = Shipment(order=order, tracking="AB 123 456 789 GB", carrier=Carrier.objects.filter(active=True).first())
    return {"shipment": row, "lines": order.lines_to_ship() or _all_lines(order), "lines_to_follow": []}


def _preview_refund(order: Order) -> messages.Context:
    """Return the context of the order's last refund, or else of a made-up refund of the whole order."""
    row = Refund.objects.filter(payment__order=order).last()
    payment = order.last_payment()
    row = row or Refund(payment=payment, amount=order.total, currency=order.currency)
    return messages.refund_context(order, row) if payment else {"refund": row, "is_full_refund": True}


def _plain_url(order: Order) -> str:
    return settings.SITE_URL + order.get_absolute_url()
