"""Alerts about withdrawals whose typed items staff have to assign to lines."""

from django.utils.translation import gettext_lazy as _

from orders.models import Order, Withdrawal
from orders.workflow.alerts import acknowledge, alert_staff


def alert_unassigned(order: Order, withdrawal: Withdrawal) -> None:
    """Alert staff that the typed items of this withdrawal have to be assigned."""
    text = _("Withdrawal %(number)s names items in words. Assign them to lines. The order does not ship until then.")
    alert_staff(order, text, is_new=True, number=withdrawal.number)


def acknowledge_assigned(order: Order, withdrawal: Withdrawal, by: str) -> None:
    """Acknowledge the alert about this withdrawal. If another one of the order still waits, alert staff to that one.

    The caller has locked the order. An alert about anything else stays.
    """
    order.refresh_from_db()
    if withdrawal.number not in order.attention or not acknowledge(order, by):
        return
    other = order.withdrawals.awaiting_assignment().exclude(pk=withdrawal.pk).order_by("pk").first()
    if other:
        alert_unassigned(order, other)
