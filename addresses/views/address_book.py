"""Views for the address book of an account.

A placed order keeps its own copy of the address text, so editing or deleting an address does not change the order.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from addresses.forms import AddressForm
from addresses.models import Address
from billing.models import BillingProfile
from carts.pricing.rules import PricingRules
from core.http import private
from orders.models import Order


def _own_profile(request: HttpRequest) -> BillingProfile:
    profile, _created = BillingProfile.objects.get_or_create_from_request(request)
    assert profile is not None  # noqa: S101 - a signed-in user always has a billing profile
    return profile


@private
@require_safe
@login_required
def address_list(request: HttpRequest) -> HttpResponse:
    """Show the postal addresses of this account, newest first."""
    addresses = Address.objects.for_profile(_own_profile(request))
    undelivered = PricingRules.cached().undelivered(address.country for address in addresses)
    return render(request, "addresses/address_list.html", {"addresses": addresses, "undelivered": undelivered})


@private
@login_required
def address_add(request: HttpRequest) -> HttpResponse:
    """Add a postal address to this account."""
    form = AddressForm(request.POST or None, countries=PricingRules.cached().destination_codes())
    if form.is_valid() and form.has_room(profile := _own_profile(request)):
        form.save_for(profile)
        messages.success(request, _("The address has been saved."))
        return redirect("addresses:list")
    return render(request, "addresses/address_edit.html", {"form": form})


@private
@login_required
def address_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit a postal address of this account. Raise Http404 if it belongs to another account."""
    profile = _own_profile(request)
    address = get_object_or_404(Address.objects.for_profile(profile), pk=pk)
    # The address stays in its country: it can be a billing address in a country that the shop does not deliver to.
    countries = [*PricingRules.cached().destination_codes(), address.country]
    form = AddressForm(request.POST or None, initial=model_to_dict(address), countries=countries)
    if form.is_valid():
        _replace(address, form, profile)
        messages.success(request, _("The address has been changed. Orders you have already placed keep the old one."))
        return redirect("addresses:list")
    return render(request, "addresses/address_edit.html", {"form": form, "address": address})


@transaction.atomic
def _replace(address: Address, form: AddressForm, profile: BillingProfile) -> None:
    """Save the edited address as a new row, move the orders to it and delete the old row.

    Do nothing if the address did not change. Moving the orders keeps this address as the default of the next order.
    An order that is being placed at the same time sees either the complete old address or the complete new one.
    """
    new = form.save_for(profile)
    if new.pk != address.pk:
        Order.objects.filter(shipping_address=address).update(shipping_address=new)
        Order.objects.filter(billing_address=address).update(billing_address=new)
        address.delete()


@private
@require_POST
@login_required
def address_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a postal address of this account. Raise Http404 if it belongs to another account."""
    get_object_or_404(Address.objects.for_profile(_own_profile(request)), pk=pk).delete()
    messages.success(request, _("The address has been deleted. Orders you have already placed keep it."))
    return redirect("addresses:list")
