"""Step R: refunds requested by staff. A database constraint limits the refunds of an order to its total."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.money import format_money, has_excess_decimals
from orders.models import Order, OrderEvent, Payment, Refund, Withdrawal
from orders.models.units import Units
from orders.workflow import disputes
from orders.workflow.refunds.restocking import are_within, restockable_units, unshipped_units
from orders.workflow.shipping.completion import update_shipped

SHIPPED_MEANWHILE = gettext_lazy("Units of this order were shipped in the meantime. Please check again.")


class RefundRejected(Exception):
    """Raised if a refund is not possible, with a message for staff. Nothing was requested from Stripe."""


@dataclass(frozen=True)
class RefundRequest:
    """A refund request by staff: an amount in the order's currency.

    `units` are the refunded units by order line id, and `restock` the units to return to stock. `withdrawal` is the
    withdrawal that the refund answers. `delivery` is the part of the amount that returns the cost of delivery.

    `unshipped` are the units that were neither refunded nor shipped when staff made the decision, because only these
    are in stock without a parcel. None accepts any.

    `already_refunded` is the amount that was refunded when staff made the decision. Of two simultaneous requests, or of
    two clicks, only one is accepted.
    """

    amount: Decimal
    already_refunded: Decimal
    by: str
    reason: str = ""
    units: Units = field(default_factory=dict)
    restock: Units = field(default_factory=dict)
    withdrawal: Withdrawal | None = None
    delivery: Decimal = Decimal(0)
    unshipped: Units | None = None


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
        units_before, unshipped = order.refundable_units(), unshipped_units(order)
        if not _reserve_amount(order, requested):
            raise RefundRejected(_rejection_message(order, requested))
        if requested.unshipped not in (None, unshipped):
            raise RefundRejected(SHIPPED_MEANWHILE)
        _check_units(order, requested, units_before)
        if not 0 <= requested.delivery <= min(requested.amount, refundable_delivery(order)):
            raise RefundRejected(_("You cannot refund more for delivery than is left of its price."))
        _check_withdrawal(order, requested)
        row = Refund.objects.create(
            payment=order.payments.get(status=Payment.Status.SUCCEEDED),
            amount=requested.amount,
            currency=order.currency,
            reason=requested.reason[:120],
            delivery=requested.delivery,
            units=_to_json(requested.units),
            restock=_to_json(requested.restock),
            withdrawal=requested.withdrawal,
            by=requested.by[:254],
        )
        order.record(OrderEvent.Kind.REFUNDING, by=requested.by, text=row)
        update_shipped(order, requested.by)
    order.refresh_from_db()
    return row


def _reserve_amount(order: Order, requested: RefundRequest) -> bool:
    """Add the amount to what was refunded of the order. Return False if that is not possible (any more)."""
    # The sums are computed here because SQLite does this arithmetic in floating point.
    lost = Order.objects.values_list("amount_lost", flat=True).get(pk=order.pk)
    refunded = requested.already_refunded + requested.amount
    paid = Order.objects.filter(pk=order.pk, status__in=[Order.Status.PAID, Order.Status.SHIPPED])
    refundable = paid.filter(amount_refunded=requested.already_refunded, amount_lost=lost, total__gte=refunded + lost)
    return bool(refundable.update(amount_refunded=refunded))


def _check_units(order: Order, requested: RefundRequest, refundable: Units) -> None:
    if not are_within(requested.units, refundable):
        raise RefundRejected(_("You cannot refund more units than are left."))
    if not are_within(requested.restock, restockable_units(order)):
        raise RefundRejected(_("You cannot return more units to stock than were sold."))


def _check_withdrawal(order: Order, requested: RefundRequest) -> None:
    still_open = order.withdrawals.filter(closed_at=None)
    if requested.withdrawal and not still_open.filter(pk=requested.withdrawal.pk).exists():
        raise RefundRejected(_("This withdrawal was closed in the meantime. Please check again."))


def _to_json(units: Units) -> dict[str, int]:
    return {str(line): number for line, number in units.items() if number}


def _rejection_message(order: Order, requested: RefundRequest) -> str:
    order.refresh_from_db()
    if not order.is_paid:
        return _("This order is not paid.")
    return outdated_message(order, requested.already_refunded) or (
        _("Only %(amount)s of this order can still be refunded.")
        % {"amount": format_money(order.refundable, order.currency)}
    )


def outdated_message(order: Order, already_refunded: Decimal) -> str:
    """Return a message for staff if this is not what was refunded of the order so far, or an empty string."""
    if order.amount_refunded == already_refunded:
        return ""
    text = _("Another refund was made in the meantime. %(amount)s can still be refunded; please check again.")
    return text % {"amount": format_money(order.refundable, order.currency)}


def refundable_delivery(order: Order) -> Decimal:
    """Return what is left of the price of delivery, with tax, after the refunds that did not fail."""
    price = order.shipping_total + (0 if order.is_tax_included else order.shipping_tax)
    refunds = Refund.objects.filter(payment__order=order).exclude(status=Refund.Status.FAILED)
    # The sum is computed here because SQLite does this arithmetic in floating point.
    return max(price - sum(refunds.values_list("delivery", flat=True), Decimal(0)), Decimal(0))
