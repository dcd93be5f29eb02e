"""Orders and what belongs to them: lines, payments, refunds, shipments, disputes, withdrawals, history and emails."""

from orders.customers.notes import CustomerNote
from orders.models.corrections import Correction, OrderNote
from orders.models.dispute import Dispute
from orders.models.history import Mail, OrderEvent
from orders.models.item import OrderItem
from orders.models.mails import OrderLinkMail, WithdrawalMail
from orders.models.order import Order
from orders.models.payment import Payment
from orders.models.refund import Refund
from orders.models.shipping import Carrier, Shipment
from orders.models.withdrawal import Withdrawal
from orders.search.words import OrderWords

__all__ = [
    "Carrier", "Correction", "CustomerNote", "Dispute", "Mail", "Order", "OrderEvent", "OrderItem", "OrderLinkMail",
    "OrderNote", "OrderWords", "Payment", "Refund", "Shipment", "Withdrawal", "WithdrawalMail",
]  # fmt: skip
