"""Mails about orders: a row first, sent after, tried again until they are gone."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orders.models import Mail, Order, OrderEvent

logger = logging.getLogger(__name__)
RETRY_AFTER = timedelta(minutes=2)  # longer than a sending may take
MOST_ATTEMPTS = 20


def queue(order: Order, kind: str) -> Mail:
    """The row of this mail, in the caller's transaction; one a kind and order."""
    domain = settings.SITE_HOST or "localhost"
    mail, _created = Mail.objects.get_or_create(
        order=order, kind=kind, defaults={"to": order.email, "message_id": f"<{order.uuid}.{kind}@{domain}>"}
    )
    return mail


def waiting() -> QuerySet[Mail]:
    """Mails not sent yet, whose last attempt is over."""
    idle = Q(tried_at=None) | Q(tried_at__lt=timezone.now() - RETRY_AFTER)
    return Mail.objects.filter(idle, sent=None, attempts__lt=MOST_ATTEMPTS)


def send(mail: Mail) -> bool:
    """Send the mail unless somebody else is at it; False if it could not be sent now."""
    now = timezone.now()
    claimed = waiting().filter(pk=mail.pk).update(attempts=F("attempts") + 1, tried_at=now)
    if not claimed:
        return False
    try:
        _message(mail).send()
    except Exception:  # a mail server fails in many ways; the row says that the mail is still to be sent
        logger.exception("mail %s not sent", mail.pk)
        return False
    if Mail.objects.filter(pk=mail.pk, sent=None).update(sent=timezone.now()):
        mail.order.record(OrderEvent.Kind.MAILED)
    return True


def _message(mail: Mail) -> EmailMultiAlternatives:
    order = mail.order
    context = {
        "order": order,
        "items": order.items.all(),
        "site_name": settings.SITE_NAME,
        "support_email": settings.SUPPORT_EMAIL,
        "url": settings.SITE_URL + order.get_absolute_url(),
    }
    with translation.override(order.language):
        subject = _("Your order %(number)s at %(shop)s") % {"number": order.order_id, "shop": settings.SITE_NAME}
        message = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string(f"orders/mails/{mail.kind}.txt", context),
            to=[mail.to],
            headers={"Message-ID": mail.message_id},
        )
        message.attach_alternative(render_to_string(f"orders/mails/{mail.kind}.html", context), "text/html")
    return message
