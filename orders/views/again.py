"""The view behind "Order again"."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from carts.models import Cart
from carts.models.capacity import CartFull
from core.http import private
from orders.models import Order
from orders.views.order import own_order
from products.models import Product


@private
@require_POST
def order_again(request: HttpRequest, order_id: str) -> HttpResponse:
    """Put the products of the visitor's order into the cart again, at today's prices, and show the cart.

    A product counts at most as often as it was ordered, so a second press adds nothing. Products that are not on sale,
    sold out or do not fit are named.
    """
    order = own_order(request, order_id)
    added, missing = _add_lines(request, order)
    if added:
        text = ngettext("%(count)d product is in your cart again.", "%(count)d products are in your cart again.", added)
        messages.success(request, text % {"count": added})
    for title in missing:
        messages.warning(request, _("%(title)s is not available now.") % {"title": title})
    return redirect("carts:home")


@transaction.atomic
def _add_lines(request: HttpRequest, order: Order) -> tuple[int, list[str]]:
    """Return how many products of the order are in the cart now, and the titles of the others."""
    lines = list(order.items.order_by("pk"))
    products = Product.objects.active().available().in_bulk([line.product_id for line in lines])
    missing = [line.title for line in lines if line.product_id not in products]
    wanted = [line for line in lines if line.product_id in products]
    if not wanted:
        return 0, missing
    cart, _is_new = Cart.objects.get_or_create_from_request(request, lock=True)
    Cart.objects.remember(request, cart)
    held = {line.product_id: line.quantity for line in cart.lines()}
    added = 0
    for line in wanted:
        try:
            quantity = max(line.quantity, held.get(line.product_id, 0))
            added += bool(cart.set_quantity(products[line.product_id], quantity))
        except CartFull:
            missing.append(line.title)
    return added, missing
