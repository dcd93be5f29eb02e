"""Guest sessions: starting one, and reusing its data for sign-up."""

from django.http import HttpRequest

from addresses.models import Address
from billing.models import BillingProfile
from orders.models import Order


def start_guest(request: HttpRequest, email: str) -> BillingProfile:
    """Return a guest profile with this email address for the session.

    The session's guest profile is reused if it has the same email address or has no placed orders. Otherwise a new one
    is created. Profiles are never looked up by email address, so entering another person's address exposes no data.
    """
    profile = BillingProfile.objects.for_session(request)
    if profile is None or not profile.is_guest:
        return BillingProfile.objects.set_guest_email(request, email, keep=None)
    if profile.email == email:
        return profile
    has_ordered = Order.objects.placed().filter(billing_profile=profile).exists()
    return BillingProfile.objects.set_guest_email(request, email, keep=None if has_ordered else profile)


def get_signup_initial(request: HttpRequest) -> dict[str, str]:
    """Return the email address and the name that this session's guest entered, as initial data for sign-up.

    Return an empty dictionary if the session has no guest profile.
    """
    profile = BillingProfile.objects.for_session(request)
    if profile is None or not profile.is_guest:
        return {}
    address = Address.objects.for_profile(profile).first()
    return {"email": profile.email, "name": address.name if address else ""}
