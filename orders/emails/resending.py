"""Emails about an order that staff send again, as copies with rows of their own."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import HOUR
from orders.emails.queue import queue_copy
from orders.emails.withdrawals import queue_receipt_copy
from orders.models import Mail, Order, OrderEvent, WithdrawalMail

MAX_COPIES = 5  # of one order in an hour


class ResendRejected(Exception):
    """Raised if an email is not sent again, with a message for staff."""


@dataclass(frozen=True)
class SentEmail:
    """An email to the shopper, with its rows: the first one, and then the copies."""

    key: str
    label: str | Promise
    rows: list[Any]

    @property
    def first(self) -> Any:
        return self.rows[0]

    @property
    def last(self) -> Any:
        return self.rows[-1]

    @property
    def is_waiting(self) -> bool:
        """Whether a row of it is still to be sent."""
        return any(row.sent is None and row.dropped is None for row in self.rows)


def sent_emails(order: Order) -> list[SentEmail]:
    """Return the emails to the shopper of this order that can be sent again, oldest first.

    Emails that were closed because they were no longer true are left out, and so are receipts of withdrawals whose
    text was erased. A copy always goes to the present email address of the order.
    """
    mails = order.mails.exclude(kind__in=Mail.FOR_STAFF).order_by("kind", "about", "copy")
    receipts = WithdrawalMail.objects.receipts().filter(withdrawal__order=order).exclude(withdrawal__email="")
    found = [
        *_grouped("mail", mails, lambda row: (row.kind, row.about)),
        *_grouped("receipt", receipts.order_by("withdrawal", "copy"), lambda row: row.withdrawal_id),
    ]
    still_true = [email for email in found if any(not row.dropped or row.refusal for row in email.rows)]
    return sorted(still_true, key=lambda email: email.first.timestamp)


def _grouped(name: str, rows: Iterable[Any], key: Any) -> Iterable[SentEmail]:
    for _key, group in groupby(rows, key):
        emails = list(group)
        yield SentEmail(f"{name}-{emails[0].pk}", emails[0].get_kind_display(), emails)


def find_email(order: Order, kind: str, about: str = "") -> SentEmail | None:
    """Return the order's email of this kind with this `about` if it can be sent again, or None."""
    found = (email for email in sent_emails(order) if isinstance(email.first, Mail))
    return next((email for email in found if (email.first.kind, email.first.about) == (kind, about)), None)


def send_again(order: Order, key: str, shown: str, by: str) -> SentEmail:
    """Queue a copy of this email of the order to its present email address, and return the email.

    `shown` is the number of its rows that the page has shown. Raise ResendRejected and queue nothing if there is no
    such email, if one of its rows is not sent yet, if somebody else has just sent it again, or above MAX_COPIES.
    """
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # This locks the order.
        order.refresh_from_db()
        found = next((email for email in sent_emails(order) if email.key == key), None)
        if not order.email or found is None:
            raise ResendRejected(_("This email cannot be sent again."))
        if found.is_waiting:
            raise ResendRejected(_("This email has not been sent yet. It will be sent without your help."))
        if shown != str(len(found.rows)):
            raise ResendRejected(_("Somebody else has just sent this email again. Nothing was sent twice."))
        if _recent_copies(order) >= MAX_COPIES:
            text = _("Of one order, at most %(count)d emails an hour are sent again. Please try again later.")
            raise ResendRejected(text % {"count": MAX_COPIES})
        _queue(order, found)
        order.record(OrderEvent.Kind.MAILED_AGAIN, by=by, text=found.label)
    return found


def _recent_copies(order: Order) -> int:
    recent = {"copy__gt": 0, "timestamp__gt": timezone.now() - HOUR}
    of_withdrawals = WithdrawalMail.objects.filter(withdrawal__order=order, **recent)
    return order.mails.filter(**recent).count() + of_withdrawals.count()


def _queue(order: Order, email: SentEmail) -> None:
    copy = email.last.copy + 1
    if isinstance(email.first, Mail):
        queue_copy(email.first, copy)
    else:
        queue_receipt_copy(email.first, order.email, copy)
