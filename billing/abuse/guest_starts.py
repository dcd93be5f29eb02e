"""The limit of guests who begin a checkout, because each one gets a customer at Stripe."""

from django.conf import settings
from django.http import HttpRequest

from billing.abuse import calls
from billing.abuse.rejections import TooManyGuests
from billing.models import Rate
from billing.models.attempt import fingerprint
from core.http import client_key

HOUR = 3600


def count(request: HttpRequest) -> None:
    """Count a guest who enters an email address that this session does not have yet.

    Raise TooManyGuests if the session or the IP address has too many, and TooManyStripeCalls if the customer cannot be
    created now. The first request of a visitor has no session yet.
    """
    address, session = client_key(request), request.session.session_key
    rates = {f"guests-ip:{address}": Rate(settings.REQUEST_LIMITS["guests_address"], HOUR)}
    if session:
        rates[f"guests-session:{fingerprint(session)}"] = Rate(settings.REQUEST_LIMITS["guests_session"], HOUR)
    if exceeded := calls.take(rates, request.path):
        raise TooManyGuests(exceeded[0].partition(":")[0], HOUR, request.path)
