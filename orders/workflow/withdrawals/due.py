"""Until when withdrawals must be refunded (Directive 2011/83, Article 13), and which were declared too late."""

from datetime import date, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.times import shop_date, start_of_day
from orders.models import Withdrawal
from orders.workflow.withdrawals.period import is_line_withdrawable

REFUND_WITHIN = timedelta(days=14)


def waits_for_items(withdrawal: Withdrawal) -> bool:
    """Return whether the refund can wait until the items, or proof that they were posted, arrive.

    It cannot if units were left to ship when it was declared: it can be about units that the shopper never got.
    """
    order = withdrawal.order
    was_shipped = order is not None and order.shipped_at is not None and order.shipped_at <= withdrawal.declared_at
    return was_shipped and withdrawal.arrived_at is None


def due_on(withdrawal: Withdrawal) -> date | None:
    """Return the last day for the refund in the shop's time zone, or None while it waits for the items.

    Without an order, it is the last day on which staff can find the order and refund it in time.
    """
    if waits_for_items(withdrawal):
        return None
    due = shop_date(withdrawal.declared_at) + REFUND_WITHIN
    return max(due, shop_date(withdrawal.arrived_at)) if withdrawal.arrived_at else due


def refund_due() -> QuerySet[Withdrawal]:
    """Return the open withdrawals that have a due date, because their refund does not wait for the items."""
    unshipped = Q(order=None) | Q(order__shipped_at=None) | Q(order__shipped_at__gt=F("declared_at"))
    rows: QuerySet[Withdrawal] = Withdrawal.objects.filter(closed_at=None)
    return rows.filter(unshipped | ~Q(arrived_at=None))


def is_past_due() -> Q:
    """Return the condition for rows of `refund_due` whose due date has passed."""
    today = shop_date(timezone.now())
    has_not_just_arrived = Q(arrived_at=None) | Q(arrived_at__lt=start_of_day(today))
    return Q(declared_at__lt=start_of_day(today - REFUND_WITHIN)) & has_not_just_arrived


def overdue() -> QuerySet[Withdrawal]:
    """Return the open withdrawals whose due date has passed."""
    return refund_due().filter(is_past_due())


def is_overdue(withdrawal: Withdrawal) -> bool:
    """Return whether the withdrawal is open and its due date has passed."""
    due = due_on(withdrawal)
    return withdrawal.closed_at is None and due is not None and due < shop_date(timezone.now())


def is_late(withdrawal: Withdrawal) -> bool:
    """Return whether the period of all its lines was over when it was declared, or had never begun for any."""
    if withdrawal.order is None:
        return False
    items = list(withdrawal.order.items.all())
    if withdrawal.units:
        items = [item for item in items if str(item.pk) in withdrawal.units]
    for item in items:
        item.order = withdrawal.order
    return not any(is_line_withdrawable(item, withdrawal.declared_at) for item in items)
