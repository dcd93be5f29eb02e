"""Steps R and M: refunds requested by staff, made in Stripe's dashboard, or due for an unexpected charge.

A refund row is stored before Stripe is called.
"""

from orders.workflow.refunds.mismatch import create_mismatch_refund, retry_mismatch_refund
from orders.workflow.refunds.requests import (
    SHIPPED_MEANWHILE,
    RefundRejected,
    RefundRequest,
    outdated_message,
    refundable_delivery,
    request_refund,
)
from orders.workflow.refunds.restocking import (
    RestockRejected,
    restock,
    restockable_units,
    restocked_text,
    returnable_units,
    unshipped_units,
)
from orders.workflow.refunds.settlement import STRIPE, finish_refund, refund, settle_refunds

__all__ = [
    "SHIPPED_MEANWHILE",
    "STRIPE",
    "RefundRejected",
    "RefundRequest",
    "RestockRejected",
    "create_mismatch_refund",
    "finish_refund",
    "outdated_message",
    "refund",
    "refundable_delivery",
    "request_refund",
    "restock",
    "restockable_units",
    "restocked_text",
    "retry_mismatch_refund",
    "returnable_units",
    "settle_refunds",
    "unshipped_units",
]
