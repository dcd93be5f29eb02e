"""Mails about orders: a row first, sent after, tried again until they are gone."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orders.models import Mail, Order, OrderEvent

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 60  # about two weeks


def queue(order: Order, kind: str) -> Mail:
    """The row of this mail, in the caller's transaction; one a kind and order."""
    domain = settings.SITE_HOST or "localhost"
    mail, _created = Mail.objects.get_or_create(
        order=order, kind=kind, defaults={"to": order.email, "message_id": f"<{order.uuid}.{kind}@{domain}>"}
    )
    return mail


def is_due(mail: Mail) -> bool:
    """Whether its last attempt is long enough ago: 2, 4, 8 minutes and so on, up to six hours."""
    pause = timedelta(minutes=min(2**mail.attempts, 360))  # the first is longer than a sending may take
    return mail.tried_at is None or mail.tried_at + pause <= timezone.now()


def waiting() -> list[Mail]:
    """Mails not sent yet, whose turn it is."""
    unsent = Mail.objects.filter(sent=None, attempts__lt=MOST_ATTEMPTS).select_related("order")
    return [mail for mail in unsent if is_due(mail)]


def send(mail: Mail) -> bool:
    """Send the mail unless somebody else is at it; False if it was not sent now."""
    unclaimed = Mail.objects.filter(pk=mail.pk, sent=None, attempts=mail.attempts)
    if not is_due(mail) or not unclaimed.update(attempts=F("attempts") + 1, tried_at=timezone.now()):
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
