"""Views for the cart, its delivery estimate and its discount code."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from addresses.countries import country_choices
from carts.forms import CartUpdateForm, DeliveryForm, DiscountForm
from carts.models import Cart
from carts.pricing import discount_codes
from carts.pricing.quotes import Quote, quote, quote_cart
from carts.pricing.rules import PricingRules
from core.http import next_url, private, same_origin_or_csrf
from orders.views.unpaid_orders import UnpaidOrders
from orders.workflow.release import restored_messages
from products.models import Product

MAX_SHOWN_CODE_LENGTH = 80  # characters of a rejected discount code to show again; a code has at most 40


@private
@require_safe
def cart_home(request: HttpRequest) -> HttpResponse:
    """Show the cart with all costs, including delivery and tax, before asking for personal data."""
    cart = Cart.objects.from_request(request)
    lines = cart.lines() if cart else []
    if cart:
        Cart.objects.remember(request, cart)
    Cart.objects.store_item_count(request, sum(line.quantity for line in lines))
    cart_quote = quote_cart(cart, lines) if cart else quote(lines)
    restored = cart.restored_orders.split() if cart and request.method == "GET" else []
    for message in restored_messages(restored) if restored and lines else []:
        messages.info(request, message)
    response = render(
        request, "carts/cart_home.html", {"cart": cart, "quote": cart_quote} | (_estimate(cart_quote) if lines else {})
    )
    if cart:
        cart.remove_restored_orders(restored)  # now that the page names them
    return response


def _estimate(cart_quote: Quote) -> dict[str, object]:
    """Return the countries to choose from, and the regions of the chosen country that have a separate tax rate."""
    rules = PricingRules.cached()
    served = rules.countries()
    countries = [
        (code, name)
        for code, name in country_choices()
        if served is None or code in {*served, cart_quote.destination.country}
    ]
    return {"countries": countries, "regions": rules.regions_of(cart_quote.destination.country)}


@require_POST
@same_origin_or_csrf
def cart_update(request: HttpRequest) -> HttpResponse:
    """Add one product, set its quantity or remove it, and show a message with its new quantity."""
    goal = next_url(request, resolve_url("carts:home"))
    form = CartUpdateForm(request.POST)
    if form.is_valid():
        _update(request, **form.cleaned_data)
    else:
        messages.error(request, form.first_error(), extra_tags=_quantity_field(request, form))
    return redirect(goal)


def _quantity_field(request: HttpRequest, form: CartUpdateForm) -> str:
    """Return the HTML id of the quantity field in the cart that the form's errors are about, or "" if it has none."""
    cart, wanted = Cart.objects.from_request(request), form.cleaned_data.get("product_id")
    lines = cart.lines() if cart and wanted and "quantity" in form.errors else []
    fields = (f"quantity-{wanted}" for line in lines if line.product_id == wanted and line.product.max_cart_quantity())
    return next(fields, "")


@transaction.atomic
def _update(request: HttpRequest, product_id: int, action: str, quantity: int) -> None:
    cart = _lock_cart(request, product_id, action)
    if cart is None:
        messages.error(request, _("This product is no longer available."))
        return
    product = Cart.objects.with_quantities(Product.objects.filter(pk=product_id), request).first()
    if product is None or not (product.active or product.in_cart):
        messages.error(request, _("This product is no longer available."))
        return
    before = product.in_cart or 0
    wanted = {CartUpdateForm.ADD: before + quantity, CartUpdateForm.SET: quantity, CartUpdateForm.REMOVE: 0}[action]
    now = cart.set_quantity(product, wanted)
    Cart.objects.store_item_count(request, max(Cart.objects.item_count(request) + now - before, 0))
    _report_quantity(request, product, wanted, now)


def _lock_cart(request: HttpRequest, product_id: int, action: str) -> Cart | None:
    """Lock and return the visitor's cart. If there is none, create it, or return None if the product cannot be added.

    The session remembers the cart.
    """
    if cart := Cart.objects.from_request(request, lock=True):
        Cart.objects.remember(request, cart)
        return cart
    if action == CartUpdateForm.REMOVE or not Product.objects.active().filter(pk=product_id).exists():
        return None
    cart, _created = Cart.objects.get_or_create_from_request(request, lock=True)
    return cart


def _report_quantity(request: HttpRequest, product: Product, wanted: int, now: int) -> None:
    """Show a message with the new quantity in the cart, as a warning if it is less than requested."""
    params = {"title": product.title, "count": now}
    if now == 0 == wanted:
        messages.info(request, _("%(title)s is no longer in your cart.") % params)
    elif now == 0:
        order = UnpaidOrders(request).reserving(product.pk) if product.is_sold_out else None
        text = _("%(title)s is reserved for your order %(number)s.") if order else _("%(title)s is sold out.")
        messages.warning(request, text % (params | {"number": order}))
    elif now < wanted:
        messages.warning(request, _("That is all we have in stock: your cart now has %(count)d × %(title)s.") % params)
    else:
        messages.success(request, _("Your cart now has %(count)d × %(title)s.") % params)


@require_POST
@same_origin_or_csrf
def cart_delivery(request: HttpRequest) -> HttpResponse:
    """Store the country of the estimate or the shipping method in the cart."""
    form, cart = DeliveryForm(request.POST), Cart.objects.from_request(request)
    if not form.is_valid():
        messages.error(request, form.first_error(), extra_tags=form.first_error_field_id())
    elif cart and (changes := form.cart_changes()):
        cart.store_choices(**changes)
    return redirect(next_url(request, resolve_url("carts:home")))


@require_POST
@same_origin_or_csrf
def cart_discount(request: HttpRequest) -> HttpResponse:
    """Apply a discount code to the cart, or remove it."""
    form, cart = DiscountForm(request.POST), Cart.objects.from_request(request)
    if cart is None or not cart.items.exists():
        messages.error(request, _("Your cart is empty."))
    elif not form.is_valid():
        return _reject_code(request, form.first_error())
    elif form.cleaned_data["remove"]:
        discount_codes.remove_code(cart)
        messages.info(request, _("The discount code is no longer in your cart."))
    else:
        return _apply_code(request, cart, form.cleaned_data["code"])
    return redirect("carts:home")


def _apply_code(request: HttpRequest, cart: Cart, code: str) -> HttpResponse:
    try:
        messages.success(request, discount_codes.apply_code(request, cart, code))
    except discount_codes.CodeRejected as error:
        order = UnpaidOrders(request).using(code)
        own = _("Your unpaid order %(number)s uses this code.") % {"number": order} if order else ""
        return _reject_code(request, f"{error} {own}".strip())
    return redirect("carts:home")


def _reject_code(request: HttpRequest, message: str) -> HttpResponse:
    """Show the message at the code field. The URL carries the typed code, so that the field still shows it."""
    messages.error(request, message, extra_tags="discount-code")
    typed = request.POST.get("code", "").replace("\x00", "")[:MAX_SHOWN_CODE_LENGTH]
    return redirect(f"{resolve_url('carts:home')}?{urlencode({'code': typed})}")
