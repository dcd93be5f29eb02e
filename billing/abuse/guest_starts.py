"""The limit of guests who begin a checkout, because each one gets a customer at Stripe."""

from django.conf import settings
from django.http import HttpRequest

from billing.abuse import calls
from billing.abuse.rejections import TooManyGuests
from billing.models import RateCounter
from billing.models.attempt import fingerprint
from core.http import client_key

HOUR = 3600


def count(request: HttpRequest) -> None:
    """Count a guest who enters an email address that this session does not have yet.

    Raise TooManyGuests if the session or the IP address has too many, and TooManyStripeCalls if the customer cannot be
    created now. The first request of a visitor has no session yet.
    """
    calls.reserve(calls.NEW_CUSTOMER, request.path)
    limits = {f"guests-ip:{client_key(request)}": settings.REQUEST_LIMITS["guests_address"]}
    if request.session.session_key:
        session = f"guests-session:{fingerprint(request.session.session_key)}"
        limits[session] = settings.REQUEST_LIMITS["guests_session"]
    if exceeded := RateCounter.objects.take(limits, HOUR):
        raise TooManyGuests(exceeded[0].partition(":")[0], HOUR, request.path)
