"""What staff do about withdrawals. Each step is a conditional update, so the second of two members of staff is told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from orders.models import Order, OrderEvent, Refund, Withdrawal
from orders.models.units import Units
from orders.workflow.shipping.completion import update_shipped
from orders.workflow.withdrawals.closing import update_withdrawals
from orders.workflow.withdrawals.unassigned import acknowledge_assigned


@dataclass(frozen=True)
class Assignment:
    """The order of a withdrawal, and the units by line that the typed items are about.

    `shown` is when the withdrawal was assigned before, as the page showed it. `refunds` are earlier refunds of the
    order that belong to the withdrawal.
    """

    order: Order
    by: str
    units: Units = field(default_factory=dict)
    shown: datetime | None = None
    refunds: Iterable[Refund] = ()


@transaction.atomic
def assign(withdrawal: Withdrawal, assignment: Assignment) -> bool:
    """Assign a withdrawal to an order and its lines. Staff can correct it until the withdrawal is refunded or closed.

    Return False and change nothing if it was assigned, refunded or closed in the meantime, or was ticked on the order's
    page. The units must be units of the order.
    """
    order = assignment.order
    _lock(order.pk, withdrawal.order_id)
    rows = Withdrawal.objects.filter(
        pk=withdrawal.pk, order=withdrawal.order_id, assigned_at=assignment.shown, closed_at=None,
        is_from_order_page=False,
    )  # fmt: skip
    values = {
        "order": order,
        "units": {str(line): units for line, units in assignment.units.items() if units},
        "assigned_by": assignment.by[:254],
        "assigned_at": timezone.now(),
        "is_checked": True,
    }
    if withdrawal.refunds.exists() or not rows.update(**values):
        return False
    keys = [row.pk for row in assignment.refunds]
    Refund.objects.filter(pk__in=keys, payment__order=order, withdrawal=None).update(withdrawal=withdrawal)
    _record(order, withdrawal, assignment.by)
    update_withdrawals(order)
    update_shipped(order, assignment.by)
    if withdrawal.order:  # If it was matched with another order before, the units of that one count as sold again.
        update_shipped(withdrawal.order, assignment.by)
    withdrawal.refresh_from_db()
    return True


def mark_arrived(withdrawal: Withdrawal) -> bool:
    """Record that the items, or proof of posting, arrived. Return False if that was recorded, or if it is closed."""
    waiting = Withdrawal.objects.filter(pk=withdrawal.pk, arrived_at=None, closed_at=None)
    return bool(waiting.update(arrived_at=timezone.now()))


@transaction.atomic
def close(withdrawal: Withdrawal, by: str) -> bool:
    """Close a withdrawal that needs no refund. Its units count as sold again. Return False if it was closed before."""
    _lock(withdrawal.order_id)
    rows = Withdrawal.objects.filter(pk=withdrawal.pk, order=withdrawal.order_id, closed_at=None)
    if not rows.update(closed_at=timezone.now(), closed_by=by[:254]):
        return False
    if withdrawal.order:
        acknowledge_assigned(withdrawal.order, withdrawal, by)
        update_shipped(withdrawal.order, by)
    return True


def assignable_refunds(withdrawal: Withdrawal, order: Order) -> list[Refund]:
    """Return the refunds since the declaration that can be for it. They did not fail and are for no other one."""
    rows = Refund.objects.filter(payment__order=order, withdrawal=None, is_mismatch=False)
    return list(rows.filter(timestamp__gte=withdrawal.declared_at).exclude(status=Refund.Status.FAILED))


def _lock(*orders: int | None) -> None:
    """Lock the orders, by ascending id to avoid deadlocks."""
    for pk in sorted({pk for pk in orders if pk}):
        Order.objects.filter(pk=pk).update(updated=timezone.now())


def _record(order: Order, withdrawal: Withdrawal, by: str) -> None:
    """Append the withdrawal to the history of an order that it was not matched with before."""
    if withdrawal.order_id != order.pk:
        order.record(OrderEvent.Kind.WITHDRAWN, by=by, text=withdrawal.number)
        if withdrawal.order:  # which does not wait for it any more
            acknowledge_assigned(withdrawal.order, withdrawal, by)
    acknowledge_assigned(order, withdrawal, by)
