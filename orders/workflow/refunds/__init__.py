"""Steps R and M: refunds requested by staff, made in Stripe's dashboard, or due for an unexpected charge.

A refund row is stored before Stripe is called.
"""

from orders.workflow.refunds.mismatch import create_mismatch_refund, retry_mismatch_refund
from orders.workflow.refunds.requests import RefundRejected, RefundRequest, request_refund, restockable_units
from orders.workflow.refunds.settlement import STRIPE, finish_refund, refund, settle_refunds

__all__ = [
    "STRIPE",
    "RefundRejected",
    "RefundRequest",
    "create_mismatch_refund",
    "finish_refund",
    "refund",
    "request_refund",
    "restockable_units",
    "retry_mismatch_refund",
    "settle_refunds",
]
