"""Queryset for orders. Only this module accesses `order_ids` and `order_links` in the session."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

ORDERS_KEY = "order_ids"
LINKS_KEY = "order_links"
REMEMBERED = 20
