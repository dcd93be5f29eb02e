"""Corrections of the postal addresses of an order, within its country and region."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from addresses.country_rules import region_choices
from addresses.models import Address
from carts.pricing.agreement import format_address
from orders.accounting.destinations import country_of
from orders.models import Correction, Order
from orders.workflow.corrections.rules import CorrectionRejected, check_shown, correcting, record


def stored_address(order: Order, kind: str) -> Address | None:
    """Return the row with the order's postal address of this kind. None if it has other content or is gone.

    The row belongs to the address book of the shopper, who can change or delete it.
    """
    address: Address | None = getattr(order, f"{kind}_address")
    text = getattr(order, f"{kind}_address_text")
    return address if address and format_address(address, order.language) == text else None


def place_of(order: Order, kind: str) -> tuple[str, str] | None:
    """Return the country and the region of the order's postal address of this kind, or None if they are not known.

    The region is an empty string in a country without a list of regions.
    """
    address = stored_address(order, kind)
    country = address.country if address else country_of(getattr(order, f"{kind}_address_text"), order.language)
    if not country or (address is None and region_choices(country)):
        return None
    return country, _region(country, address.state if address else "")


def _region(country: str, state: str) -> str:
    return state if region_choices(country) else ""


def correct_address(order: Order, address: Address, kinds: Collection[str], shown: str, by: str) -> None:
    """Replace the order's postal addresses of these kinds by this one, which is not saved yet.

    `shown` is the fingerprint of the text that the page has shown for each of them. The country and the region stay,
    because tax and delivery were agreed for them. The shopper gets a new saved address; no other one changes.

    Raise CorrectionRejected and change nothing if the correction is not possible.
    """
    with correcting(order):
        new = format_address(address, order.language)
        changes: dict[str, object] = {}
        for kind in kinds:
            old = getattr(order, f"{kind}_address_text")
            check_shown(old, shown)
            _check_place(order, address, kind)
            if old == new:
                raise CorrectionRejected(_("This is the address that the order has already."))
            changes[f"{kind}_address_text"] = new
            record(order, Correction.Kind(kind), old, new, by)
        saved = _save(order, address)
        Order.objects.filter(pk=order.pk).update(**changes, **{f"{kind}_address": saved for kind in kinds})


def _check_place(order: Order, address: Address, kind: str) -> None:
    if place_of(order, kind) != (address.country, _region(address.country, address.state)):
        raise CorrectionRejected(_("The country and the region have to stay: tax and delivery were agreed for them."))


def _save(order: Order, address: Address) -> Address | None:
    """Save the address to the order's profile. An erased person gets no new row."""
    profile = order.billing_profile
    return None if profile.forgotten else Address.objects.get_or_copy(address, profile)
