"""The forms of the checkout's first step."""

from django.db import transaction
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.forms import GuestForm
from accounts.sessions import save_session
from addresses.forms import AddressForm, is_country_change
from addresses.models import Address
from billing.models import BillingProfile
from carts import details_draft
from carts.models import Cart
from carts.optional_details import OPTIONAL_DETAILS, OptionalDetailsForm
from carts.pricing.rules import PricingRules
from orders.models import Order
from orders.workflow.guests import starting_guest

LOG_IN, SIGN_UP = "log_in", "sign_up"  # values of the buttons that leave the checkout


class DetailsForms:
    """The forms of the first step: guest email address, postal addresses and optional details."""

    def __init__(self, request: HttpRequest, profile: BillingProfile | None, order: Order | None, cart: Cart) -> None:
        data = request.POST if request.method == "POST" else None
        self.request, self.profile = request, profile
        self.is_bound = data is not None and not is_country_change(data)
        self.guest = None
        if not request.user.is_authenticated:
            email = request.POST.get("email") or (profile.email if profile else "")
            self.guest = GuestForm(data if self.is_bound else None, initial={"email": email})
        has_draft = data is None and details_draft.is_stored(request)
        self.is_billing_same = _is_billing_same(request, order, has_draft)
        shipping_initial = _initial(order.shipping_address if order else None)
        billing_initial = _initial(order.billing_address if order and not self.is_billing_same else None)
        if has_draft:
            shipping_initial = details_draft.initial(request, Address.Type.SHIPPING)
            billing_initial = details_draft.initial(request, Address.Type.BILLING)
        stored = {name: getattr(order, name, "") for name in OPTIONAL_DETAILS}
        typed = {name: request.POST[name] for name in OPTIONAL_DETAILS if name in request.POST}
        self.optional = OptionalDetailsForm(
            data if self.is_bound else None, initial=stored | details_draft.optional_details(request) | typed
        )
        self.shipping = AddressForm(
            data,
            prefix="shipping",
            countries=PricingRules.cached().destination_codes(),
            initial=shipping_initial or {"country": cart.country},
        )
        self.billing = AddressForm(
            None if self.is_billing_same else data,
            prefix="billing",
            kind=Address.Type.BILLING,
            initial=billing_initial,
            use_required_attribute=False,  # the fields can be hidden, and hidden required fields block the form
        )

    @property
    def forms(self) -> list[GuestForm | AddressForm | OptionalDetailsForm]:
        """The forms to validate, in the order of the page."""
        shown = [self.guest, self.shipping, None if self.is_billing_same else self.billing, self.optional]
        return [form for form in shown if form is not None]

    @property
    def has_errors(self) -> bool:
        return any(form.errors for form in self.forms)

    def is_valid(self) -> bool:
        """Validate all forms, so that the shopper sees all errors together, and that the addresses can be saved.

        Return False if a form has errors, if nothing was submitted or if only the country was changed.
        """
        results = [form.is_valid() for form in self.forms]
        return self.is_bound and all(results) and all(form.has_room(self._known_profile) for form in self._addresses)

    @property
    def _addresses(self) -> list[AddressForm]:
        return [form for form in self.forms if isinstance(form, AddressForm)]

    @property
    def _known_profile(self) -> BillingProfile | None:
        """The profile that gets the addresses, or None if the guest's email address is new, so that it has none."""
        is_known = self.profile and (self.guest is None or self.guest.cleaned_data["email"] == self.profile.email)
        return self.profile if is_known else None

    def save(self, cart: Cart) -> Order:
        """Save the details to the order of the cart, in one transaction with the session. Return the order."""
        if self.guest:
            with starting_guest(self.request, self.guest.cleaned_data["email"]) as profile:
                return self._save_for(profile, cart)
        assert self.profile is not None  # noqa: S101 - a signed-in user always has a billing profile
        with transaction.atomic():
            return self._save_for(self.profile, cart)

    def _save_for(self, profile: BillingProfile, cart: Cart) -> Order:
        is_new = profile != self.profile  # otherwise, the guest keeps the profile that this page was shown for
        shipping = self.shipping.save_for(profile, is_new)
        billing = shipping if self.is_billing_same else self.billing.save_for(profile)
        order = Order.objects.save_details(profile, cart, shipping, billing, self.optional.cleaned_data)
        Order.objects.remember_details(self.request, order)
        details_draft.forget(self.request)
        save_session(self.request)
        return order


def keep_for_account(request: HttpRequest) -> HttpResponse:
    """Keep what was typed, although it is not complete, and redirect to the page to log in or sign up."""
    details_draft.store(request, request.POST)
    page = "accounts:signup" if request.POST["action"] == SIGN_UP else "accounts:login"
    return redirect(f"{reverse(page)}?next={reverse('carts:checkout')}")


def _is_billing_same(request: HttpRequest, order: Order | None, has_draft: bool) -> bool:
    if request.method == "POST":
        return "billing_same" in request.POST
    if has_draft:
        return details_draft.is_billing_same(request)
    return not order or order.is_billed_to_shipping_address


def _initial(address: Address | None) -> dict[str, object] | None:
    return model_to_dict(address) if address else None
