"""Renders the pages that show the lines of the cart: the cart page and the steps of the checkout."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from orders.workflow.release import restored_messages


def render_lines(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page with the `cart` and the `quote` of the context.

    The first such page after the lines of a canceled order came back says so, whichever page it is. Otherwise, the
    payment step would contain items that the shopper did not expect. It also names the products that staff deleted,
    and says how many lines did not fit into the cart.
    """
    cart = context["cart"]
    is_shown = cart and request.method == "GET"
    restored = cart.restored_orders.split() if is_shown else []
    for message in restored_messages(request, restored) if restored and context["quote"].lines else []:
        messages.info(request, message)
    for title in cart.removed_titles() if is_shown else []:
        text = _("%(title)s is no longer sold and has been removed from your cart.")
        messages.warning(request, text % {"title": title})
    if is_shown and (left_out := cart.take_left_out()):
        messages.warning(request, left_out)
    response = render(request, template, context)
    if cart:
        cart.remove_restored_orders(restored)  # now that the page names them
    if is_shown:
        cart.forget_removed_products()
    return response
