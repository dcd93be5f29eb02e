"""The checkout's two steps: the details, then placing and paying; spans the apps, so it stands beside the views."""

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

# Whether an attempt to pay counts as good or as declined; a status that is not here is no verdict yet.
VERDICTS: dict[str, bool] = {
    Payment.Status.SUCCEEDED: True,
    Payment.Status.REQUIRES_ACTION: True,  # now the bank asks, and a thief cannot answer
    Payment.Status.FAILED: False,
}


class Details:
    """The first step's forms together: the guest's e-mail, where to send to, and where to bill if elsewhere."""

    def __init__(self, request: HttpRequest, profile: BillingProfile | None, order: Order | None, cart: Cart) -> None:
        data = request.POST if request.method == "POST" else None
        self.request, self.profile = request, profile
        self.is_bound = data is not None and not wants_other_fields(data)
        self.guest = None
        if not request.user.is_authenticated:
            email = request.POST.get("email") or (profile.email if profile else "")
            self.guest = GuestForm(data if self.is_bound else None, initial={"email": email})
        self.is_same = "billing_same" in data if data is not None else not order or order.is_billed_where_sent
        known = _initial(order.shipping_address if order else None)
        self.shipping = AddressForm(data, prefix="shipping", initial=known or {"country": cart.country})
        self.billing = AddressForm(
            None if self.is_same else data,
            prefix="billing",
            kind=Address.Type.BILLING,
            initial=_initial(order.billing_address if order and not self.is_same else None),
            use_required_attribute=False,  # hidden while the tick is on, and hidden fields must not hold the form up
        )

    @property
    def forms(self) -> list[GuestForm | AddressForm]:
        """Those to judge, in the page's order."""
        shown = [self.guest, self.shipping, None if self.is_same else self.billing]
        return [form for form in shown if form is not None]

    @property
    def has_errors(self) -> bool:
        return any(form.errors for form in self.forms)

    def is_valid(self) -> bool:
        """Judges all, so that the shopper learns of every mistake at once."""
        judged = [form.is_valid() for form in self.forms]
        return self.is_bound and all(judged)

    def save(self, cart: Cart) -> Order:
        """The cart's order with these addresses."""
        profile = self.profile
        if self.guest:
            profile = start_guest(self.request, self.guest.cleaned_data["email"])
        assert profile is not None  # noqa: S101 - a signed-in visitor always has one
        order, _created = Order.objects.get_or_create_for(profile, cart)
        shipping = self.shipping.save_for(profile)
        order.use_address(shipping, Address.Type.SHIPPING)
        order.use_address(shipping if self.is_same else self.billing.save_for(profile), Address.Type.BILLING)
        return order


def _initial(address: Address | None) -> dict[str, object] | None:
    return model_to_dict(address) if address else None


def place_order(request: HttpRequest) -> HttpResponse:
    """Place and pay; a second click, a second tab or the back button land on the order that is there already."""
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
        Rules.forget()  # what was shown may be a minute old; the next page shows what holds
        for problem in refusal.problems:
            messages.error(request, problem)
        return redirect("carts:checkout")
    Order.objects.remember(request, order)
    Cart.objects.forget(request, order.cart_id)
    with suppress(UpdateError):  # logged out in another tab a moment ago; the order stands all the same
        request.session.save()  # now, and not again after the slow call to Stripe: a second tab may write meanwhile
    request.session.modified = False
    return pay_order(request, order, form.cleaned_data["card"], attempt)


def pay_order(request: HttpRequest, order: Order, card: Card, attempt: CardAttempt | None = None) -> HttpResponse:
    """Charge the card, then show what came of it; `attempt` is the row that counts this press, if there is one yet."""
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
