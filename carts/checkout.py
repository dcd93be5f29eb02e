"""The two steps of the checkout: entering the details, then placing and paying the order.

This module uses several apps, so it is part of the page code, next to the views.
"""

from contextlib import suppress

from django.contrib import messages
from django.contrib.sessions.backends.base import UpdateError
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.forms import GuestForm
from accounts.guests import start_guest
from addresses.forms import AddressForm, wants_other_fields
from addresses.models import Address
from billing import limits
from billing.models import BillingProfile, Card, CardAttempt
from carts.forms import PlaceOrderForm
from carts.models import Cart
from carts.rates import Rules
from orders import payments
from orders.models import Order, Payment
from orders.placing import PlaceRefused, place

# Whether a payment attempt counts as successful or as declined. Any other status is not a result yet.
VERDICTS: dict[str, bool] = {
    Payment.Status.SUCCEEDED: True,
    Payment.Status.REQUIRES_ACTION: True,  # the bank now authenticates the cardholder, which a thief cannot pass
    Payment.Status.FAILED: False,
}


class Details:
    """The forms of the first step: guest email address, shipping address and, if different, billing address."""

    def __init__(self, request: HttpRequest, profile: BillingProfile | None, order: Order | None, cart: Cart) -> None:
        data = request.POST if request.method == "POST" else None
        self.request, self.profile = request, profile
        self.is_bound = data is not None and not wants_other_fields(data)
        self.guest = None
        if not request.user.is_authenticated:
            email = request.POST.get("email") or (profile.email if profile else "")
            self.guest = GuestForm(data if self.is_bound else None, initial={"email": email})
        self.is_same = "billing_same" in data if data is not None else not order or order.is_billed_where_sent
        shipping_initial = _initial(order.shipping_address if order else None)
        self.shipping = AddressForm(data, prefix="shipping", initial=shipping_initial or {"country": cart.country})
        self.billing = AddressForm(
            None if self.is_same else data,
            prefix="billing",
            kind=Address.Type.BILLING,
            initial=_initial(order.billing_address if order and not self.is_same else None),
            use_required_attribute=False,  # the fields can be hidden, and hidden required fields block the form
        )

    @property
    def forms(self) -> list[GuestForm | AddressForm]:
        """The forms to validate, in the order of the page."""
        shown = [self.guest, self.shipping, None if self.is_same else self.billing]
        return [form for form in shown if form is not None]

    @property
    def has_errors(self) -> bool:
        return any(form.errors for form in self.forms)

    def is_valid(self) -> bool:
        """Validate all forms, so that the shopper sees all errors together.

        Return False if a form has errors, if nothing was submitted or if only the country was changed.
        """
        results = [form.is_valid() for form in self.forms]
        return self.is_bound and all(results)

    def save(self, cart: Cart) -> Order:
        """Save the addresses to the order of the cart, creating it if necessary, and return the order."""
        profile = self.profile
        if self.guest:
            profile = start_guest(self.request, self.guest.cleaned_data["email"])
        assert profile is not None  # noqa: S101 - a signed-in user always has a billing profile
        order, _created = Order.objects.get_or_create_for(profile, cart)
        shipping = self.shipping.save_for(profile)
        order.use_address(shipping, Address.Type.SHIPPING)
        order.use_address(shipping if self.is_same else self.billing.save_for(profile), Address.Type.BILLING)
        return order


def _initial(address: Address | None) -> dict[str, object] | None:
    return model_to_dict(address) if address else None


def place_order(request: HttpRequest) -> HttpResponse:
    """Place the order and charge the card.

    A second click, a second tab or the back button redirect to the order that has already been placed. Raise TooMany
    if the visitor has tried too many cards.
    """
    number = request.POST.get("order", "")[:20]
    order = Order.objects.of_visitor(request).filter(order_id=number).first() if number.isalnum() else None
    if order is None:
        messages.error(request, _("Your checkout has expired. Please start again from your cart."))
        return redirect("carts:home")
    if order.status != Order.Status.OPEN:
        return redirect(order)
    form = PlaceOrderForm(request.POST, billing_profile=order.billing_profile)
    if not form.is_valid():
        messages.error(request, form.first_error(), extra_tags="card" if "card" in form.errors else "")
        return redirect("carts:checkout")
    if form.is_other_method() and order.cart:
        order.cart.choose(shipping_method_id=form.cleaned_data["shipping_method"])
        messages.info(request, _("The delivery option has changed. Please check the new total, then place your order."))
        return redirect("carts:checkout")
    attempt = limits.start(request, CardAttempt.Kind.PAY, order.billing_profile, back=reverse("carts:checkout"))
    try:
        if not place(order, form.cleaned_data["quote"]):
            attempt.note(ok=None)
            return redirect(order)
    except PlaceRefused as refusal:
        attempt.note(ok=None)
        Rules.forget()  # the cached rules can be a minute old, and the next page must show the current ones
        for problem in refusal.problems:
            messages.error(request, problem)
        return redirect("carts:checkout")
    Order.objects.remember(request, order)
    Cart.objects.forget(request, order.cart_id)
    with suppress(UpdateError):  # the user has just logged out in another tab; the order is still placed
        request.session.save()  # now, because another tab can change it during the slow call to Stripe
    request.session.modified = False
    return pay_order(request, order, form.cleaned_data["card"], attempt)


def pay_order(request: HttpRequest, order: Order, card: Card, attempt: CardAttempt | None = None) -> HttpResponse:
    """Charge the card and redirect to the thank-you page if the order is paid, otherwise to the order page.

    `attempt` is the row that counts this request. Without it, start an attempt and raise TooMany if the visitor has
    tried too many cards.
    """
    if attempt is None:
        attempt = limits.start(request, CardAttempt.Kind.PAY, order.billing_profile, back=order.get_absolute_url())
    try:
        payments.pay(order, card)
        payment = order.last_payment()
        attempt.note(ok=VERDICTS.get(payment.status) if payment else None)
    except payments.NotPossible:
        attempt.note(ok=None)
        messages.error(request, _("Payment is not possible right now. Nothing was charged, and we keep your order."))
    order.refresh_from_db()
    return redirect("carts:success" if order.status == Order.Status.PAID else order)
