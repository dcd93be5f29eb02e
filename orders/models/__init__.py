"""Orders and what belongs to them: lines, payments, refunds, disputes, history and emails."""

from orders.models.dispute import Dispute
from orders.models.history import Mail, OrderEvent
from orders.models.item import OrderItem
from orders.models.order import Order
from orders.models.payment import Payment
from orders.models.refund import Refund
from orders.models.words import OrderWords

__all__ = ["Dispute", "Mail", "Order", "OrderEvent", "OrderItem", "OrderWords", "Payment", "Refund"]
