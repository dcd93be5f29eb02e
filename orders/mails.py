"""Mails about orders: a row first, sent after, tried again until they are gone."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from orders.links import order_url
from orders.models import Mail, Order, OrderEvent


def queue(order: Order, kind: str, about: str = "") -> Mail:
    """The row of this mail, in the caller's transaction; one of a kind about the same of an order."""
    name = ".".join(filter(None, [str(order.uuid), kind, about]))
    mail, _created = Mail.objects.get_or_create(
        order=order,
        kind=kind,
        about=about,
        defaults={
            "to": settings.STAFF_EMAIL if kind == Mail.Kind.ATTENTION else order.email,
            "message_id": f"<{name}@{settings.SITE_HOST or 'localhost'}>",
        },
    )
    return mail


def send(mail: Mail) -> bool:
    """Send the mail unless somebody else is at it; False if it was not sent now."""
    is_sent = mail.deliver(_message)
    if is_sent and mail.kind == Mail.Kind.CONFIRMATION:
        mail.order.record(OrderEvent.Kind.MAILED)
    return is_sent


def send_waiting() -> int:
    """Send all whose turn it is; how many went out."""
    return Mail.objects.send(send)


def _message(mail: Mail) -> EmailMultiAlternatives:
    order = mail.order
    context = {
        "order": order,
        "items": order.items.all(),
        "site_name": settings.SITE_NAME,
        "support_email": settings.SUPPORT_EMAIL,
        "url": order_url(order),
        "admin_url": settings.SITE_URL + reverse("admin:orders_order_change", args=[order.pk]),
    }
    with translation.override(settings.LANGUAGE_CODE if mail.kind == Mail.Kind.ATTENTION else order.language):
        message = EmailMultiAlternatives(
            subject=_subject(mail),
            body=render_to_string(f"orders/mails/{mail.kind}.txt", context),
            to=[mail.to],
            headers={"Message-ID": mail.message_id},
        )
        message.attach_alternative(render_to_string(f"orders/mails/{mail.kind}.html", context), "text/html")
    return message


def _subject(mail: Mail) -> str:
    words = {"number": mail.order.order_id, "shop": settings.SITE_NAME}
    if mail.kind == Mail.Kind.ATTENTION:
        return _("Order %(number)s needs a look") % words
    return _("Your order %(number)s at %(shop)s") % words
