"""Pages of the carts app."""

from carts.views.cart import cart_delivery, cart_discount, cart_home, cart_update
from carts.views.checkout_steps import checkout
from carts.views.success import cart_success

__all__ = ["cart_delivery", "cart_discount", "cart_home", "cart_success", "cart_update", "checkout"]
