"""Withdrawals close by themselves when they are refunded, and open again if the refund fails."""

from collections import Counter

from django.utils import timezone

from orders.models import Order, Refund, Withdrawal
from orders.models.item import by_line
from orders.models.units import SHOP, refunded_units
from orders.workflow.withdrawals.unassigned import acknowledge_assigned


def update_withdrawals(order: Order) -> None:
    """Close the withdrawals of this order that are refunded, and open those again whose refund failed.

    The caller has locked the order. What staff closed stays closed.
    """
    for withdrawal in list(order.withdrawals.all()):
        rows = Withdrawal.objects.filter(pk=withdrawal.pk)
        if not _is_refunded(order.pk, withdrawal):
            rows.filter(closed_by=SHOP).update(closed_at=None, closed_by="")
        elif rows.filter(closed_at=None).update(closed_at=timezone.now(), closed_by=SHOP):
            acknowledge_assigned(Order.objects.get(pk=order.pk), withdrawal, by=SHOP)


def _is_refunded(pk: int, withdrawal: Withdrawal) -> bool:
    """Return whether all units of a withdrawal are refunded. A refund of the whole order is of all its units.

    Lines without a right of withdrawal need not be refunded if the whole order was withdrawn from.
    """
    order = Order.objects.get(pk=pk)
    if order.status == Order.Status.REFUNDED:
        return True
    done = Refund.objects.filter(payment__order=order, status=Refund.Status.DONE)
    back = refunded_units(done if withdrawal.is_whole_order else done.filter(withdrawal=withdrawal))
    units = order.units_withdrawable() if withdrawal.is_whole_order else by_line(withdrawal.units)
    declared = +Counter(units)
    return bool(declared) and not declared - back
