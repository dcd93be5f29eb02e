"""The emails on the page of a customer: kinds and times, with links to previews."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import AccountMail
from billing.models import CardMail
from orders.customers.facts import MAX_ROWS
from orders.models import Mail, OrderLinkMail, WithdrawalMail
from orders.workflow.erasure.person import Person, notes_about


@dataclass(frozen=True)
class SentEmail:
    """An email message to a customer: its kind, the order or email address that it belongs to, and its state."""

    label: str
    about: str
    time: datetime
    state: str
    url: str


def emails_to(person: Person, user: Any) -> list[SentEmail]:
    """Return the newest emails to this person that the member of staff may see."""
    found = [email for rows in _rows(person, user) for email in rows]
    return sorted(found, key=lambda email: email.time, reverse=True)[:MAX_ROWS]


def _rows(person: Person, user: Any) -> Iterator[list[SentEmail]]:
    held = person.emails()
    if user.has_perm("orders.view_mail"):
        rows = Mail.objects.filter(order__in=person.orders).exclude(kind__in=Mail.FOR_STAFF).select_related("order")
        yield [_sent(row, row.order.order_id, "orders_mail_preview") for row in _newest(rows)]
    if user.has_perm("accounts.view_accountmail"):
        of_account = Q(user=person.user) if person.user else Q(pk__in=[])
        rows = AccountMail.objects.filter(of_account | notes_about(held, "to", "timestamp"))
        yield [_sent(row, row.to, "accounts_accountmail_preview") for row in _newest(rows)]
    if user.has_perm("billing.view_cardmail"):
        rows = CardMail.objects.filter(billing_profile__in=person.profiles, kind=CardMail.Kind.LINK)
        yield [_sent(row, row.order_number or row.to, "billing_cardmail_preview") for row in _newest(rows)]
    if user.has_perm("orders.view_withdrawalmail"):
        rows = WithdrawalMail.objects.receipts().filter(withdrawal__order__in=person.orders)
        rows = rows.select_related("withdrawal")
        yield [_sent(row, row.withdrawal.number, "orders_withdrawalmail_change") for row in _newest(rows)]
    if user.has_perm("orders.view_orderlinkmail"):
        rows = OrderLinkMail.objects.filter(notes_about(held, "to", "timestamp"))
        yield [_sent(row, row.order_number, "orders_orderlinkmail_change") for row in _newest(rows)]


def _newest(rows: Any) -> Any:
    return rows.order_by("-pk")[:MAX_ROWS]


def _sent(row: Any, about: str, page: str) -> SentEmail:
    label = row.get_kind_display() if hasattr(row, "kind") else _("Link to an order")
    return SentEmail(str(label), about, row.sent or row.timestamp, _state(row), reverse(f"admin:{page}", args=[row.pk]))


def _state(row: Any) -> str:
    if row.sent:
        return _("Sent")
    if row.refusal:
        return _("Undeliverable")
    return _("Closed, no longer needed") if row.dropped else _("Waiting")
