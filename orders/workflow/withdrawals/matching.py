"""Looking up the order of a withdrawal, after the response to the shopper. `reconcile` does what was interrupted."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from accounts.email_addresses import same_email
from orders.emails import withdrawals as emails
from orders.emails.queue import SHOPPER
from orders.models import Order, OrderEvent, Withdrawal
from orders.numbers import order_number_of
from orders.workflow.shipping.completion import update_shipped
from orders.workflow.withdrawals.closing import update_withdrawals
from orders.workflow.withdrawals.unassigned import alert_unassigned

PAID_AT_ONCE = timedelta(minutes=1)  # after placing


@task()
def match_declared(pk: int) -> bool:
    """Match the withdrawal with this primary key. Return False if that was done before."""
    withdrawal = Withdrawal.objects.to_match().filter(pk=pk).first()
    return withdrawal is not None and match(withdrawal)


@transaction.atomic
def match(withdrawal: Withdrawal) -> bool:
    """Look up the order of a withdrawal and tell staff. Return False if that was done before.

    The order is locked first, as in `ship`: an order is either shipped before the withdrawal is known, or waits.
    """
    named = Order.objects.named(withdrawal.order_number, withdrawal.email)
    order = withdrawal.order or named.filter(status__in=Order.PAID_STATES).first()
    if order:
        order = Order.objects.select_for_update().get(pk=order.pk)
    # Staff can have assigned another order in the meantime.
    rows = Withdrawal.objects.to_match().filter(pk=withdrawal.pk, order=withdrawal.order)
    if not rows.update(is_checked=True, order=order):
        return False
    if order and order.status == Order.Status.REFUNDED:  # before the withdrawal was matched: nothing is left to do
        update_withdrawals(order)
    withdrawal.refresh_from_db()
    if order:
        record_on_order(order, withdrawal)
        update_shipped(order, SHOPPER)
    emails.queue_notice(withdrawal)
    return True


def match_earlier(order: Order) -> bool:
    """Match the withdrawals that named this order before it was paid. Return whether there is one.

    The caller has just marked the order as paid. Nobody knows the number of an order that is paid within the request
    that places it.
    """
    if order.placed_at is None or order.placed_at + PAID_AT_ONCE > timezone.now():
        return False
    found = False
    rows = Withdrawal.objects.unmatched().filter(same_email("email", order.email), closed_at=None)
    for row in rows.filter(declared_at__gte=order.placed_at).order_by("pk"):
        is_named = order_number_of(row.order_number) == order.order_id
        if is_named and rows.filter(pk=row.pk).update(order=order, is_checked=True):
            found = True
            row.refresh_from_db()
            record_on_order(order, row)
            update_shipped(order, SHOPPER)
            emails.queue_notice(row)
    return found


def record_on_order(order: Order, withdrawal: Withdrawal) -> None:
    """Append the withdrawal to the order's history, and alert staff if they have to assign typed items to lines."""
    order.record(OrderEvent.Kind.WITHDRAWN, by=SHOPPER, text=withdrawal.number)
    if withdrawal.awaits_assignment:
        alert_unassigned(order, withdrawal)
