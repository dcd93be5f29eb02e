"""Comparison of our orders with the Stripe ledger, in both directions, and repairs."""

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from billing import answers, gateway
from core.money import minor_units
from orders.bookkeeping.audits.disputes import compare_disputes, lost_in, lost_units
from orders.bookkeeping.audits.findings import AuditFinding, order_finding
from orders.models import Order, Refund
from orders.workflow import disputes, payments

logger = logging.getLogger(__name__)
DAY = timedelta(days=1)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CHUNK = 500


def compare(since: datetime | None = None) -> list[AuditFinding]:
    """Return findings where our orders (since a time, or all) and Stripe's intents contradict each other.

    Raise GatewayError if Stripe does not answer.
    """
    placed = Order.objects.placed().exclude(payment_intent_id=None)
    first = placed.order_by("placed_at").values_list("placed_at", flat=True).first()
    since = since or (first or timezone.now()) - DAY
    intents = gateway.list_intents(since)
    orders = _orders_of(intents)
    found = [finding for intent in intents for finding in _check_intent(intent, orders.get(intent.order_uuid))]
    found.extend(_check_known(placed.filter(placed_at__gte=since + DAY).iterator(), intents))
    found.extend(compare_disputes(gateway.list_disputes_since(since)))
    return found


def _orders_of(intents: list[answers.Intent]) -> dict[str, Order]:
    """Return the orders that the intents' metadata names, by order UUID, with their refunds and disputes."""
    names = sorted({intent.order_uuid for intent in intents if UUID.fullmatch(intent.order_uuid)})
    found: dict[str, Order] = {}
    for start in range(0, len(names), CHUNK):
        orders = Order.objects.placed().filter(uuid__in=names[start : start + CHUNK])
        found |= {str(order.uuid): order for order in orders.prefetch_related("payments__refunds", "disputes")}
    return found


def _check_known(orders: Iterable[Order], intents: list[answers.Intent]) -> Iterator[AuditFinding]:
    """Check I2: the payment of each order is one of Stripe's intents."""
    known = {intent.id for intent in intents}
    for order in orders:
        if order.payment_intent_id not in known:
            yield order_finding(order, "I2", f"has the payment {order.payment_intent_id}, which Stripe does not know")


def _check_intent(intent: answers.Intent, order: Order | None) -> Iterator[AuditFinding]:
    """Yield the contradictions between an intent and its order. Ignore intents of other shops."""
    if order is None:
        yield from _check_lost(intent)
    elif order.payment_intent_id == intent.id:
        yield from _check_amount(intent, order)
        yield from _check_status(intent, order)
        yield from _check_refunds(intent, order)
    elif intent.is_live:
        yield order_finding(order, "I8", f"has a second payment at Stripe, {intent.id}, that could still be charged")
    elif intent.received > intent.refunded:
        yield order_finding(order, "I1", f"was charged a second time, by {intent.id}")


def _check_lost(intent: answers.Intent) -> Iterator[AuditFinding]:
    """Check I3 for an intent of this shop whose order does not exist, because an older database was restored.

    Money that a bank holds for a dispute cannot be refunded.
    """
    charged = intent.received - intent.refunded
    if intent.shop == settings.SITE_URL and charged > 0 and not intent.is_disputed:
        text = f"is not in the database, but Stripe charged {charged} {intent.currency} (minor units), by {intent.id}"
        yield AuditFinding("I3", f"order {intent.order_id}", text)


def _check_amount(intent: answers.Intent, order: Order) -> Iterator[AuditFinding]:
    """Check I7: the intent has the frozen total. Skip canceled orders, which can no longer be charged."""
    wanted = (minor_units(order.total, order.currency), order.currency)
    if (intent.amount, intent.currency) != wanted and order.status != Order.Status.CANCELED:
        text = f"is for {order.total} {order.currency}, at Stripe for {intent.amount} {intent.currency} (minor units)"
        yield order_finding(order, "I7", text)


def _check_status(intent: answers.Intent, order: Order) -> Iterator[AuditFinding]:
    """Check I2, I3 and I8: an order is paid both here and at Stripe or in neither, and never charged once canceled."""
    has_succeeded = intent.status == "succeeded"
    if order.is_paid and not has_succeeded:
        yield order_finding(order, "I2", f"is {order.status} here, and {intent.status} at Stripe")
    returned = intent.refunded + lost_units(order, intent.currency)
    if has_succeeded and not order.is_paid and returned < intent.received:
        yield order_finding(order, "I2", f"is {order.status} here, and was charged at Stripe")
    if order.status == Order.Status.CANCELED and intent.is_live:
        yield order_finding(order, "I8", "is canceled here, but could still be charged at Stripe")


def _check_refunds(intent: answers.Intent, order: Order) -> Iterator[AuditFinding]:
    """Check I10: the same amount was refunded here and at Stripe.

    Skip orders with a requested refund, which Stripe might not have yet.
    """
    rows = [row for payment in order.payments.all() for row in payment.refunds.all()]
    if any(row.status == Refund.Status.REQUESTED for row in rows):
        return
    refunded = sum((row.amount for row in rows if row.status != Refund.Status.FAILED), Decimal(0))
    failed = sum((row.amount for row in rows if row.status == Refund.Status.FAILED and row.stripe_id), Decimal(0))
    # Stripe does not say whether a charge still counts a refund that failed later. A mismatch refund is of the whole
    # charge, but Stripe refunds only what was not lost in disputes.
    lost = Decimal(0) if order.is_paid else lost_in(order, intent.currency)
    expected = (refunded, refunded + failed, refunded - lost)
    if intent.refunded not in [minor_units(amount, intent.currency) for amount in expected]:
        yield order_finding(order, "I10", f"refunded {refunded} here, and {intent.refunded} (minor units) at Stripe")


# --- repairs by reconcile ---


def repair(since: datetime) -> int:
    """Adopt or cancel intents that their order never stored, and settle orders that differ at Stripe.

    Return the number of repaired orders.
    """
    repaired = sum(_repair_disputes(order) for order in _orders_with_new_disputes(since))
    for intent, order in _find_contradictions(gateway.list_intents(since)):
        try:
            repaired += _repair(intent, order)
        except answers.GatewayError as error:
            logger.warning("order %s is left for the next run: %s", order, error)
    return repaired


def _find_contradictions(intents: list[answers.Intent]) -> Iterator[tuple[answers.Intent, Order]]:
    """Yield the intents that contradict their order, each with its order."""
    orders = _orders_of(intents)
    for intent in intents:
        order = orders.get(intent.order_uuid)
        if order and any(_check_intent(intent, order)):
            yield intent, order


def _orders_with_new_disputes(since: datetime) -> list[Order]:
    """Return the orders whose disputes at Stripe differ from ours, each once."""
    findings = compare_disputes(gateway.list_disputes_since(since))
    return list({finding.order: None for finding in findings if finding.order})


def _repair_disputes(order: Order) -> bool:
    try:
        disputes.settle_disputes(order, str(order.payment_intent_id))
    except answers.GatewayError as error:
        logger.warning("order %s is left for the next run: %s", order, error)
        return False
    return True


def _repair(intent: answers.Intent, order: Order) -> bool:
    order.refresh_from_db()
    if order.payment_intent_id == intent.id:
        if order.status == Order.Status.CANCELED and intent.is_live:
            gateway.cancel_intent(intent.id)
        payments.settle(order)
        return True
    # Only a stored intent is confirmed, so this one never was. An order that still has no intent can adopt it.
    free = Order.objects.filter(pk=order.pk, status=Order.Status.PLACED, payment_intent_id=None)
    if not intent.is_live or (_is_usable(intent, order) and free.update(payment_intent_id=intent.id)):
        return intent.is_live
    order.refresh_from_db()
    if order.payment_intent_id != intent.id:  # Otherwise the shopper's request has just stored it.
        gateway.cancel_intent(intent.id)
    return True


def _is_usable(intent: answers.Intent, order: Order) -> bool:
    """Return whether this intent is what the order would create: another one must not be confirmed."""
    found = (intent.order_id, intent.customer, intent.amount, intent.currency)
    customer_id = order.billing_profile.customer_id
    return found == (order.order_id, customer_id, minor_units(order.total, order.currency), order.currency)
