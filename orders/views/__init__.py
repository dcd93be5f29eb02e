"""Pages of the orders app."""

from orders.views.order import order_detail, order_list, order_status
from orders.views.payment import order_cancel, order_card, order_card_setup, order_pay

__all__ = [
    "order_cancel",
    "order_card",
    "order_card_setup",
    "order_detail",
    "order_list",
    "order_pay",
    "order_status",
]
