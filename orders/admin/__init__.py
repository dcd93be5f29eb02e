"""Admin for orders."""

from orders.admin.dispute import DisputeAdmin
from orders.admin.email import MailAdmin
from orders.admin.order import OrderAdmin
from orders.admin.refund import RefundAdmin

__all__ = ["DisputeAdmin", "MailAdmin", "OrderAdmin", "RefundAdmin"]
