"""Erasure of a person's data. This is the only way to delete a user, a guest, or what the shop knows about them."""

from orders.workflow.erasure.erase import (
    ErasureRejected,
    OrdersInProgress,
    delete_account,
    erase_late_rows,
    erase_person,
    get_orders_in_progress,
    profiles_with_customer_to_delete,
    profiles_with_late_rows,
)
from orders.workflow.erasure.orders import erase_order
from orders.workflow.erasure.person import (
    Person,
    person_of_guest_email,
    person_of_order,
    person_of_profile,
    user_of_profile,
)  # fmt: skip
from orders.workflow.erasure.preview import preview
from orders.workflow.erasure.texts import RETAINED

__all__ = [
    "RETAINED", "ErasureRejected", "OrdersInProgress", "Person", "delete_account", "erase_late_rows", "erase_order",
    "erase_person", "get_orders_in_progress", "person_of_guest_email", "person_of_order", "person_of_profile",
    "preview", "profiles_with_customer_to_delete", "profiles_with_late_rows", "user_of_profile",
]  # fmt: skip
