"""Steps R and M: money on its way back, asked for by staff, made in Stripe's dashboard, or owed for a charge that
no order wanted. A row first, then Stripe; the sum of an order's refunds is held below its total by the database.
"""

import logging
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import answers, gateway
from ecommerce.money import format_money, has_excess_digits, major_units
from orders import mails
from orders.alarms import alarm
from orders.models import Mail, Order, OrderEvent, Payment, Refund

logger = logging.getLogger(__name__)
STRIPE = "Stripe"  # the `by` of refunds that were made in its dashboard
ASK_AGAIN_AFTER = timedelta(minutes=2)  # longer than Stripe works on anything

S = Refund.Status
# Stripe's word, ours, and from which of ours it may come; a late answer never turns a final fact back.
_STATES: dict[str, tuple[str, list[str]]] = {
    "pending": (S.PENDING, [S.REQUESTED]),
    "requires_action": (S.PENDING, [S.REQUESTED]),
    "succeeded": (S.DONE, [S.REQUESTED, S.PENDING]),
    "failed": (S.FAILED, [S.REQUESTED, S.PENDING, S.DONE]),
    "canceled": (S.FAILED, [S.REQUESTED, S.PENDING]),
}


class RefundRefused(Exception):
    """This refund cannot be; nothing was asked of Stripe. Says why, in words for staff."""


# --- R, asked for by staff ---


@dataclass(frozen=True)
class Wish:
    """What staff ask for: an amount in the order's currency, units of lines (by number) to put back on the shelf.

    `already` is what had been given back when they decided: of two that decide at once, or of two clicks, one counts.
    """

    amount: Decimal
    already: Decimal
    by: str
    reason: str = ""
    restock: dict[int, int] = field(default_factory=dict)


def refund(order: Order, wish: Wish) -> Refund:
    """Give money back. Whatever Stripe answers, the row stands and reconcile brings it to its end.

    RefundRefused if it cannot be; then nothing has changed.
    """
    row = request_refund(order, wish)
    try:
        finish(row, is_first=True)
    except answers.GatewayError as error:
        logger.warning("refund %s of order %s is left to reconcile: %s", row.pk, order, error)
    row.refresh_from_db()
    return row


def request_refund(order: Order, wish: Wish) -> Refund:
    """The row of a refund, its amount set aside, in one transaction; nothing is asked of Stripe yet."""
    if wish.amount <= 0 or has_excess_digits(wish.amount, order.currency):
        raise RefundRefused(_("Enter an amount above zero that can be paid in this currency."))
    with transaction.atomic():
        # Sums are made here and not by the database: SQLite reckons in floating point.
        money = Order.objects.filter(pk=order.pk, status__in=[Order.Status.PAID, Order.Status.SHIPPED])
        left = money.filter(amount_refunded=wish.already, total__gte=wish.already + wish.amount)
        if not left.update(amount_refunded=wish.already + wish.amount):
            raise RefundRefused(_why_not(order, wish))
        if any(not 0 <= units <= most_to_restock(order).get(line, 0) for line, units in wish.restock.items()):
            raise RefundRefused(_("You cannot return more units to stock than were sold."))
        row = Refund.objects.create(
            payment=order.payments.get(status=Payment.Status.SUCCEEDED),
            amount=wish.amount,
            currency=order.currency,
            reason=wish.reason[:120],
            restock={str(line): units for line, units in wish.restock.items() if units},
            by=wish.by[:254],
        )
        order.record(OrderEvent.Kind.REFUNDING, by=wish.by, text=row)
    order.refresh_from_db()
    return row


def _why_not(order: Order, wish: Wish) -> str:
    order.refresh_from_db()
    if not order.is_paid:
        return _("This order is not paid.")
    left = {"amount": format_money(order.total - order.amount_refunded, order.currency)}
    if order.amount_refunded != wish.already:
        return (
            _("Another refund was made in the meantime. %(amount)s can still be refunded; please check again.") % left
        )
    return _("Only %(amount)s of this order can still be refunded.") % left


def most_to_restock(order: Order) -> dict[int, int]:
    """How many units of each line, by its number, have not been put back by an earlier refund."""
    back: Counter[int] = Counter()
    for row in Refund.objects.filter(payment__order=order).exclude(status=S.FAILED, is_restocked=False):
        back.update({int(line): units for line, units in row.restock.items()})
    return {item.pk: item.quantity - back[item.pk] for item in order.items.all()}


def finish(row: Refund, is_first: bool = False) -> None:
    """Ask Stripe for a requested refund, unless an earlier asking, whose answer was lost, made it.

    Stripe forgets keys after a day and repeats its own failures under them, so any asking but the first looks for
    the refund first. GatewayError: nobody knows, again later.
    """
    row.refresh_from_db()
    order = row.payment.order
    if row.status != S.REQUESTED or not order.payment_intent_id:
        return
    if not is_first and settle_refunds(order, order.payment_intent_id, row):
        return
    if _claim(row):
        _ask(row, order.payment_intent_id)


def _ask(row: Refund, intent_id: str) -> None:
    try:
        whole = None if row.is_mismatch else row.amount
        found = gateway.create_refund(intent_id, whole, row.currency, row.pk, str(row.key))
    except answers.Unknown as error:
        if error.is_stored:
            _change_key(row)
        raise
    except answers.KeyUsed:
        _change_key(row)
        raise
    except answers.GatewayError as error:
        _fail(row, str(error))
    else:
        _note(row, found)


def _claim(row: Refund) -> bool:
    """One asking at a time: Stripe may still be at the last one, though its answer was lost."""
    now = timezone.now()
    free = Q(asked_at=None) | Q(asked_at__lt=now - ASK_AGAIN_AFTER)
    return bool(Refund.objects.filter(free, pk=row.pk, key=row.key, status=S.REQUESTED).update(asked_at=now))


def _change_key(row: Refund) -> None:
    Refund.objects.filter(pk=row.pk, key=row.key).update(key=uuid.uuid4())


# --- what Stripe says ---


def settle_refunds(order: Order, intent_id: str, wanted: Refund | None = None) -> bool:
    """Write down what became of every refund of this order at Stripe; whether `wanted` was among them."""
    is_found = False
    rows = Refund.objects.filter(payment__order=order)
    founds = gateway.list_refunds(intent_id)
    for found in founds:
        number = int(found.row) if found.row.isascii() and found.row.isdecimal() and len(found.row) < 19 else 0
        owed = Q(is_mismatch=True, amount=major_units(found.amount, found.currency))  # perhaps paid by staff by hand
        row = (
            rows.filter(stripe_id=found.id).first()
            or rows.filter(Q(pk=number) | owed, stripe_id=None).first()
            or _adopt(order, found)
        )
        if row:
            _note(row, found)
            is_found = is_found or row == wanted
    if not order.is_paid:
        is_found = _settle_mismatch(order, founds) or is_found
    return is_found


def _settle_mismatch(order: Order, founds: list[answers.Refunded]) -> bool:
    """A charge that went back in full is done with, whoever gave it back, and in how many parts."""
    gone = [found for found in founds if found.status == "succeeded"]
    row = Refund.objects.filter(payment__order=order, is_mismatch=True).exclude(status=S.DONE).first()
    if row is None or not gone:
        return False
    if sum(major_units(found.amount, found.currency) for found in gone) < row.amount:
        return False
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())
        open_rows = Refund.objects.filter(pk=row.pk).exclude(status=S.DONE)
        if open_rows.update(status=S.DONE, stripe_id=gone[-1].id, message=""):
            order.record(OrderEvent.Kind.REFUNDED, by=STRIPE, text=row)
            mails.queue(order, Mail.Kind.REFUNDED, about=str(row.pk))
    return True


def try_again(row: Refund, by: str) -> bool:
    """Staff ask once more for a mismatch's refund that failed; False if it is not one. GatewayError: again later."""
    failed = Refund.objects.filter(pk=row.pk, is_mismatch=True, status=S.FAILED)
    if not failed.update(status=S.REQUESTED, key=uuid.uuid4(), stripe_id=None, asked_at=None, message=""):
        return False
    row.payment.order.record(OrderEvent.Kind.REFUNDING, by=by, text=row)
    finish(row)
    return True


def _note(row: Refund, found: answers.Refunded) -> None:
    """Stripe's word on a refund becomes ours, with all that follows, in one transaction."""
    status, before = _STATES.get(found.status, ("", []))
    order = row.payment.order
    with transaction.atomic():
        Order.objects.filter(pk=order.pk).update(updated=timezone.now())  # orders are written before all else
        changed = Refund.objects.filter(pk=row.pk, status__in=before)
        if not changed.update(status=status, stripe_id=found.id, message=found.reason[:250]):
            return
        if status == S.FAILED:
            _give_up(row, found.reason)
        else:
            _put_back(row)
        if status == S.DONE:
            order.record(OrderEvent.Kind.REFUNDED, by=row.by, text=row)
            mails.queue(order, Mail.Kind.REFUNDED, about=str(row.pk))
            _close(order)


def _put_back(row: Refund) -> None:
    """The units this refund brings back go on the shelf, once."""
    if row.restock and Refund.objects.filter(pk=row.pk, is_restocked=False).update(is_restocked=True):
        number, back = row.payment.order.order_id, {}
        for item in row.payment.order.items.filter(pk__in=row.restock).order_by("product_id"):
            back[str(item.pk)] = item.product.give_back(number, row.restock[str(item.pk)])
        Refund.objects.filter(pk=row.pk).update(restock=back)  # a stock that nobody counts any more takes none


def _close(order: Order) -> None:
    """Refunded in full is a state of its own."""
    done = Refund.objects.filter(payment__order=order, status=S.DONE, is_mismatch=False)
    if sum((row.amount for row in done), Decimal(0)) == order.total:
        paid = Order.objects.filter(pk=order.pk, status__in=[Order.Status.PAID, Order.Status.SHIPPED])
        paid.update(status=Order.Status.REFUNDED)


def _fail(row: Refund, text: str) -> None:
    """Stripe will not make this refund."""
    with transaction.atomic():
        Order.objects.filter(pk=row.payment.order_id).update(updated=timezone.now())
        if Refund.objects.filter(pk=row.pk, status=S.REQUESTED).update(status=S.FAILED, message=text[:250]):
            _give_up(row, text)


def _give_up(row: Refund, text: str) -> None:
    """The money did not go back: the order is as it was, and people must look."""
    order = row.payment.order
    if not row.is_mismatch:
        order.refresh_from_db()  # the caller holds its row
        Order.objects.filter(pk=order.pk).update(amount_refunded=order.amount_refunded - row.amount)
        before = Order.Status.SHIPPED if order.shipped_at else Order.Status.PAID
        Order.objects.filter(pk=order.pk, status=Order.Status.REFUNDED).update(status=before)
    order.record(OrderEvent.Kind.REFUND_FAILED, by=row.by, text=text)
    words = gettext_lazy("Refund no. %(number)s failed: %(text)s")
    alarm(order, words, number=row.pk, text=text)


def _adopt(order: Order, found: answers.Refunded) -> Refund | None:
    """A refund made in Stripe's dashboard gets its row here; None if there is nothing to write down (yet)."""
    if _STATES.get(found.status, (S.FAILED, []))[0] == S.FAILED:
        return None
    amount = major_units(found.amount, found.currency)
    payment = order.payments.filter(status=Payment.Status.SUCCEEDED).first()
    try:
        with transaction.atomic():
            Order.objects.filter(pk=order.pk).update(updated=timezone.now())
            order.refresh_from_db()
            together = order.amount_refunded + amount
            if payment is None or not order.is_paid or order.currency != found.currency or together > order.total:
                return None  # perhaps one of our own is about to be refused; after that there is room
            Order.objects.filter(pk=order.pk).update(amount_refunded=together)
            row = Refund.objects.create(
                payment=payment, amount=amount, currency=found.currency, stripe_id=found.id, by=STRIPE
            )
            order.record(OrderEvent.Kind.REFUNDING, by=STRIPE, text=row)
            return row
    except IntegrityError:  # another process wrote it down a moment ago, and goes on with it
        return None


# --- M, a charge that no order wanted ---


def owe(order: Order, payment: Payment, amount: Decimal, currency: str, text: str) -> Refund | None:
    """Write down that a charge must go back in full; in the caller's transaction. None if it is known already."""
    if Refund.objects.filter(payment=payment, is_mismatch=True).exists():
        return None
    row = Refund.objects.create(
        payment=payment, amount=amount, currency=currency, reason=text[:120], is_mismatch=True, by="shop"
    )
    order.record(OrderEvent.Kind.MISMATCH, by="shop", text=text)
    alarm(order, text)
    return row
