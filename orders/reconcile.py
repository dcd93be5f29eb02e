"""Finishes what a killed process, a lost answer or an absent shopper left unfinished; safe in parallel with itself."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

import accounts.mails
from billing import answers, cards, gateway
from billing.models import BillingProfile, Card, CardAttempt, StripeEvent
from orders import books, cancelling, codes, mails, payments, refunds
from orders.alarms import alarm
from orders.audit import audit
from orders.findings import Finding, settled
from orders.forgetting import forget
from orders.models import Order, Payment, Refund

logger = logging.getLogger(__name__)
SETTLE_AFTER = timedelta(minutes=2)  # a shopper's own request may still be at it
BOOKS_OF = timedelta(days=3)  # how far back Stripe's intents are compared with ours; it repeats events so long
MOST_ALARMS = 20
Row = TypeVar("Row")


def reconcile() -> dict[str, int]:
    """Settle attempts, finish cancellations and refunds, expire the unpaid, send mails, forget; how many of each."""
    old = timezone.now() - SETTLE_AFTER
    attempts = Payment.objects.filter(status__in=Payment.OPEN, timestamp__lt=old).values("order")
    asked = Refund.objects.filter(status=Refund.Status.REQUESTED, timestamp__lt=old)
    canceling = Order.objects.filter(status=Order.Status.CANCELING)
    with gateway.patience():
        return {
            "attempts settled": _each(Order.objects.filter(pk__in=attempts), payments.settle),
            "orders expired": _each(Order.objects.stale(), lambda order: cancelling.cancel(order, by=mails.EXPIRY)),
            "cancellations finished": _each(canceling, cancelling.finish_cancel),
            "refunds finished": _each(asked.select_related("payment__order"), refunds.finish),
            "events processed": _each(StripeEvent.objects.filter(processed=None, received__lt=old), _work_on),
            "emails sent": send_mails(),
            "cards removed": _each(Card.objects.to_detach().select_related("billing_profile"), cards.finish_removal),
            "customers erased": _each(BillingProfile.objects.forgotten_here_alone(), cards.finish_forgetting),
            "orders anonymised": _each(Order.objects.to_forget(), forget),
        }


def send_mails() -> int:
    """Send the mails whose turn it is, about orders and about accounts; how many went out."""
    return mails.send_waiting() + accounts.mails.send_waiting()


def compare_books(since: datetime | None = None) -> tuple[dict[str, int], list[Finding]]:
    """Compare with Stripe's books (since a time, or of BOOKS_OF), mend what is safe to mend, tell staff of the rest.

    What was done, and what still differs.
    """
    began = timezone.now()
    since = since or began - BOOKS_OF
    pending = Order.objects.filter(payments__refunds__status=Refund.Status.PENDING).distinct()
    with gateway.patience():
        done = {"orders repaired": books.mend(since), "refunds checked": _each(pending, payments.settle)}
        done |= {"discount codes recounted": _each(codes.miscounted(), codes.recount)}
        left = settled(audit(stripe_since=since), began)
    CardAttempt.objects.forget_old()
    return done | {"alerts raised": _tell_staff(left)}, left


def _tell_staff(findings: list[Finding]) -> int:
    """Mark each order that differs; where very many do, it is no order's fault, and one mark says so."""
    orders = {finding.order: str(finding) for finding in findings if finding.order}
    if len(orders) > MOST_ALARMS:
        text = _("Very many orders differ from the Stripe ledger, perhaps because of a wrong key. Run: manage.py audit")
        orders = {min(orders, key=lambda order: order.pk): text}
    return sum(alarm(order, text) for order, text in orders.items())


def _work_on(event: StripeEvent) -> None:
    """An event whose delivery found us away or Stripe silent: look ourselves, as the webhook would have."""
    payments.settle_on_event(StripeEvent, intent_id=event.object_id)
    StripeEvent.objects.filter(pk=event.pk).update(processed=timezone.now(), error="")


def _each(rows: Iterable[Row], work: Callable[[Row], object]) -> int:
    """Do `work` for each row; one that fails stops no other. The number that went well."""
    done = 0
    for row in rows:
        try:
            work(row)
            done += 1
        except answers.GatewayError as error:
            logger.warning("%s is left for the next run: %s", row, error)
        except Exception:  # whatever is wrong with one, the others are looked after
            logger.exception("%s is left for the next run", row)
    return done
