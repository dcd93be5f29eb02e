"""The two steps of the checkout: entering the details, then placing the order and paying for it.

This module uses several apps, so it is part of the page code, next to the views.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.forms import LoginForm
from accounts.sessions import save_session
from addresses.models import Address
from billing import limits
from billing.csp import payment_page
from billing.models import BillingProfile, CardAttempt
from carts import details_draft
from carts.forms import PlaceOrderForm
from carts.models import Cart
from carts.pricing.quotes import quote_cart
from carts.pricing.rules import PricingRules
from carts.views.details import LOG_IN, SIGN_UP, DetailsForms, keep_for_account
from carts.views.lines_page import render_lines
from core.http import private
from orders.models import Order
from orders.models.holds import Placer
from orders.views.payment import pay_order
from orders.workflow.order_cards import card_choice, drop_card_entered_too_late
from orders.workflow.placing import OrderRejected, agree, place


def place_order(request: HttpRequest) -> HttpResponse:
    """Place the order and charge the card.

    A second click, a second tab or the back button redirect to the order that has already been placed. Raise
    TooManyRequests if the attempt is over a limit.
    """
    number = request.POST.get("order", "")[:20]
    order = Order.objects.find_for_visitor(request, number) if number.isalnum() else None
    if order is None:
        messages.error(request, _("Your checkout has expired. Please start again from your cart."))
        return redirect("carts:home")
    if order.status != Order.Status.OPEN:
        drop_card_entered_too_late(order)
        return redirect(order)
    form = PlaceOrderForm(request.POST, billing_profile=order.billing_profile, order_number=order.order_id)
    if not form.is_valid():
        _show_errors(request, form, order)
        return redirect("carts:checkout")
    if form.has_changed_method() and order.cart:
        order.cart.store_choices(shipping_method_id=form.cleaned_data["shipping_method"])
        messages.info(request, _("The delivery option has changed. Please check the new total, then place your order."))
        return redirect("carts:checkout")
    card = form.cleaned_data["card"]
    purpose = limits.Purpose(order.order_id, card, back=reverse("carts:checkout"))
    attempt = limits.start_attempt(request, CardAttempt.Kind.PAY, order.billing_profile, purpose)
    shown, placer = form.cleaned_data["quote"], Placer.of(request)
    try:
        with limits.forgetting_errors(attempt):  # no card is tried yet
            if not place(order, shown, then=lambda: _remember_placed(request, order), placer=placer):
                attempt.record(ok=None)
                return redirect(order)
    except OrderRejected as rejection:
        for problem in rejection.problems:
            messages.error(request, problem)
        return redirect("carts:checkout")
    return pay_order(request, order, card, attempt)


def _remember_placed(request: HttpRequest, order: Order) -> None:
    """Store the placed order in the session, in its transaction.

    The middleware does not save the session again, because another tab can change it during the slow call to Stripe. If
    the user has just logged out in another tab, the order is still placed.
    """
    Order.objects.remember(request, order)
    Cart.objects.forget(request, order.cart_id)
    save_session(request)
    request.session.modified = False


def _show_errors(request: HttpRequest, form: PlaceOrderForm, order: Order) -> None:
    """Show the first error of the form, and what has changed since the page was shown.

    A change of the email address in another tab also removes a guest's card. The shopper must learn of both.
    """
    shown = form.cleaned_data.get("quote")
    if shown and order.cart:
        now = agree(order, quote_cart(order.cart, address=order.shipping_address), shown["language"])
        for problem in now.differences(shown):
            messages.error(request, problem)
    messages.error(request, form.first_error(), extra_tags="card" if "card" in form.errors else "")


@private
@payment_page
def checkout(request: HttpRequest) -> HttpResponse:
    """Show the details step, then the payment step. A POST with action=place places the order."""
    if request.method == "POST" and request.POST.get("action") == "place":
        return place_order(request)
    if request.method == "POST" and request.POST.get("action") in (LOG_IN, SIGN_UP):
        return keep_for_account(request)
    cart, lines = Cart.objects.with_lines(request)
    if cart is None or not lines or any(line.problem for line in lines):
        return redirect("carts:home")
    known = Order.objects.live_of(cart) if BillingProfile.objects.stored_id(request) else None
    request.known_profile = known and known.billing_profile  # type: ignore[attr-defined] # so it needs no query
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    order = Order.objects.get_or_create_for(profile, cart, known)[0] if profile else None
    if order and order.status != Order.Status.OPEN:
        return redirect(order)  # placed in another tab after the cart was read
    address = _destination(cart, order)
    is_asked = "details" in request.GET or details_draft.is_stored(request)
    step: dict[str, object] = {}
    if request.method == "POST" or order is None or not order.has_addresses or is_asked:
        details = DetailsForms(request, profile, order, cart)
        if details.is_valid():
            details.save(cart)
            return redirect("carts:checkout")
        step = _details_context(details, profile)
    quote = quote_cart(cart, lines, address)
    if order and not step:
        step = {"step": "pay", "agreement": agree(order, quote)} | card_choice(order)
    else:
        step["totals_html"] = render_to_string("carts/snippets/totals.html", {"totals": quote})  # shown twice
    return render_lines(request, "carts/checkout.html", {"cart": cart, "quote": quote, "order": order} | step)


def _destination(cart: Cart, order: Order | None) -> Address | None:
    """Return the shipping address of the order. The cart page shows the costs of delivery to it from now on."""
    address = order.shipping_address if order else None
    if address and not cart.country:  # the address of an earlier order
        cart.store_choices(country=address.country, region=address.state)
    return address


def _details_context(details: DetailsForms, profile: BillingProfile | None) -> dict[str, object]:
    is_member = profile is not None and not profile.is_guest
    addresses = Address.objects.for_profile(profile)[:6] if profile and is_member else []
    return {
        "step": "details",
        "details": details,
        "login_form": None if is_member else LoginForm(auto_id="login-%s"),
        "addresses": addresses,
        "undelivered": PricingRules.cached().undelivered(address.country for address in addresses),
    }
