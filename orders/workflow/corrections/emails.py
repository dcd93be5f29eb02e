"""Corrections of the email address of an order."""

from django.db.models import F
from django.utils.translation import gettext as _

from accounts.email_addresses import canonical_email
from accounts.models import User
from billing.models import BillingProfile
from core.emails.outbox import queued
from orders.models import Correction, Mail, Order, WithdrawalMail
from orders.workflow.corrections.rules import CorrectionRejected, check_shown, correcting, record


def correct_email(order: Order, email: str, shown: str, by: str) -> None:
    """Replace the email address of the order. `shown` is the fingerprint of the one that the page has shown.

    - Links that were mailed before end. Emails that were not sent yet go to the new address.
    - An account that claimed the order by the old address loses it, unless the new one is its own verified address.
    - The profile of a guest with the old address gets the new one, and so does its customer at Stripe. An account and
      its profile stay as they are.

    The old address is told nothing. Raise CorrectionRejected and change nothing if the correction is not possible.
    """
    with correcting(order):
        old = order.email
        check_shown(old, shown)
        if old == email:
            raise CorrectionRejected(_("This is the email address that the order has already."))
        values: dict[str, object] = {"email": email, "link_version": F("link_version") + 1}
        if order.account and not _owns(order.account, email):
            values["account"] = None
        Order.objects.filter(pk=order.pk).update(**values)
        _redirect_unsent(order, email)
        _correct_guest(order, old, email)
        record(order, Correction.Kind.EMAIL, old, email, by)


def _owns(user: User, email: str) -> bool:
    return user.has_verified_email and canonical_email(user.email) == canonical_email(email)


def _redirect_unsent(order: Order, email: str) -> None:
    """Let unsent emails go to the new address soon, also those whose last attempt failed.

    A process that is sending one of them at this moment has read the old address together with the old link.
    """
    again = {"to": email, "attempts": 0, "tried_at": None}
    waiting = {"sent": None, "dropped": None}
    if order.mails.exclude(kind__in=Mail.FOR_STAFF).filter(**waiting).update(**again):
        queued.send(Mail)
    copies = WithdrawalMail.objects.receipts().filter(withdrawal__order=order, copy__gt=0)
    if copies.filter(**waiting).update(**again):
        queued.send(WithdrawalMail)


def _correct_guest(order: Order, old: str, email: str) -> None:
    guest = BillingProfile.objects.filter(pk=order.billing_profile_id, user=None, forgotten=None, email=old)
    if guest.update(email=email):
        BillingProfile.objects.update_customer_after_commit(pk=order.billing_profile_id)
