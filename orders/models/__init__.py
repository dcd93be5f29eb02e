"""Orders and what belongs to them: lines, payments, refunds, history and emails."""

from orders.models.history import Mail, OrderEvent
from orders.models.item import OrderItem
from orders.models.order import Order
from orders.models.payment import Payment
from orders.models.refund import Refund

__all__ = ["Mail", "Order", "OrderEvent", "OrderItem", "Payment", "Refund"]
