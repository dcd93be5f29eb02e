"""Guest sessions: starting one, and reusing its data for sign-up and at sign-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.email_addresses import canonical_email
from accounts.models import User
from addresses.models import Address
from billing.abuse import guest_starts
from billing.models import BillingProfile
from carts.models import Cart
from carts.optional_details import OPTIONAL_DETAILS
from orders.models import Order
from orders.workflow import order_cards


def start_guest(request: HttpRequest, email: str) -> BillingProfile:
    """Return a guest profile with this email address for the session.

    The session's guest profile is reused if it has the same email address or has no placed orders. Otherwise a new one
    is created. Profiles are never looked up by email address, so entering another person's address exposes no data.
    """
    with starting_guest(request, email) as profile:
        return profile


@contextmanager
def starting_guest(request: HttpRequest, email: str) -> Iterator[BillingProfile]:
    """Run the block in one transaction with `start_guest`, and yield the guest profile.

    The calls to Stripe and the cards of another person come before the transaction. Raise TooManyRequests if too many
    guests began in this session or from this IP address.
    """
    stored = BillingProfile.objects.for_session(request)
    if stored is None or not stored.is_guest or stored.email != email:
        guest_starts.count(request)
    kept = _reusable_profile(stored, email)
    profile = kept or BillingProfile.objects.new_guest(email)
    with transaction.atomic():
        if profile is kept and profile.email == email:
            BillingProfile.objects.record_return(request, profile)
        else:
            BillingProfile.objects.set_guest_email(request, profile, email)
        yield profile


def _reusable_profile(profile: BillingProfile | None, email: str) -> BillingProfile | None:
    """Return the session's profile if it is a guest's and can have this email address. Drop another person's cards."""
    if profile is None or not profile.is_guest:
        return None
    if profile.email == email:
        return profile
    drop_cards_of_other(profile, email)
    return None if Order.objects.placed().filter(billing_profile=profile).exists() else profile


def get_signup_initial(request: HttpRequest) -> dict[str, str]:
    """Return the email address and the name that this session's guest entered, as initial data for sign-up.

    Return an empty dictionary if the session has no guest profile.
    """
    profile = BillingProfile.objects.for_session(request)
    if profile is None or not profile.is_guest:
        return {}
    address = Address.objects.for_profile(profile).first()
    return {"email": profile.email, "name": address.name if address else ""}


def is_other_person(request: HttpRequest, email: str) -> bool:
    """Return whether this session's guest completed an order with another email address than this one.

    A different person can be using the browser now, so a new account with this address must not get the guest's data.
    """
    profile = BillingProfile.objects.for_session(request)
    if profile is None or not profile.is_guest or canonical_email(profile.email) == canonical_email(email):
        return False
    placed = Order.objects.placed().filter(billing_profile=profile)
    return placed.exclude(status__in=Order.UNPAID_STATES).exists()


def drop_cards_of_other(profile: BillingProfile | None, email: str) -> None:
    """Drop the unsaved cards of this guest if they belong to another email address than this one.

    A different person can be using the browser now. The cards of unpaid orders stay, because they pay only these.
    """
    if profile and profile.is_guest and canonical_email(profile.email) != canonical_email(email):
        order_cards.drop_unsaved_cards([profile])


def keep_details(request: HttpRequest, user: User) -> None:
    """Copy the details that were entered for the session's cart to the user's open order.

    They replace those that the order had. Do nothing if none were entered in this session.
    """
    entered = Order.objects.take_details_order(request)
    cart, profile = Cart.objects.from_request(request), BillingProfile.objects.for_session(request)
    if entered is None or cart is None or profile is None or profile.user_id != user.pk or not cart.count_items():
        return
    order, _created = Order.objects.get_or_create_for(profile, cart)
    for kind in Address.Type:
        if address := getattr(entered, f"{kind}_address"):
            order.use_address(Address.objects.get_or_copy(address, profile), kind)
    optional: Any = {name: getattr(entered, name) for name in OPTIONAL_DETAILS}
    if any(optional.values()):
        Order.objects.filter(pk=order.pk, status=Order.Status.OPEN).update(**optional)
    messages.info(
        request, _("We have kept the postal addresses that you entered. Please check them."), fail_silently=True
    )
