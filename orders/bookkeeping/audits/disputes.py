"""Checks of the disputes: our own rows for the audit, and both sides for the comparison with the Stripe ledger."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from billing import answers
from core.money import minor_units
from orders.bookkeeping.audits.findings import AuditFinding, order_finding
from orders.models import Dispute, Order, Refund

CHUNK = 500


def lost_disputes() -> Iterator[AuditFinding]:
    """Check I10: the lost amount is the sum of the lost disputes, and with the refunds it is at most the total."""
    with_loss = Order.objects.placed().filter(pk__in=Dispute.objects.lost().values("order"))
    counting = Order.objects.placed().exclude(amount_lost=0)
    for order in (with_loss | counting).prefetch_related("disputes", "payments__refunds"):
        lost = lost_in(order, order.currency)
        if order.amount_lost != lost:
            yield order_finding(
                order, "I10", f"counts {order.amount_lost} as lost in disputes, but its lost disputes add up to {lost}"
            )
        refunded = sum(
            (row.amount for row in _refunds(order) if row.status != Refund.Status.FAILED and not row.is_mismatch),
            Decimal(0),
        )
        if order.is_paid and refunded + lost > order.total:
            yield order_finding(
                order, "I10", f"refunded {refunded} and lost {lost} in disputes, more than its total of {order.total}"
            )


def _refunds(order: Order) -> list[Refund]:
    return [row for payment in order.payments.all() for row in payment.refunds.all()]


def lost_in(order: Order, currency: str) -> Decimal:
    """Return the amount that the order lost in disputes in this currency. The disputes should be prefetched."""
    rows = order.disputes.all()
    return sum((row.amount for row in rows if row.is_lost and row.currency == currency), Decimal(0))


def lost_units(order: Order, currency: str) -> int:
    """Return the amount that the order lost in disputes in this currency, in minor units."""
    return minor_units(lost_in(order, currency), currency)


def compare_disputes(found: Iterable[answers.DisputeResult]) -> Iterator[AuditFinding]:
    """Check I10: every dispute at Stripe of one of our orders has a row with the same state. Ignore other shops."""
    results = {result.id: result for result in found if result.intent_id}
    intents = sorted({result.intent_id for result in results.values()})
    orders: dict[str, Order] = {}
    for start in range(0, len(intents), CHUNK):
        rows = Order.objects.placed().filter(payment_intent_id__in=intents[start : start + CHUNK])
        orders |= {str(order.payment_intent_id): order for order in rows.prefetch_related("disputes")}
    for result in results.values():
        if order := orders.get(result.intent_id):
            yield from _compare(order, result)


def _compare(order: Order, result: answers.DisputeResult) -> Iterator[AuditFinding]:
    row = next((row for row in order.disputes.all() if row.stripe_id == result.id), None)
    if row is None:
        yield order_finding(order, "I10", f"has the dispute {result.id} at Stripe, which is not stored here")
    elif (row.status, minor_units(row.amount, row.currency)) != (result.status, result.amount):
        text = f"has the dispute {result.id}, which is {row.status} here and {result.status} at Stripe"
        yield order_finding(order, "I10", f"{text} ({row.amount} here, {result.amount} in minor units at Stripe)")
