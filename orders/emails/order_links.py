"""Emails with a link to an order, for people who know its number and email address.

Requests only queue a row, for any number and email address. The order is looked up when the email is sent, so neither
the page nor its timing tells whether the order exists.
"""

from email.utils import make_msgid

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.email_addresses import canonical_email
from core.database.locks import lock_until_commit
from core.emails.messages import build_email, message_id_domain
from core.emails.outbox import queued
from core.http import client_key
from core.shop.current import current_shop
from orders.links import order_url
from orders.models import Order, OrderLinkMail


def queue_link(request: HttpRequest, number: str, email: str) -> None:
    """Queue an email with a link to this order unless the limit of the IP address is reached.

    It is checked after the row is written. Simultaneous requests of an IP address write theirs one after the other, so
    that they cannot exceed it.
    """
    mail = OrderLinkMail(to=canonical_email(email), order_number=number, language=get_language() or "")
    mail.client = client_key(request)
    with transaction.atomic():
        lock_until_commit(f"links for {mail.client}")
        mail.save()
    if OrderLinkMail.objects.exceeds_limit(mail):
        mail.delete()
    else:
        queued.send(OrderLinkMail)


def send_due_emails() -> int:
    """Send the links that are due. Return the number of emails sent."""
    return OrderLinkMail.objects.send(lambda mail: mail.deliver(build))


def build(mail: OrderLinkMail) -> EmailMultiAlternatives | None:
    """Build the email message. Return None if there is no such order, or if the request is too old or one of too many.

    It goes to the email address of the order and never to the one that was typed, because two addresses that look alike
    are not the same.
    """
    placed = Order.objects.placed().filter(billing_profile__forgotten=None)
    order = placed.named(mail.order_number, mail.to).first()
    is_late = mail.timestamp + OrderLinkMail.SENT_WITHIN < timezone.now()
    if order is None or is_late or OrderLinkMail.objects.is_mailbox_full(mail):
        return None
    with translation.override(mail.language or order.language):
        subject = _("Your order %(number)s at %(shop)s") % {"number": order.order_id, "shop": current_shop().name}
        context = {"order": order, "url": order_url(order)}
        message_id = make_msgid(domain=message_id_domain())
        return build_email("orders/emails/order_link", subject, order.email, message_id, context)
