"""The state of refunds at Stripe: requesting stored refunds, and storing what Stripe answers with all consequences.

Refunds can also be made in Stripe's dashboard.
"""

import logging
import uuid
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from billing import answers, gateway
from billing.stripe_calls import admission
from core.money import major_units
from core.page_cache.versions import collect_touches
from orders.emails import queue
from orders.models import Dispute, Mail, Order, OrderEvent, Payment, Refund
from orders.models.item import by_line
from orders.workflow import disputes
from orders.workflow.alerts import alert_staff, alerting_to_wrong_objects
from orders.workflow.refunds.requests import RefundRequest, request_refund
from orders.workflow.refunds.restocking import return_units
from orders.workflow.shipping.completion import update_shipped
from orders.workflow.withdrawals.closing import update_withdrawals

logger = logging.getLogger(__name__)
STRIPE = "Stripe"  # value of Refund.by for refunds made in the Stripe Dashboard
RETRY_AFTER = timedelta(minutes=2)  # longer than Stripe needs for any request

S = Refund.Status
# For each Stripe status: our status, and our statuses that it can replace. A late answer never undoes a final state.
_STATES: dict[str, tuple[str, list[str]]] = {
    "pending": (S.PENDING, [S.REQUESTED]),
    "requires_action": (S.PENDING, [S.REQUESTED]),
    "succeeded": (S.DONE, [S.REQUESTED, S.PENDING]),
    "failed": (S.FAILED, [S.REQUESTED, S.PENDING, S.DONE]),
    "canceled": (S.FAILED, [S.REQUESTED, S.PENDING]),
}


def refund(order: Order, requested: RefundRequest) -> Refund:
    """Refund an order in full or in part and return the refund.

    If Stripe does not answer, the row stays and reconcile finishes the refund. Raise RefundRejected and change nothing
    if the refund is not possible.
    """
    row = request_refund(order, requested)
    try:
        finish_refund(row, is_first=True)
    except answers.GatewayError as error:
        logger.warning("refund %s of order %s is left to reconcile: %s", row.pk, order, error)
    row.refresh_from_db()
    return row


def finish_refund(row: Refund, is_first: bool = False) -> None:
    """Request a stored refund from Stripe, unless an earlier request whose response was lost has already created it.

    Stripe forgets idempotency keys after a day and replays its own failures under them. Every request except the
    first therefore looks for an existing refund. Raise GatewayError if the outcome is unknown. The caller can try
    again later.
    """
    row.refresh_from_db()
    order, began = row.payment.order, timezone.now()
    if row.status != S.REQUESTED or not order.payment_intent_id:
        return
    with admission.admitted(), alerting_to_wrong_objects(order):
        is_found = not is_first and settle_refunds(order, order.payment_intent_id, row)
        if not is_found and _claim(row, began):
            _request_from_stripe(row, order.payment_intent_id)


def _request_from_stripe(row: Refund, intent_id: str) -> None:
    try:
        whole = None if row.is_mismatch else row.amount
        found = gateway.create_refund(intent_id, whole, row.currency, row.pk, str(row.key))
    except answers.OutcomeUnknown as error:
        if error.is_stored:
            _change_key(row)
        raise
    except answers.IdempotencyKeyUsed:
        _change_key(row)
        raise
    except (answers.Declined, answers.Rejected, answers.StateChanged) as error:
        is_disputed = error.code == "charge_disputed"
        _fail(row, disputes.REJECTED_WHILE_OPEN if is_disputed else str(error))
        if is_disputed:
            disputes.settle_disputes(row.payment.order, intent_id)
    else:
        _store_state(row, found)


def _claim(row: Refund, began: datetime) -> bool:
    """Claim the refund for one request to Stripe. Return False if an earlier request could still be running.

    Stripe can still be working on a request although its answer was lost. `began` is the time before the look for an
    existing refund: a slow look that began too early must not allow a second request.
    """
    free = Q(asked_at=None) | Q(asked_at__lt=began - RETRY_AFTER)
    claimed = Refund.objects.filter(free, pk=row.pk, key=row.key, status=S.REQUESTED)
    return bool(claimed.update(asked_at=timezone.now()))


def _change_key(row: Refund) -> None:
    Refund.objects.filter(pk=row.pk, key=row.key).update(key=uuid.uuid4())


# --- the state of refunds at Stripe ---


def settle_refunds(order: Order, intent_id: str, wanted: Refund | None = None) -> bool:
    """Store the state of every refund of this order at Stripe. Return True if `wanted` was among them."""
    is_found = False
    rows = Refund.objects.filter(payment__order=order)
    refunds = gateway.list_refunds(intent_id)
    for found in refunds:
        number = int(found.row) if found.row.isascii() and found.row.isdecimal() and len(found.row) < 19 else 0
        # Staff can also have made a mismatch refund in Stripe's dashboard.
        mismatch = Q(is_mismatch=True, amount=major_units(found.amount, found.currency))
        row = (
            rows.filter(stripe_id=found.id).first()
            or rows.filter(Q(pk=number) | mismatch, stripe_id=None).first()
            or _adopt(order, found)
        )
        if row:
            _store_state(row, found)
            is_found = is_found or row == wanted
    if not order.is_paid:
        is_found = _settle_mismatch(order, refunds) or is_found
    return is_found


def _settle_mismatch(order: Order, refunds: list[answers.RefundResult]) -> bool:
    """Mark the mismatch refund as done if the charge was refunded in full. Return False otherwise.

    It does not matter who refunded the charge and in how many parts. What was lost in disputes need not be refunded.
    """
    succeeded = [found for found in refunds if found.status == "succeeded"]
    row = Refund.objects.filter(payment__order=order, is_mismatch=True).exclude(status=S.DONE).first()
    if row is None or not succeeded:
        return False
    returned = [major_units(found.amount, found.currency) for found in succeeded]
    lost = Dispute.objects.lost().filter(order=order, currency=row.currency).values_list("amount", flat=True)
    if sum([*returned, *lost], Decimal(0)) < row.amount:
        return False
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        open_rows = Refund.objects.filter(pk=row.pk).exclude(status=S.DONE)
        if open_rows.update(status=S.DONE, stripe_id=succeeded[-1].id, message=""):
            order.record(OrderEvent.Kind.REFUNDED, by=STRIPE, text=row)
            queue.queue(order, Mail.Kind.REFUNDED, about=str(row.pk))
    return True


def _store_state(row: Refund, found: answers.RefundResult) -> None:
    """Store the state of a refund at Stripe, with all its consequences, in one transaction."""
    status, before = _STATES.get(found.status, ("", []))
    order = row.payment.order
    with transaction.atomic(), collect_touches():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # Orders are always written first.
        changed = Refund.objects.filter(pk=row.pk, status__in=before)
        if changed.update(status=status, stripe_id=found.id, message=found.reason[:250]):
            _apply_status(row, order, status, found.reason)


def _apply_status(row: Refund, order: Order, status: str, reason: str) -> None:
    """Carry out the consequences of the new status of a refund, whose failure has this reason."""
    if status == S.FAILED:
        _revert(row, reason)
    else:
        _restock(row)
    if status == S.DONE:
        order.record(OrderEvent.Kind.REFUNDED, by=row.by, text=row)
        queue.queue(order, Mail.Kind.REFUNDED, about=str(row.pk))
        _mark_refunded(order)
        update_withdrawals(order)
        update_shipped(order, row.by)


def _restock(row: Refund) -> None:
    """Return the units of this refund to stock, once."""
    if row.restock and Refund.objects.filter(pk=row.pk, is_restocked=False).update(is_restocked=True):
        back = return_units(row.payment.order, by_line(row.restock), row.by)
        Refund.objects.filter(pk=row.pk).update(restock={str(line): units for line, units in back.items()})


def _mark_refunded(order: Order) -> None:
    """Change the order's status to refunded if it was refunded in full."""
    done = Refund.objects.filter(payment__order=order, status=S.DONE, is_mismatch=False)
    if sum((row.amount for row in done), Decimal(0)) == order.total:
        paid = Order.objects.filter(pk=order.pk, status__in=[Order.Status.PAID, Order.Status.SHIPPED])
        paid.update(status=Order.Status.REFUNDED)


def _fail(row: Refund, text: object) -> None:
    """Mark a refund as failed because Stripe rejected it."""
    with transaction.atomic():
        Order.objects.filter(pk=row.payment.order_id).update(updated=timezone.now())
        if Refund.objects.filter(pk=row.pk, status=S.REQUESTED).update(status=S.FAILED, message=str(text)[:250]):
            _revert(row, text)


def _revert(row: Refund, text: object) -> None:
    """Restore the order's refunded amount and status after a failed refund, and alert staff."""
    order = row.payment.order
    if not row.is_mismatch:
        order.refresh_from_db()  # The caller has locked its row.
        Order.objects.filter(pk=order.pk).update(amount_refunded=order.amount_refunded - row.amount)
        before = Order.Status.SHIPPED if order.shipped_at else Order.Status.PAID
        Order.objects.filter(pk=order.pk, status=Order.Status.REFUNDED).update(status=before)
    update_withdrawals(order)
    order.record(OrderEvent.Kind.REFUND_FAILED, by=row.by, text=text)
    update_shipped(order, row.by)
    message = gettext_lazy("Refund no. %(number)s failed: %(text)s")
    alert_staff(order, message, number=row.pk, text=text)


def _adopt(order: Order, found: answers.RefundResult) -> Refund | None:
    """Store a refund that was made in Stripe's dashboard. Return None if there is nothing to store (yet)."""
    if _STATES.get(found.status, (S.FAILED, []))[0] == S.FAILED:
        return None
    amount = major_units(found.amount, found.currency)
    payment = order.payments.filter(status=Payment.Status.SUCCEEDED).first()
    try:
        with transaction.atomic():
            Order.objects.filter(pk=order.pk).update(updated=timezone.now())
            order.refresh_from_db()
            refunded = order.amount_refunded + amount
            if payment is None or not order.is_paid or order.currency != found.currency or refunded > order.total:
                # If Stripe is about to reject one of our own refunds, a later call can store this one.
                return None
            Order.objects.filter(pk=order.pk).update(amount_refunded=refunded)
            row = Refund.objects.create(
                payment=payment, amount=amount, currency=found.currency, stripe_id=found.id, by=STRIPE
            )
            order.record(OrderEvent.Kind.REFUNDING, by=STRIPE, text=row)
            update_shipped(order, STRIPE)
            return row
    except IntegrityError:  # Another process has just stored it and continues with it.
        return None
