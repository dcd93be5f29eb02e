"""What can follow a charge: disputes, and refunds made here or in Stripe's dashboard."""

from typing import Any

from django.db.models import Exists, OuterRef

from billing.answers import Intent
from core.database.prepared import PreparedQuery
from orders.models import Dispute, Order, Refund
from orders.workflow import disputes, refunds

KNOWN: PreparedQuery[Any] = PreparedQuery(
    lambda order: Order.objects.filter(pk=order).values(
        has_refunds=Exists(Refund.objects.filter(payment__order=OuterRef("pk"))),
        has_disputes=Exists(Dispute.objects.open().filter(order=OuterRef("pk"))),
    ),
    order=int,
)


def record_follow_ups(order: Order, intent: Intent) -> bool:
    """Record the disputes and refunds that Stripe knows, or that we know to be unfinished. Return whether there are."""
    known = KNOWN.get(order=order.pk)
    has_disputes, has_refunds = intent.is_disputed or known["has_disputes"], intent.refunded or known["has_refunds"]
    if has_disputes:
        disputes.settle_disputes(order, intent.id)
    if has_refunds:
        refunds.settle_refunds(order, intent.id)
    return bool(has_disputes or has_refunds)
