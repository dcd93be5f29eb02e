"""Views that set the postal addresses of the open order.

Both views redirect to the checkout if the visitor has no billing profile or an empty cart.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from addresses.countries import no_delivery_message
from addresses.forms import AddressChoiceForm, AddressForm
from addresses.models import Address
from carts import details_draft
from carts.pricing.rules import PricingRules
from core.http import next_url, private
from orders.models import Order


def _address_type(request: HttpRequest) -> str:
    wanted = request.POST.get("address_type") or request.GET.get("address_type")
    return wanted if wanted in Address.Type.values else Address.Type.SHIPPING


@private
def address_check(request: HttpRequest) -> HttpResponse:
    """Show the visitor's saved addresses and the address form, and save a new address to the order."""
    order = Order.objects.open_for_request(request)
    if order is None:
        return redirect("carts:checkout")
    kind, goal = _address_type(request), next_url(request, resolve_url("carts:checkout"))
    rules, is_shipping = PricingRules.cached(), kind == Address.Type.SHIPPING
    form = AddressForm(request.POST or None, kind=kind, countries=rules.destination_codes() if is_shipping else None)
    if form.is_valid() and form.has_room(order.billing_profile):
        order.use_address(form.save_for(order.billing_profile), kind)
        Order.objects.remember_details(request, order)
        details_draft.forget(request)
        return redirect(goal)
    addresses = Address.objects.for_profile(order.billing_profile)
    context = {
        "form": form,
        "addresses": addresses,
        "undelivered": rules.undelivered(address.country for address in addresses) if is_shipping else set(),
        "address_type": kind,
        "address_label": Address.Type(kind).label,
        "next_url": goal,
        "action_url": reverse("addresses:check"),
    }
    return render(request, "addresses/address_form.html", context)


@private
@require_POST
def address_update(request: HttpRequest) -> HttpResponse:
    """Use one of the visitor's saved addresses for the order."""
    order = Order.objects.open_for_request(request)
    if order is None:
        return redirect("carts:checkout")
    form = AddressChoiceForm(request.POST, billing_profile=order.billing_profile)
    if not form.is_valid():
        messages.error(request, _("Choose one of your addresses."))
    elif problem := _delivery_problem(**form.cleaned_data):
        messages.error(request, problem)
    else:
        order.use_address(form.cleaned_data["address_id"], form.cleaned_data["address_type"])
        Order.objects.remember_details(request, order)
        details_draft.forget(request)  # otherwise, the checkout would ask for the typed addresses again
    return redirect(next_url(request, resolve_url("carts:checkout")))


def _delivery_problem(address_id: Address, address_type: str) -> str:
    """Return a message if the address is to be shipped to and the shop does not deliver there, otherwise ""."""
    if address_type != Address.Type.SHIPPING or PricingRules.cached().delivers_to(address_id.country):
        return ""
    return no_delivery_message(address_id.country)
