"""Step M: refunds of unexpected charges."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.utils import translation

from orders.models import Order, OrderEvent, Payment, Refund
from orders.workflow.alerts import alert_staff
from orders.workflow.refunds.settlement import finish_refund


def create_mismatch_refund(
    order: Order, payment: Payment, amount: Decimal, currency: str, text: object
) -> Refund | None:
    """Create a full refund of a mismatched charge in the caller's transaction, and return it.

    Return None if the refund is already stored.
    """
    if Refund.objects.filter(payment=payment, is_mismatch=True).exists():
        return None
    with translation.override(settings.LANGUAGE_CODE):
        reason = str(text)[:120]
    row = Refund.objects.create(
        payment=payment, amount=amount, currency=currency, reason=reason, is_mismatch=True, by="shop"
    )
    order.record(OrderEvent.Kind.MISMATCH, by="shop", text=text, language=settings.LANGUAGE_CODE)
    alert_staff(order, text)
    return row


def retry_mismatch_refund(row: Refund, by: str) -> bool:
    """Retry a failed mismatch refund at the request of staff. Return False if `row` is not a failed mismatch refund.

    Raise GatewayError if the outcome is unknown; reconcile then tries again.
    """
    failed = Refund.objects.filter(pk=row.pk, is_mismatch=True, status=Refund.Status.FAILED)
    if not failed.update(status=Refund.Status.REQUESTED, key=uuid.uuid4(), stripe_id=None, asked_at=None, message=""):
        return False
    row.payment.order.record(OrderEvent.Kind.REFUNDING, by=by, text=row)
    finish_refund(row)
    return True
