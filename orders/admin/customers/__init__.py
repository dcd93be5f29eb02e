"""Admin for customers, and for notes about them."""

from orders.admin.customers.customer import CustomerAdmin
from orders.admin.customers.note import CustomerNoteAdmin

__all__ = ["CustomerAdmin", "CustomerNoteAdmin"]
