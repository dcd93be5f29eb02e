"""Views for the cart, its delivery estimate and its discount code."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.sessions import save_session, save_session_again
from addresses.country_rules import region_key
from carts.forms import CartUpdateForm, DeliveryForm, DiscountForm
from carts.models import Cart
from carts.models.capacity import CartFull
from carts.pricing import discount_codes
from carts.pricing.quotes import Quote, quote, quote_cart
from carts.pricing.rules import PricingRules
from carts.views.cart_page import apply_code, report_quantity, submit_cart_page
from carts.views.lines_page import render_lines
from core.database.prepared import PreparedQuery
from core.http import next_url, private, same_origin_or_csrf
from products.lists.highlights import highlights
from products.models import Product


@private
@require_safe
def cart_home(request: HttpRequest) -> HttpResponse:
    """Show the cart with all costs, including delivery and tax, before asking for personal data."""
    cart, lines = Cart.objects.with_lines(request)
    if cart:
        Cart.objects.remember(request, cart)
    Cart.objects.store_item_count(request, sum(line.quantity for line in lines))
    for line in lines:
        line.typed_quantity = request.GET.get(f"quantity-{line.product_id}", "")
    rules = PricingRules.cached()
    cart_quote = quote_cart(cart, lines, rules=rules) if cart else quote(lines, rules=rules)
    more = _estimate(cart_quote, rules) if lines else {"highlights": highlights()}
    context = {"cart": cart, "quote": cart_quote} | more
    return render_lines(request, "carts/cart_home.html", context)


def _estimate(cart_quote: Quote, rules: PricingRules) -> dict[str, object]:
    """Return the countries to choose from, and the regions of the chosen country that have a separate tax rate."""
    country, region = cart_quote.destination
    return {
        "countries": rules.destinations(country),
        "regions": rules.regions_of(country),
        "region": region_key(country, region) or "",
    }


@require_POST
@same_origin_or_csrf
def cart_update(request: HttpRequest) -> HttpResponse:
    """Add one product, set its quantity or remove it, and show a message with its new quantity.

    The cart page submits all its fields together. Scripts of lists get the message and the number of items as JSON.
    """
    if "cart_page" in request.POST:
        return submit_cart_page(request)
    goal = next_url(request, resolve_url("carts:home"))
    form, is_done = CartUpdateForm(request.POST), False
    if form.is_valid():
        try:
            is_done = _update(request, **form.cleaned_data)
        except IntegrityError:  # Staff have just deleted the product.
            save_session_again(request)
            messages.error(request, _("This product is no longer available."))
    else:
        messages.error(request, form.first_error(), extra_tags=_quantity_field(request, form))
    if request.headers.get("Accept") == "application/json":
        texts = [str(message) for message in messages.get_messages(request)]  # The next page does not show them again.
        return JsonResponse({"done": is_done, "messages": texts, "count": Cart.objects.item_count(request)})
    anchor = f"#product-{form.cleaned_data['product_id']}" if is_done and "in_list" in request.POST else ""
    return redirect(f"{goal}{anchor}")


def _quantity_field(request: HttpRequest, form: CartUpdateForm) -> str:
    """Return the HTML id of the quantity field in the cart that the form's errors are about, or "" if it has none."""
    cart, wanted = Cart.objects.from_request(request), form.cleaned_data.get("product_id")
    lines = cart.lines() if cart and wanted and "quantity" in form.errors else []
    fields = (f"quantity-{wanted}" for line in lines if line.product_id == wanted and line.product.max_cart_quantity())
    return next(fields, "")


@transaction.atomic
def _update(request: HttpRequest, product_id: int, action: str, quantity: int) -> bool:
    """Store the new quantity, and the session with it. Create the cart if necessary.

    Return False, with a message, if that is not possible.
    """
    cart = Cart.objects.from_request(request, lock=True)
    if cart:
        Cart.objects.remember(request, cart)
    product = _read_product(request, product_id)
    is_new = False
    if cart is None and product and product.active and action != CartUpdateForm.REMOVE:
        total = product.price * min(quantity, product.max_cart_quantity())
        cart, is_new = Cart.objects.create_for_request(request, total)
        product = product if is_new else _read_product(request, product_id)
    if cart is None or product is None or not (product.active or product.in_cart):
        messages.error(request, _("This product is no longer available."))
        return False
    before = product.in_cart or 0
    wanted = {CartUpdateForm.ADD: before + quantity, CartUpdateForm.SET: quantity, CartUpdateForm.REMOVE: 0}[action]
    try:
        now = cart.set_quantity(product, wanted, has_total=is_new)
    except CartFull as error:
        messages.error(request, str(error))
        return False
    Cart.objects.store_item_count(request, max(Cart.objects.item_count(request) + now - before, 0))
    report_quantity(request, product, wanted, now, before)
    save_session(request)
    return True


def _read_product(request: HttpRequest, product_id: int) -> Product | None:
    """Return the product with its quantity in the cart of the session, or None if there is no such product."""
    return PRODUCTS_BY_ID.first(product_id=product_id, cart_id=Cart.objects.stored_id(request) or 0)


def _products_by_id(product_id: int, cart_id: int) -> QuerySet[Product]:
    products = Cart.objects.with_quantities(Product.objects.without_words().filter(pk=product_id), cart_id)
    return Cart.objects.with_line_counts(products, cart_id)


PRODUCTS_BY_ID = PreparedQuery(_products_by_id, product_id=int, cart_id=int)


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
    elif form.is_valid() and form.cleaned_data["remove"]:
        discount_codes.remove_code(cart)
        messages.info(request, _("The discount code is no longer in your cart."))
    elif rejected := apply_code(request, cart):
        return redirect(f"{resolve_url('carts:home')}?{urlencode(rejected)}")
    return redirect("carts:home")
