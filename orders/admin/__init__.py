"""Admin for orders."""

from orders.admin.email import MailAdmin
from orders.admin.order import OrderAdmin
from orders.admin.refund import RefundAdmin

__all__ = ["MailAdmin", "OrderAdmin", "RefundAdmin"]
