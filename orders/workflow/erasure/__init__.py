"""Erasure of a person's data. This is the only way to delete a user, a guest, or what the shop knows about them."""

from orders.workflow.erasure.erase import (
    ErasureRejected,
    OrdersInProgress,
    delete_account,
    erase_person,
    finish_erasures,
    get_orders_in_progress,
    profiles_with_customer_to_delete,
)
from orders.workflow.erasure.orders import erase_order

__all__ = [
    "ErasureRejected", "OrdersInProgress", "delete_account", "erase_order", "erase_person", "finish_erasures",
    "get_orders_in_progress", "profiles_with_customer_to_delete",
]  # fmt: skip
