"""Work on orders, withdrawals, refunds and disputes."""

from collections.abc import Iterator

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.times import format_date, format_datetime
from ecommerce.back_office.today.entry import Step, Work, list_url, may_see
from orders.models import Dispute, Order, Refund, Withdrawal
from orders.models.dispute import NEEDS_RESPONSE
from orders.workflow.withdrawals.due import is_past_due, refund_due


def to_ship(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of orders to ship, since when the oldest waits, and how many of them need attention.

    Packers also get a link that opens the page on which they ship the oldest.
    """
    if not may_see(request, Order):
        return
    marked = Count("pk", filter=~Q(attention=""))
    found = Order.objects.to_ship().aggregate(number=Count("pk"), oldest=Min("paid_at"), marked=marked)
    notes = []
    if found["oldest"]:
        notes.append(_("The oldest has waited since %(date)s.") % {"date": format_date(found["oldest"])})
    if found["marked"]:
        text = ngettext("%(number)d of them needs attention.", "%(number)d of them need attention.", found["marked"])
        notes.append(text % {"number": found["marked"]})
    label = ngettext("order to ship", "orders to ship", found["number"])
    is_packer = request.user.has_perm("orders.ship_order")
    step = Step(_("Ship the oldest"), reverse("admin:orders_order_ship_next")) if is_packer else None
    yield Work(found["number"], label, _("Nothing to ship"), list_url(Order, to_ship="yes"), tuple(notes), step)


def attention(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of orders with an alert that nobody has acknowledged."""
    if may_see(request, Order):
        number = Order.objects.needing_attention().count()
        label = ngettext("order needs attention", "orders need attention", number)
        yield Work(number, label, _("No order needs attention"), list_url(Order, attention__isempty=0))


def withdrawals(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of withdrawals whose refund does not wait for the items, and how many are overdue."""
    if not may_see(request, Withdrawal):
        return
    found = refund_due().aggregate(number=Count("pk"), late=Count("pk", filter=is_past_due()))
    late = ngettext("%(number)d of them is overdue.", "%(number)d of them are overdue.", found["late"])
    notes = (late % {"number": found["late"]},) if found["late"] else ()
    label = ngettext("withdrawal to refund", "withdrawals to refund", found["number"])
    yield Work(found["number"], label, _("No withdrawal to refund"), list_url(Withdrawal, state="due"), notes)


def refunds(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of failed refunds that nobody has dealt with."""
    if may_see(request, Refund):
        number = Refund.objects.unresolved().count()
        label = ngettext("failed refund", "failed refunds", number)
        yield Work(number, label, _("No failed refund"), list_url(Refund, todo="failed"))


def disputes(request: HttpRequest) -> Iterator[Work]:
    """Yield the number of disputes that are not decided, and the nearest deadline of those that need a response."""
    if not may_see(request, Dispute):
        return
    found = Dispute.objects.open().aggregate(number=Count("pk"), due=Min("due", filter=NEEDS_RESPONSE))
    notes = (
        (_("Respond to the next one by %(time)s.") % {"time": format_datetime(found["due"])},) if found["due"] else ()
    )
    label = ngettext("open dispute", "open disputes", found["number"])
    yield Work(found["number"], label, _("No open dispute"), list_url(Dispute, state="open"), notes)
