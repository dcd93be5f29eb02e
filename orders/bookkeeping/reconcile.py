"""Background work that completes what killed processes, lost responses and absent shoppers left unfinished.

It is safe to run several processes in parallel.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

import accounts.emails
import billing.abuse.emails
import core.contact.sending
from billing import answers, cards
from billing.models import BillingProfile, Card, CardAttempt, StripeEvent
from billing.stripe_calls import time_limits
from orders.bookkeeping import discount_usage, runs, stripe_ledger
from orders.bookkeeping.audit import audit
from orders.bookkeeping.audits.findings import AuditFinding, without_busy_orders
from orders.emails import order_links, queue, sending, withdrawals
from orders.models import Order, OrderWords, Payment, Refund, Withdrawal, holds
from orders.workflow import cancellation, order_cards, payments, refunds
from orders.workflow.alerts import alert_staff
from orders.workflow.claims import has_earlier_orders
from orders.workflow.erasure import (
    erase_late_rows,
    erase_order,
    profiles_with_customer_to_delete,
    profiles_with_late_rows,
)
from orders.workflow.withdrawals import matching

logger = logging.getLogger(__name__)
SETTLE_AFTER = timedelta(minutes=2)  # a shopper's own request might still be running
LEDGER_PERIOD = timedelta(days=3)  # how far back intents are compared; Stripe retries webhooks for the same period
MAX_ALERTS = 20
RECONCILE = "reconcile"  # the name of its runs
MAX_CUSTOMERS = 100  # in one round, so that a long list of outdated customers delays no other work for long
Row = TypeVar("Row")


def reconcile() -> dict[str, int]:
    """Run one round of all pending work and return how many items of each kind were done.

    A round settles attempts, expires unpaid orders, finishes cancellations and refunds, processes events, sends email,
    removes cards and customers at Stripe and updates the email addresses of customers, and erases personal data. Email
    is sent first, because Stripe may not answer, and again at the end, because the steps queue more. Within a run, the
    steps end when its time is over.
    """
    old = timezone.now() - SETTLE_AFTER
    attempts = Payment.objects.filter(status__in=Payment.OPEN, timestamp__lt=old).values("order")
    asked = Refund.objects.filter(status=Refund.Status.REQUESTED, timestamp__lt=old)
    canceling = Order.objects.filter(status=Order.Status.CANCELING)
    outdated = BillingProfile.objects.with_outdated_customer().order_by("-pk")
    events = StripeEvent.objects.filter(processed=None, received__lt=old)
    steps: dict[str, Callable[[], int]] = {  # those that need no Stripe come first
        "holds limited": lambda: _each(Order.objects.to_check_holds(old), holds.limit_hold),
        "withdrawals matched": lambda: _each(Withdrawal.objects.to_match(), matching.match),
        "unsaved cards dropped": order_cards.drop_overdue_cards,
        "erasures finished": lambda: _each(profiles_with_late_rows(), erase_late_rows),
        "orders erased": lambda: _each(Order.objects.due_for_erasure(), erase_order),
        "orders indexed": OrderWords.objects.store_missing,
        "orders expired": lambda: _each(Order.objects.stale(), partial(cancellation.cancel, by=queue.EXPIRY)),
        "cancellations finished": lambda: _each(canceling, cancellation.finish_cancellation),
        "refunds finished": lambda: _each(asked.select_related("payment__order"), refunds.finish_refund),
        "events processed": lambda: _each(events, _process_event),
        # An attempt can stay open, so a list that is too long for one run begins somewhere else in the next one.
        "attempts settled": lambda: _each(Order.objects.filter(pk__in=attempts).order_by("?"), payments.settle),
        "unknown cards checked": lambda: _each(_attempts_to_check(), cards.detach_unknown_cards),
        "cards removed": lambda: _each(order_cards.due_to_detach(), cards.finish_removal),
        "customers updated": lambda: _each(outdated[:MAX_CUSTOMERS], BillingProfile.update_customer),
        "customers erased": lambda: _each(profiles_with_customer_to_delete(), cards.finish_erasure),
    }
    sent = send_emails()
    with time_limits.long_timeouts():
        done = runs.do_all(steps.items())
    return done | {"emails sent": sent + send_emails()}


def run_round() -> dict[str, int] | None:
    """Run one round as a run of its own. Return None if another one is at work."""
    with runs.begin(RECONCILE) as run:
        return reconcile() if run else None


def _attempts_to_check() -> QuerySet[CardAttempt]:
    """Return the attempts whose cards can be at Stripe only. A browser has an hour to return with its SetupIntent."""
    return CardAttempt.objects.to_check().filter(timestamp__lt=timezone.now() - Card.UNSAVED_FOR)


def send_emails() -> int:
    """Send the emails that are due: about orders, withdrawals, accounts and cards, and to the shop. Return how many."""
    of_accounts = accounts.emails.send_due_emails(has_earlier_orders)
    of_shoppers = withdrawals.send_due_emails() + order_links.send_due_emails() + core.contact.sending.send_due_emails()
    return sending.send_waiting() + of_shoppers + of_accounts + billing.abuse.emails.send_due_emails()


def compare_with_stripe(since: datetime | None = None) -> tuple[dict[str, int], list[AuditFinding]]:
    """Compare our rows with the Stripe ledger, repair what is safe to repair and alert staff to the rest.

    The comparison starts at `since`, or LEDGER_PERIOD ago. Return what was done, and the audit findings that remain.
    Raise GatewayError if Stripe does not answer.
    """
    began = timezone.now()
    since = since or began - LEDGER_PERIOD
    pending = Order.objects.filter(payments__refunds__status=Refund.Status.PENDING).distinct()
    disputed = Order.objects.disputed()
    with time_limits.long_timeouts():
        done = {"orders repaired": stripe_ledger.repair(since), "refunds checked": _each(pending, payments.settle)}
        done |= {"disputes checked": _each(disputed, payments.settle)}
        done |= {"discount codes recounted": _each(discount_usage.miscounted_codes(), discount_usage.recount)}
        left = without_busy_orders(audit(stripe_since=since), began)
    return done | {"alerts raised": _send_alerts(left)}, left


def _send_alerts(findings: list[AuditFinding]) -> int:
    """Alert staff to each order with a finding. Return the number of alerts.

    If very many orders have findings, the cause is not in the orders, so a single alert says so.
    """
    orders = {finding.order: str(finding) for finding in findings if finding.order}
    if len(orders) > MAX_ALERTS:
        text = _("Too many orders differ from the Stripe ledger. The API key might be wrong. Run: manage.py audit")
        orders = {min(orders, key=lambda order: order.pk): text}
    return sum(alert_staff(order, text) for order, text in orders.items())


def _process_event(event: StripeEvent) -> None:
    """Process an event whose webhook request failed because our server or Stripe was unavailable."""
    payments.settle_on_event(StripeEvent, intent_id=event.object_id, type=event.type)
    StripeEvent.objects.filter(pk=event.pk).update(processed=timezone.now(), error="")


def _each(rows: Iterable[Row], work: Callable[[Row], object]) -> int:
    """Call `work` for each row while there is time, even if it fails for some. Return how many had no error."""
    done = 0
    for row in runs.while_time(rows):
        try:
            work(row)
            done += 1
        except answers.GatewayError as error:
            logger.warning("%s is left for the next run: %s", _label(row), error)
        except Exception:  # One broken row must not block the others.
            logger.exception("%s is left for the next run", _label(row))
    return done


def _label(row: object) -> str:
    """Return the name of a row for logs. The text of some rows is an email address."""
    return f"order {row}" if isinstance(row, Order) else f"{type(row).__name__} {getattr(row, 'pk', '')}"
