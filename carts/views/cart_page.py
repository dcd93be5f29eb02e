"""Handles the form of the cart page: each of its buttons stores everything that was typed."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _

from carts.forms import CartPageForm, CartUpdateForm, DeliveryForm, DiscountForm, TypedQuantity
from carts.models import Cart, CartItem
from carts.pricing import discount_codes
from carts.pricing.quotes import quote_cart
from carts.undo import undo_tags
from orders.views.unpaid_orders import UnpaidOrders
from products.models import Product

MAX_SHOWN_LENGTH = 80  # characters of a rejected input to show again; a discount code has at most 40


def submit_cart_page(request: HttpRequest) -> HttpResponse:
    """Store the quantities, the delivery options and the discount code that were typed.

    Go on to the checkout if its button was pressed and there is nothing to correct. Otherwise show the cart, with a
    message at each field that was not stored. The URL carries the rejected input, so that the fields still show it.
    """
    form = CartPageForm(request.POST, removed=request.GET.get("product_id", ""))
    rejected = _store_quantities(request, form)
    is_delivery_stored = _store_delivery(request, form)
    rejected |= _store_code(request, form)
    if form.is_checkout and is_delivery_stored and not rejected and _can_check_out(request):
        return redirect("carts:checkout")
    query = urlencode({name: text for name, text in rejected.items() if text})
    return redirect(resolve_url("carts:home") + (f"?{query}" if query else ""))


@transaction.atomic
def _store_quantities(request: HttpRequest, form: CartPageForm) -> dict[str, str]:
    """Store the changed quantities and remove the product of a Remove button. Return the rejected input by field."""
    cart = Cart.objects.from_request(request, lock=True)
    if cart is None:
        messages.error(request, _("Your cart is empty."))
        return {"cart": ""}
    lines = {line.product_id: line for line in cart.lines()}
    rejected = {"cart": ""} if _report_stale_page(request, form, lines) else {}
    for typed in form.quantities:
        line = lines.get(typed.product_id)
        is_typed = typed.is_changed and typed.product_id != form.removed
        if line and is_typed and not _store_quantity(request, cart, line, typed, form):
            rejected[typed.field_id] = _shown_again(typed.text)
    if line := lines.get(form.removed):
        cart.set_quantity(line.product, 0)
        report_quantity(request, line.product, 0, 0, before=line.quantity)
    Cart.objects.store(request, cart)
    return rejected


def _report_stale_page(request: HttpRequest, form: CartPageForm, lines: dict[int, CartItem]) -> bool:
    """Check whether the cart was changed in another tab since the page was shown. If so, show a message.

    A new quantity of a product matters only if it was not typed on this page too. Without the Checkout button, only
    typed quantities of products that are no longer in the cart matter.
    """
    shown = {typed.product_id: typed for typed in form.quantities}
    is_stale = any(typed.is_changed and pk not in lines for pk, typed in shown.items())
    if form.is_checkout:
        unchanged = {pk: typed.shown for pk, typed in shown.items() if not typed.is_changed}
        is_stale |= shown.keys() != lines.keys()
        is_stale |= any(pk in lines and str(lines[pk].quantity) != text for pk, text in unchanged.items())
    if is_stale:
        messages.warning(request, _("Your cart has changed. Please check it again."))
    return is_stale


def _store_quantity(request: HttpRequest, cart: Cart, line: CartItem, typed: TypedQuantity, form: CartPageForm) -> bool:
    """Set the quantity of the line. Return False, with a message, if it was rejected or the stock is too low."""
    update = CartUpdateForm({"product_id": typed.product_id, "action": CartUpdateForm.SET, "quantity": typed.text})
    if not update.is_valid():
        messages.error(request, update.first_error(), extra_tags=typed.field_id)
        return False
    wanted = update.cleaned_data["quantity"]
    if form.is_checkout and wanted == 0:
        messages.error(request, _("Choose a quantity of 1 or more."), extra_tags=typed.field_id)
        return False
    now = cart.set_quantity(line.product, wanted)
    report_quantity(request, line.product, wanted, now, before=line.quantity)
    return bool(now >= wanted)


def report_quantity(request: HttpRequest, product: Product, wanted: int, now: int, before: int) -> None:
    """Show a message with the new quantity in the cart, as a warning if it is less than requested.

    The message about a removed product has a button that restores the quantity `before`.
    """
    params = {"title": product.title, "count": now}
    if now == 0 == wanted:
        tags = undo_tags(product.pk, before) if before else ""
        messages.info(request, _("%(title)s is no longer in your cart.") % params, extra_tags=tags)
    elif now == 0:
        order = UnpaidOrders(request).reserving(product.pk) if product.is_sold_out else None
        text = _("%(title)s is reserved for your order %(number)s.") if order else _("%(title)s is sold out.")
        messages.warning(request, text % (params | {"number": order}))
    elif now < wanted:
        messages.warning(request, _("That is all we have in stock: your cart now has %(count)d × %(title)s.") % params)
    else:
        messages.success(request, _("Now in your cart: %(count)d × %(title)s.") % params)


def _store_delivery(request: HttpRequest, form: CartPageForm) -> bool:
    """Store the delivery options if they were changed. Return False, with a message, if they were rejected."""
    if not form.delivery:
        return True
    delivery, cart = DeliveryForm(form.delivery), Cart.objects.from_request(request)
    if not delivery.is_valid():
        messages.error(request, delivery.first_error(), extra_tags=delivery.first_error_field_id())
        return False
    if cart and (changes := delivery.cart_changes()):
        cart.store_choices(**changes)
    return True


def _store_code(request: HttpRequest, form: CartPageForm) -> dict[str, str]:
    """Apply the discount code that was typed, or remove the one in the cart. Return the rejected input."""
    cart = Cart.objects.from_request(request)
    if cart is None or not cart.items.exists():
        return {}
    if form.is_code_removed:
        discount_codes.remove_code(cart)
        messages.info(request, _("The discount code is no longer in your cart."))
        return {}
    return apply_code(request, cart) if form.code or form.is_code_applied else {}


def apply_code(request: HttpRequest, cart: Cart) -> dict[str, str]:
    """Apply the submitted discount code and show a message. Return the input if the code was rejected."""
    form = DiscountForm(request.POST)
    try:
        if not form.is_valid():
            raise discount_codes.CodeRejected(form.first_error())
        messages.success(request, discount_codes.apply_code(request, cart, form.cleaned_data["code"]))
    except discount_codes.CodeRejected as error:
        order = UnpaidOrders(request).using(request.POST.get("code", ""))
        own = _("Your unpaid order %(number)s uses this code.") % {"number": order} if order else ""
        messages.error(request, f"{error} {own}".strip(), extra_tags="discount-code")
        return {"code": _shown_again(request.POST.get("code", ""))}
    return {}


def _shown_again(text: str) -> str:
    """Return rejected input as it can be carried in a URL."""
    return text.replace("\x00", "")[:MAX_SHOWN_LENGTH]


def _can_check_out(request: HttpRequest) -> bool:
    """Check whether the cart, with what was typed, can be ordered."""
    cart = Cart.objects.from_request(request)
    quote = quote_cart(cart) if cart else None
    return quote is not None and bool(quote.lines) and not quote.problems and not quote.amount_problem
