"""The list of withdrawals: what needs staff comes first, and each row says what is to be done."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.models import Withdrawal, WithdrawalMail
from orders.workflow.withdrawals.due import is_late, is_overdue, overdue, refund_due, waits_for_items

# Receipts that were sent, or will be.
LIVE_RECEIPT = WithdrawalMail.objects.filter(
    ~Q(sent=None) | Q(dropped=None), withdrawal=OuterRef("pk"), kind=WithdrawalMail.Kind.RECEIPT
)


def has_receipt(withdrawal: Withdrawal) -> bool:
    """Return whether the receipt was sent or will be. Its shopper is otherwise to be sent one by staff."""
    mails = [mail for mail in withdrawal.mails.all() if mail.kind == WithdrawalMail.Kind.RECEIPT]
    return any(mail.sent or not mail.dropped for mail in mails)


def states(withdrawal: Withdrawal) -> Iterator[str]:
    """Yield what staff have to know about a withdrawal, most important first."""
    if withdrawal.closed_at:
        yield _("Closed")
    elif is_overdue(withdrawal):
        yield _("Overdue")
    if withdrawal.order is None and not withdrawal.closed_at:
        yield _("No order assigned")
    if withdrawal.order and withdrawal.awaits_assignment:
        yield _("Items not assigned")
    if not withdrawal.closed_at and waits_for_items(withdrawal):
        yield _("Items not arrived")
    if is_late(withdrawal):
        yield _("Declared after the period")
    if not withdrawal.is_erased and not has_receipt(withdrawal):
        yield _("Receipt not sent")


class StateFilter(admin.SimpleListFilter):
    """Filter for open, due, overdue and closed withdrawals, and for those that need a step."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", _("Open")),
            ("due", _("Refund due")),
            ("overdue", _("Overdue")),
            ("unmatched", _("No order assigned")),
            ("unassigned", _("Items not assigned")),
            ("receipt", _("Receipt not sent")),
            ("closed", _("Closed")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> QuerySet[Withdrawal]:
        still_open = queryset.filter(closed_at=None)
        found = {
            "open": still_open,
            "due": queryset.filter(pk__in=refund_due().values("pk")),
            "overdue": queryset.filter(pk__in=overdue().values("pk")),
            "unmatched": still_open.filter(order=None),
            "unassigned": queryset.filter(pk__in=Withdrawal.objects.awaiting_assignment().values("pk")),
            "receipt": queryset.exclude(email="").filter(~Exists(LIVE_RECEIPT)),
            "closed": queryset.exclude(closed_at=None),
        }
        return found.get(self.value() or "", queryset)
