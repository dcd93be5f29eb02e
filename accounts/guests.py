"""Going on as a guest, and from there to an account; spans several apps, so it stands beside the views."""

from django.http import HttpRequest

from addresses.models import Address
from billing.models import BillingProfile
from orders.models import Order


def start_guest(request: HttpRequest, email: str) -> BillingProfile:
    """This session's guest profile with this e-mail: its own while it has ordered nothing, else a fresh one.

    Nobody is looked up by the e-mail: whoever types another's meets nothing of theirs.
    """
    profile = BillingProfile.objects.of_session(request)
    if profile is None or not profile.is_guest:
        return BillingProfile.objects.start_guest(request, email, keep=None)
    if profile.email == email:
        return profile
    has_ordered = Order.objects.placed().filter(billing_profile=profile).exists()
    return BillingProfile.objects.start_guest(request, email, keep=None if has_ordered else profile)


def known_of_guest(request: HttpRequest) -> dict[str, str]:
    """The e-mail and the name that this session's guest gave already, so that signing up asks for neither again."""
    profile = BillingProfile.objects.of_session(request)
    if profile is None or not profile.is_guest:
        return {}
    address = Address.objects.of(profile).first()
    return {"email": profile.email, "name": address.name if address else ""}
