"""What differs between visitors on shared pages. Templates use it with the tags `value` and `part`."""

from django.http import HttpRequest

from carts.models import Cart
from core.page_cache.placeholders import Argument, register_snippet, register_value
from orders.models import Order


def is_signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def has_orders(request: HttpRequest, **arguments: Argument) -> bool:
    """Return whether orders were placed in this session. Only these are named on other pages while they are unpaid."""
    return bool(Order.objects.numbers_in_session(request))


def is_in_cart_or_has_orders(request: HttpRequest, product_id: int, **arguments: Argument) -> bool:
    return Cart.objects.quantity_of(product_id, request) > 0 or has_orders(request)


def register() -> None:
    """Register the value and the snippets of all shared pages."""
    register_value("item_count", Cart.objects.item_count)
    register_snippet("accounts/snippets/account_links.html", is_signed_in)
    register_snippet("orders/snippets/unpaid_notice.html", has_orders)
    register_snippet("orders/snippets/sold_out.html", has_orders)
    register_snippet("orders/snippets/sold_out_option.html", has_orders)
    register_snippet("carts/snippets/cart_update.html", is_in_cart_or_has_orders)
