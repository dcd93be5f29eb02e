"""Orders and what belongs to them: lines, payments, refunds, disputes, withdrawals, history and emails."""

from orders.customers.notes import CustomerNote
from orders.models.dispute import Dispute
from orders.models.history import Mail, OrderEvent
from orders.models.item import OrderItem
from orders.models.mails import OrderLinkMail, WithdrawalMail
from orders.models.order import Order
from orders.models.payment import Payment
from orders.models.refund import Refund
from orders.models.withdrawal import Withdrawal
from orders.search.words import OrderWords

__all__ = [
    "CustomerNote", "Dispute", "Mail", "Order", "OrderEvent", "OrderItem", "OrderLinkMail", "OrderWords", "Payment",
    "Refund", "Withdrawal", "WithdrawalMail",
]  # fmt: skip
