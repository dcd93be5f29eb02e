"""Sending emails about orders, outside any transaction."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django_tasks import task

from carts.pricing.agreement import TEXTS
from core.database.prepared import PreparedQuery
from core.page_cache.versions import SITE_VERSION
from orders.emails.messages import build
from orders.models import Mail, OrderEvent
from orders.workflow.alerts import alert_staff

AGREED_TEXTS = [f"order__{name}" for name in TEXTS.values()]
CLAIMED_CONFIRMATION: PreparedQuery[Mail] = PreparedQuery(
    lambda order, tried_at: (
        Mail.objects.unsent()
        .filter(order=order, kind=Mail.Kind.CONFIRMATION, tried_at=tried_at)
        .select_related("order__billing_profile", "order__shipping_address", *AGREED_TEXTS)
        .annotate(site_version=SITE_VERSION)
    ),
    order=int,
    tried_at=datetime,
)


def send(mail: Mail | None) -> bool:
    """Send the email message unless another process is sending it. Return False if it was not sent now."""
    return mail is not None and mail.deliver(build, _report_undeliverable, _record_sent)


@task()
def send_confirmation(order_id: int, claim: str) -> bool:
    """Send the confirmation that `queue_paid_emails` has claimed. Return False if it was not sent now.

    The row was perhaps not inserted, or another process has claimed it since.
    """
    row = CLAIMED_CONFIRMATION.first(order=order_id, tried_at=datetime.fromisoformat(claim))
    return row is not None and row.send_claimed(build, _report_undeliverable, _record_sent)


def send_waiting() -> int:
    """Send all email messages that are due. Return how many were sent."""
    return Mail.objects.send(send)


def _report_undeliverable(mail: Mail, reason: str) -> None:
    """Alert staff that a shopper who paid did not get this message.

    Messages to staff raise no alert, because it would be another message to staff. Neither do unpaid orders, because
    anyone can place them with an email address that does not exist.
    """
    if not mail.is_for_staff and mail.order.payments.succeeded().exists():
        text = _("The email “%(kind)s” could not be delivered to the shopper: %(reason)s")
        alert_staff(mail.order, text, kind=Mail.Kind(mail.kind).label, reason=reason)


def _record_sent(mail: Mail) -> None:
    if mail.kind == Mail.Kind.CONFIRMATION and not mail.copy:
        mail.order.record(OrderEvent.Kind.MAILED)
