"""Step R: refunds requested by staff. A database constraint limits the refunds of an order to its total."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.money import format_money, has_excess_decimals
from orders.models import Order, OrderEvent, Payment, Refund, Withdrawal
from orders.workflow import disputes
from orders.workflow.shipping.completion import update_shipped


class RefundRejected(Exception):
    """Raised if a refund is not possible, with a message for staff. Nothing was requested from Stripe."""


@dataclass(frozen=True)
class RefundRequest:
    """A refund request by staff: an amount in the order's currency.

    `units` are the refunded units by order line id, and `restock` the units to return to stock. `withdrawal` is the
    withdrawal that the refund answers.

    `already_refunded` is the amount that was refunded when staff made the decision. Of two simultaneous requests, or of
    two clicks, only one is accepted.
    """

    amount: Decimal
    already_refunded: Decimal
    by: str
    reason: str = ""
    units: dict[int, int] = field(default_factory=dict)
    restock: dict[int, int] = field(default_factory=dict)
    withdrawal: Withdrawal | None = None


def request_refund(order: Order, requested: RefundRequest) -> Refund:
    """Store a refund and reserve its amount on the order in one transaction, without calling Stripe.

    Raise RefundRejected and change nothing if the refund is not possible.
    """
    if requested.amount <= 0 or has_excess_decimals(requested.amount, order.currency):
        raise RefundRejected(_("Enter an amount above zero that can be paid in this currency."))
    with transaction.atomic():
        # This update locks the order, so that no dispute is stored between the check and the refund.
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        if obstacle := disputes.refund_obstacle(order):
            raise RefundRejected(obstacle)
        order.refresh_from_db()
        units_before = order.refundable_units()
        # The sums are computed here because SQLite does this arithmetic in floating point.
        lost = Order.objects.values_list("amount_lost", flat=True).get(pk=order.pk)
        refunded = requested.already_refunded + requested.amount
        paid = Order.objects.filter(pk=order.pk, status__in=[Order.Status.PAID, Order.Status.SHIPPED])
        refundable = paid.filter(
            amount_refunded=requested.already_refunded, amount_lost=lost, total__gte=refunded + lost
        )
        if not refundable.update(amount_refunded=refunded):
            raise RefundRejected(_rejection_message(order, requested))
        _check_units(order, requested, units_before)
        _check_withdrawal(order, requested)
        row = Refund.objects.create(
            payment=order.payments.get(status=Payment.Status.SUCCEEDED),
            amount=requested.amount,
            currency=order.currency,
            reason=requested.reason[:120],
            units=_to_json(requested.units),
            restock=_to_json(requested.restock),
            withdrawal=requested.withdrawal,
            by=requested.by[:254],
        )
        order.record(OrderEvent.Kind.REFUNDING, by=requested.by, text=row)
        update_shipped(order, requested.by)
    order.refresh_from_db()
    return row


def _check_units(order: Order, requested: RefundRequest, refundable: dict[int, int]) -> None:
    if not _are_within(requested.units, refundable):
        raise RefundRejected(_("You cannot refund more units than are left."))
    if not _are_within(requested.restock, restockable_units(order)):
        raise RefundRejected(_("You cannot return more units to stock than were sold."))


def _check_withdrawal(order: Order, requested: RefundRequest) -> None:
    still_open = order.withdrawals.filter(closed_at=None)
    if requested.withdrawal and not still_open.filter(pk=requested.withdrawal.pk).exists():
        raise RefundRejected(_("This withdrawal was closed in the meantime. Please check again."))


def _are_within(units: dict[int, int], most: dict[int, int]) -> bool:
    return all(0 <= number <= most.get(line, 0) for line, number in units.items())


def _to_json(units: dict[int, int]) -> dict[str, int]:
    return {str(line): number for line, number in units.items() if number}


def _rejection_message(order: Order, requested: RefundRequest) -> str:
    order.refresh_from_db()
    if not order.is_paid:
        return _("This order is not paid.")
    left = {"amount": format_money(order.refundable, order.currency)}
    if order.amount_refunded != requested.already_refunded:
        return (
            _("Another refund was made in the meantime. %(amount)s can still be refunded; please check again.") % left
        )
    return _("Only %(amount)s of this order can still be refunded.") % left


def restockable_units(order: Order) -> dict[int, int]:
    """Return the number of units that can still be restocked, by order line id."""
    back: Counter[int] = Counter()
    for row in Refund.objects.filter(payment__order=order).exclude(status=Refund.Status.FAILED, is_restocked=False):
        back.update({int(line): units for line, units in row.restock.items()})
    return {item.pk: item.quantity - back[item.pk] for item in order.items.all()}
