"""Emails about withdrawals: the receipt, which goes to a typed email address, and the notice for staff."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.email_addresses import canonical_email
from accounts.models import HOUR
from core.database.locks import lock_until_commit
from core.emails.messages import build_email, build_text_email, message_id_domain
from core.emails.outbox import queued
from orders.models import Withdrawal, WithdrawalMail
from orders.workflow.withdrawals.plain_text import without_links

Kind = WithdrawalMail.Kind


def queue_receipt(withdrawal: Withdrawal) -> WithdrawalMail | None:
    """Queue the receipt, or return None if its mailbox or IP address is at the limit.

    Simultaneous declarations wait for each other until they are committed, so that each counts the receipts of others.
    """
    lock_until_commit(f"receipts to {canonical_email(withdrawal.email)}", f"receipts from {withdrawal.ip}")
    if WithdrawalMail.objects.is_at_limit(withdrawal.email, withdrawal.ip):
        return None
    receipt: WithdrawalMail = WithdrawalMail.objects.create(
        withdrawal=withdrawal, kind=Kind.RECEIPT, to=withdrawal.email
    )
    return receipt


def send_receipt(withdrawal: Withdrawal) -> bool:
    """Queue the receipt on behalf of staff, regardless of limits, or again if it could not be delivered.

    Return False and change nothing if it was sent, if it is waiting, or if the email address was erased.
    """
    if withdrawal.is_erased:
        return False
    _mail, is_new = WithdrawalMail.objects.get_or_create(
        withdrawal=withdrawal, kind=Kind.RECEIPT, copy=0, defaults={"to": withdrawal.email}
    )
    if not is_new:
        undeliverable = withdrawal.mails.receipts().filter(sent=None, dropped__isnull=False, copy=0)
        again = {"dropped": None, "attempts": 0, "tried_at": None, "refusal": "", "timestamp": timezone.now()}
        if not undeliverable.update(**again):
            return False
    queued.send(WithdrawalMail)
    return True


def queue_receipt_copy(receipt: WithdrawalMail, to: str, copy: int) -> WithdrawalMail:
    """Queue this receipt once more on behalf of staff, as copy number `copy`."""
    row: WithdrawalMail = WithdrawalMail.objects.create(
        withdrawal=receipt.withdrawal, kind=receipt.kind, copy=copy, to=to
    )
    queued.send(WithdrawalMail)
    return row


def queue_notice(withdrawal: Withdrawal) -> None:
    """Queue the notice for staff.

    Above ten an hour from one IP address, only withdrawals that match an order cause one, so that a stranger cannot
    flood the mailbox of staff. The admin lists all of them.
    """
    since = withdrawal.declared_at - HOUR
    earlier = Withdrawal.objects.filter(ip=withdrawal.ip, declared_at__gt=since, pk__lt=withdrawal.pk)
    is_one_of_many = withdrawal.order_id is None and earlier.count() >= WithdrawalMail.IP_LIMIT
    if settings.STAFF_EMAIL and not is_one_of_many:
        WithdrawalMail.objects.get_or_create(
            withdrawal=withdrawal, kind=Kind.STAFF, copy=0, defaults={"to": settings.STAFF_EMAIL}
        )
        queued.send(WithdrawalMail)


def send_due_emails() -> int:
    """Send the emails about withdrawals that are due. Return the number of emails sent."""
    return WithdrawalMail.objects.send(lambda mail: mail.deliver(build))


def build(mail: WithdrawalMail) -> EmailMessage | None:
    """Build the email message, or return None if its recipient was erased."""
    if not mail.to:
        return None
    return _build_notice(mail) if mail.kind == Kind.STAFF else _build_receipt(mail)


def _build_receipt(mail: WithdrawalMail) -> EmailMessage:
    """Build the receipt: plain text with what was typed, without links. Anyone can type any email address."""
    row = mail.withdrawal
    with translation.override(row.language or settings.LANGUAGE_CODE):
        texts: dict[str, Any] = {name: without_links(getattr(row, name)) for name in ("name", "order_number")}
        # Each line is quoted, so that typed text cannot pass for text of the shop.
        texts["item_lines"] = [without_links(line) for line in row.items.splitlines()]
        ticked = [(units, without_links(title)) for units, title in ticked_lines(row)]
        context = {"withdrawal": row, "ticked_lines": ticked, "is_copy": bool(mail.copy), **texts}
        subject = _("We have received your withdrawal")
        return build_text_email("orders/emails/withdrawal_receipt", subject, mail.to, _message_id(mail), context)


def _build_notice(mail: WithdrawalMail) -> EmailMessage:
    row = mail.withdrawal
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("New withdrawal %(number)s") % {"number": row.number}
        admin_url = settings.SITE_URL + reverse("admin:orders_withdrawal_change", args=[row.pk])
        context = {"withdrawal": row, "order": row.order, "admin_url": admin_url}
        return build_email("orders/emails/new_withdrawal", subject, mail.to, _message_id(mail), context)


def _message_id(mail: WithdrawalMail) -> str:
    name = ".".join([mail.withdrawal.number, mail.kind, *([f"copy-{mail.copy}"] if mail.copy else [])])
    return f"<{name}@{message_id_domain()}>"


def ticked_lines(withdrawal: Withdrawal) -> list[tuple[int, str]]:
    """Return units and title of the lines that were ticked on the order page, for the receipt."""
    if not withdrawal.is_from_order_page or withdrawal.order is None:
        return []
    items = withdrawal.order.items.order_by("pk")
    return [(withdrawal.units[str(item.pk)], item.title) for item in items if str(item.pk) in withdrawal.units]
