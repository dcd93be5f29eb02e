"""Order mails for staff to look at: those of a row, and one of each kind from the latest order. Nothing is sent."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _

from orders import mails
from orders.models import Mail, Order, Refund

Kind = Mail.Kind


def preview(mail: Mail) -> EmailMessage | None:
    """The mail as it would be sent now, without the key that opens a guest's order; None if it is true no more."""
    facts = mails.facts_of(mail)
    return None if facts is None else mails.compose(mail, facts, _plain_url(mail.order))


def sample(kind: str) -> EmailMessage | None:
    """What a mail of this kind would say of the latest order; None in a shop without orders."""
    orders = Order.objects.placed()
    order = orders.exclude(paid_at=None).order_by("-pk").first() or orders.order_by("-pk").first()
    if order is None:
        return None
    to = settings.STAFF_EMAIL if kind in Mail.FOR_STAFF else order.email
    facts = _facts(order, kind)
    return mails.compose(Mail(order=order, kind=kind, to=to), facts, _plain_url(order))


def _facts(order: Order, kind: str) -> mails.Facts:
    """True ones where there are any, made up ones else."""
    if kind == Kind.REFUNDED:
        row = Refund.objects.filter(payment__order=order).last()
        payment = order.last_payment()
        row = row or Refund(payment=payment, amount=order.total, currency=order.currency)
        return mails.refund_facts(order, row) if payment else {"refund": row, "is_whole": True}
    if kind == Kind.LOW_STOCK:
        return mails.stock_facts(order.items.select_related("product")[0].product)
    if kind == Kind.CANCELED:
        return mails.cancel_facts(order) | {"is_charged": False}
    if kind == Kind.SHIPPED:
        order.tracking = order.tracking or "AB 123 456 789 GB"
    if kind == Kind.ATTENTION:
        order.attention = order.attention or _("The reason why the order needs attention is shown here.")
    return {}


def _plain_url(order: Order) -> str:
    return settings.SITE_URL + order.get_absolute_url()
