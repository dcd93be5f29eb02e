"""The payment workflow: create an intent, pay, settle. docs/money.md describes the protocol.

Every change is a conditional update. Remote calls are made outside transactions. Only `settle` marks orders as paid.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from billing import answers, cards, gateway
from billing.declines import CARD_NOT_ON_FILE
from billing.models import Card
from billing.stripe_calls import admission, time_limits
from core.background.tasks import start
from core.money import major_units, minor_units
from core.page_cache.versions import collect_touches
from orders.emails import queue, sending
from orders.models import Order, OrderEvent, Payment, holds
from orders.workflow import disputes, order_cards, refunds, transitions
from orders.workflow.alerts import alert_staff, alerting_to_wrong_objects, interpolate_lazy
from orders.workflow.follow_ups import record_follow_ups
from orders.workflow.payment_errors import CardNotOnFile, PaymentNotPossible, PaymentRejected, SoldOut, failure_message
from orders.workflow.release import release_order
from orders.workflow.withdrawals.matching import match_earlier

logger = logging.getLogger(__name__)
NOT_THE_TOTAL = _("%(amount)s %(currency)s (in the minor unit) was received, which is not the order total")
AFTER_CANCELLATION = _("%(amount)s %(currency)s (in the minor unit) was received after the cancellation")
AFTER_SALE = _("%(amount)s %(currency)s (in the minor unit) was received after the items were sold out")


# --- P2: create the intent ---


def ensure_intent(order: Order) -> str:
    """Return the id of the order's only PaymentIntent. If there is no intent yet, create and store it, unconfirmed.

    Raise GatewayError if this fails. Nothing was charged then, because only a stored intent is confirmed.
    """
    if order.payment_intent_id:
        return order.payment_intent_id
    tries = order.intent_try
    try:
        intent = gateway.create_intent(
            order.total,
            order.currency,
            order.billing_profile.get_customer(is_email_optional=True),
            {"order_id": order.order_id, "order_uuid": str(order.uuid)},
            key=f"order-{order.uuid}-intent-{tries}",
        )
    except answers.GatewayError as error:
        if isinstance(error, answers.Missing):
            order.billing_profile.replace_customer(is_email_optional=True)
        if isinstance(error, answers.Missing | answers.IdempotencyKeyUsed) or getattr(error, "is_stored", False):
            # Stripe replays the stored response for this key and rejects the key for another customer. Use a new key.
            Order.objects.filter(pk=order.pk, intent_try=tries).update(intent_try=tries + 1)
        raise
    if transitions.STORE_INTENT.run({"payment_intent_id": intent.id}, order=order.pk):
        order.payment_intent_id = intent.id
        return intent.id
    order.refresh_from_db()
    if not order.payment_intent_id:
        raise answers.StateChanged("the order was canceled in the meantime")
    return order.payment_intent_id


# --- P3: pay ---


def pay(order: Order, card: Card, must_authenticate: bool = False) -> None:
    """Charge `card` for `order` unless another attempt is open. The outcome is stored in the order's rows.

    With `must_authenticate`, the bank is asked for 3-D Secure.

    Raise PaymentNotPossible if nothing was charged because of an error on our side or at the payment service, SoldOut
    if the items are gone, and CardNotOnFile if the card was removed before the attempt began. A lost response to the
    confirmation raises none of them, because the card might have been charged.
    """
    with ExitStack() as step:
        try:
            step.enter_context(admission.admitted())  # for all calls below, before an attempt is stored
            with alerting_to_wrong_objects(order):
                intent_id = ensure_intent(order)
        except answers.GatewayError as error:
            logger.error("no payment intent for order %s: %s", order, error)
            order.refresh_from_db()
            if not order.is_payable or order.open_payment():
                return  # Another request canceled the order or is paying for it, and its page shows that.
            card.refresh_from_db()
            raise (PaymentNotPossible if card.active else CardNotOnFile) from error
        _pay(order, card, intent_id, must_authenticate)


def _pay(order: Order, card: Card, intent_id: str, must_authenticate: bool) -> None:
    payment = _start(order, card)
    if payment is None:
        settle_quietly(order)
        return
    try:
        with alerting_to_wrong_objects(order):
            gateway.confirm_intent(intent_id, card.stripe_id, str(payment.key), must_authenticate)
    except (answers.Declined, answers.StateChanged):
        pass  # The outcome is known; settling reads it from the intent.
    except answers.Rejected as error:
        if not cards.is_on_file(card):
            logger.warning("card of payment %s is not at Stripe any more: %s", payment, error)
            _fail(payment, CARD_NOT_ON_FILE, "", [Payment.Status.NEW])
            return
        logger.error("payment %s rejected: %s", payment, error)
        _fail(payment, error.code, "", [Payment.Status.NEW])
        raise PaymentRejected from error
    except answers.OutcomeUnknown as error:
        logger.warning("no answer for payment %s: %s", payment, error)
        return
    settle_quietly(order, own=payment)


def _start(order: Order, card: Card) -> Payment | None:
    """Create a payment attempt. Return None if the order is no longer payable or another attempt is open.

    Raise CardNotOnFile if the card was removed or belongs to another order, and SoldOut if the items are gone.
    """
    if not holds.can_reserve(order):
        raise SoldOut
    try:
        with transaction.atomic():
            # An update instead of a read: it locks the row against a cancellation until the attempt is stored.
            if not transitions.LOCK_PLACED.run({"updated": timezone.now()}, order=order.pk):
                return None
            if not Card.objects.bind(card, order.order_id):
                raise CardNotOnFile
            (last,) = transitions.LAST_NUMBER.first(order=order.pk) or (0,)
            payment = Payment.objects.create(
                order=order, number=last + 1, card=card, stripe_pm=card.stripe_id, amount=order.total,
                currency=order.currency,
            )  # fmt: skip
            order.record(OrderEvent.Kind.PAYING, text=card)
    except IntegrityError:
        return None
    return payment


# --- S: settle ---


def settle(order: Order, own: Payment | None = None) -> answers.Intent | None:
    """Apply the state of the order's intent at Stripe to our rows. An order becomes paid in no other way.

    `own` is the attempt that the caller has just made, with the intent that `order` has. Return the intent, or None if
    the order has none yet. Raise GatewayError if Stripe does not answer; our rows are consistent then, because each
    earlier answer was stored completely.
    """
    if own is None:
        order.refresh_from_db()
    if not order.payment_intent_id:
        return None
    is_current = False
    try:
        with admission.admitted(), alerting_to_wrong_objects(order):
            intent, is_current = _settle(order, order.payment_intent_id, own)
        return intent
    finally:
        if not is_current:
            order.refresh_from_db()


def _settle(order: Order, intent_id: str, own: Payment | None) -> tuple[answers.Intent, bool]:
    """Return the intent, and whether `order` has the values of its row."""
    # Read the attempt and its age before fetching the intent: the fetched state then belongs to this attempt or an
    # earlier one, and a slow fetch makes no attempt older than it was when Stripe looked. The attempt that the caller
    # has just stored needs no read: if another process closes it meanwhile, the conditional updates change nothing.
    attempt = own if own and own.status in Payment.OPEN else order.open_payment()
    can_fail = attempt is not None and (attempt == own or _has_reached_stripe(attempt))
    intent = gateway.retrieve_intent(intent_id)
    order.check_intent(intent)
    if apply := _APPLY.get(intent.status):
        return intent, bool(apply(order, attempt, intent, can_fail))
    logger.error("order %s: payment intent has unexpected status %s", order, intent.status)
    return intent, False


def _has_reached_stripe(attempt: Payment) -> bool:
    """Return False if the attempt's confirmation might not have reached Stripe yet."""
    age = timezone.now() - attempt.timestamp
    return attempt.status != Payment.Status.NEW or age >= timedelta(seconds=time_limits.MAX_CONFIRM_SECONDS)


def settle_quietly(order: Order, own: Payment | None = None) -> answers.Intent | None:
    """Call `settle` for a page. Return None if there is no intent or Stripe does not answer.

    The page then shows the state that we know.
    """
    try:
        return settle(order, own)
    except answers.GatewayError as error:
        logger.warning("order %s not settled: %s", order, error)
        return None


def settle_on_event(sender: Any, intent_id: str, type: str = "", **kwargs: Any) -> None:
    """Settle the order of the intent that a webhook event is about. Do nothing if no order has this intent.

    Stripe might not mark a charge as disputed while the bank only asks about it, so an event about a dispute is a
    reason to fetch the disputes as well.
    """
    order = Order.objects.filter(payment_intent_id=intent_id).first() if intent_id else None
    intent = settle(order) if order else None
    if order and intent and type.startswith(disputes.EVENT_PREFIX) and not disputes.is_due(order, intent):
        disputes.settle_disputes(order, intent.id)


def _succeeded(order: Order, attempt: Payment | None, intent: answers.Intent, can_fail: bool) -> bool:
    """Record the charge and what followed it. Return whether `order` has the values of its row."""
    is_current, problem = False, NOT_THE_TOTAL
    if (intent.received, intent.currency) == (minor_units(order.total, order.currency), order.currency):
        is_current, problem = _mark_paid(order, attempt, intent)
    if problem:
        _handle_mismatch(order, attempt, intent, problem)
    return not record_follow_ups(order, intent) and is_current


def _mark_paid(order: Order, attempt: Payment | None, intent: answers.Intent) -> tuple[bool, Any]:
    """Mark the order as paid.

    Return whether `order` has the values of its row, and the message about a charge that has to be refunded, or None.
    """
    try:
        with transaction.atomic(), collect_touches():
            if not transitions.mark_paid(order):
                order.refresh_from_db()
                return False, AFTER_CANCELLATION if order.status == Order.Status.CANCELED else None
            if not order.holds_stock and not holds.reserve_paid(order):
                raise SoldOut
            _record_charge(order, attempt, intent)
            order.record(OrderEvent.Kind.PAID)
            is_current = not match_earlier(order)
            order_cards.end_cards(order, paid_with=intent.payment_method)
            confirmation = queue.queue_paid_emails(order)
    except SoldOut:
        return False, AFTER_SALE
    if confirmation:
        start(sending.send_confirmation, order.pk, confirmation.claim)
    order_cards.detach_cards(order)
    return is_current, None


def _record_charge(order: Order, attempt: Payment | None, intent: answers.Intent) -> Payment:
    """Mark the attempt that was charged as succeeded and the other open attempts as failed. Return it.

    Create the attempt if the charge was not started here.
    """
    if attempt and attempt.status != Payment.Status.NEW:
        order_cards.record_bank_check(order, ok=True)
    succeeded = {"status": Payment.Status.SUCCEEDED, "code": "", "message": ""}
    # An open attempt is the last one and the only open one, so that no other attempt has to change.
    is_charged = attempt and attempt.stripe_pm == intent.payment_method
    if attempt and is_charged and transitions.CLOSE_ATTEMPT.run(succeeded, order=order.pk, attempt=attempt.pk):
        return attempt
    payment = order.payments.filter(stripe_pm=intent.payment_method).last() or attempt or order.last_payment()
    if payment is None:
        payment = Payment.objects.create(
            order=order, number=1, stripe_pm=intent.payment_method, amount=order.total, currency=order.currency
        )
    order.payments.filter(status__in=Payment.OPEN).exclude(pk=payment.pk).update(status=Payment.Status.FAILED)
    order.payments.filter(pk=payment.pk).update(**succeeded)
    return payment


# --- M: a charge that does not match the order ---


def _handle_mismatch(order: Order, attempt: Payment | None, intent: answers.Intent, message: object) -> None:
    """Refund the charge in full, cancel the order and alert staff. The order is never shipped.

    If the order is already paid, only alert staff.
    """
    text = interpolate_lazy(message, {"amount": intent.received, "currency": intent.currency.upper()})
    order.refresh_from_db()
    with transaction.atomic():
        # This update locks the order, so that parallel requests record the mismatch once, or mark the order as paid.
        not_paid = Order.objects.filter(pk=order.pk).exclude(status__in=Order.PAID_STATES)
        if not not_paid.update(updated=timezone.now()):
            alert_staff(order, text)
            return
        payment = _record_charge(order, attempt, intent)
        row = refunds.create_mismatch_refund(
            order, payment, major_units(intent.received, intent.currency), intent.currency, text
        )
    Order.objects.filter(pk=order.pk, status=Order.Status.PLACED).update(status=Order.Status.CANCELING)
    release_order(order)
    if row:
        refunds.finish_refund(row, is_first=True)


def _canceled(order: Order, attempt: Payment | None, intent: answers.Intent, can_fail: bool) -> None:
    unpaid = Order.objects.filter(pk=order.pk, status=Order.Status.PLACED)
    unpaid.update(status=Order.Status.CANCELING)  # A canceled intent can never be paid.
    release_order(order)


def _waiting(order: Order, attempt: Payment | None, intent: answers.Intent, can_fail: bool) -> None:
    if attempt is None or attempt.status == intent.status:
        return
    with transaction.atomic():
        unchanged = Payment.objects.filter(pk=attempt.pk, status=attempt.status)
        if unchanged.update(status=intent.status) and intent.status == Payment.Status.REQUIRES_ACTION:
            order.record(OrderEvent.Kind.NEEDS_ACTION)


def _failed(order: Order, attempt: Payment | None, intent: answers.Intent, can_fail: bool) -> None:
    if attempt and can_fail:
        # The last failure at Stripe can be that of an earlier attempt with another card.
        is_of_attempt = intent.failed_card in ("", attempt.stripe_pm)
        code, decline_code = (intent.code, intent.decline_code) if is_of_attempt else ("", "")
        _fail(attempt, code, decline_code, [attempt.status])


def _fail(payment: Payment, code: str, decline_code: str, expected_statuses: list[str]) -> None:
    with transaction.atomic(), translation.override(payment.order.language):
        message = failure_message(code, decline_code)
        changed = Payment.objects.filter(pk=payment.pk, status__in=expected_statuses).update(
            status=Payment.Status.FAILED, code=code, decline_code=decline_code, message=message
        )
        if changed:
            if payment.status != Payment.Status.NEW:
                order_cards.record_bank_check(payment.order, ok=False)
            payment.order.record(OrderEvent.Kind.DECLINED, text=lazy(failure_message, str)(code, decline_code))
            order_cards.put_aside(payment, code, decline_code)


Apply = Callable[[Order, Payment | None, answers.Intent, bool], bool | None]
_APPLY: dict[str, Apply] = {
    "succeeded": _succeeded,
    "canceled": _canceled,
    "requires_action": _waiting,
    "processing": _waiting,
    "requires_payment_method": _failed,
}
