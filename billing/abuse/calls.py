"""The limit of calls to Stripe: settings.REQUEST_LIMITS["stripe_calls"] a minute for all requests of one IP address.

The middleware sets the visitor of each request, and `gateway` reports each call to it. A page that a visitor can cause
to call Stripe is therefore counted without naming itself. An action reserves its calls with `reserve` before it changes
anything, so that it is rejected as a whole. A page that only reads needs no reservation: over the limit, its call fails
as if Stripe did not answer, and it shows what the rows say.

Calls of staff, of webhooks that Stripe signed and of commands are not limited.
"""

from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest

from billing import answers, gateway
from billing.abuse.rejections import TooManyStripeCalls
from billing.models import Rate, RateCounter
from core.http import client_key

SECONDS = 60
# How many calls an action makes if nothing goes wrong.
NEW_SETUP, NEW_CARD, PAYMENT, CANCELLATION = 1, 2, 4, 2


class Visitor:
    """The visitor of a request, and how many calls it has reserved."""

    def __init__(self, request: HttpRequest) -> None:
        self.request, self.reserved = request, 0
        self.is_exempt = self.has_called = False

    def reserve(self, calls: int, back: str) -> None:
        """Reserve these calls. Raise TooManyStripeCalls if the limit does not allow all of them."""
        missing = calls - self.reserved
        if missing > 0 and not self._take(missing):
            raise TooManyStripeCalls("calls to Stripe from one IP address", SECONDS, back)
        self.reserved = max(calls, self.reserved)

    def count_call(self) -> None:
        """Count a call that is about to be made. Raise CallLimitReached if the limit does not allow it."""
        if self.reserved:
            self.reserved -= 1
        elif not self._take(1):
            raise answers.CallLimitReached("too many calls to Stripe for one IP address")

    def _take(self, calls: int) -> bool:
        self.has_called = True
        if self.is_exempt or self._is_staff():
            return True
        return not RateCounter.objects.take(self._rate(), calls)

    def _rate(self) -> dict[str, Rate]:
        return {f"calls:{client_key(self.request)}": Rate(settings.REQUEST_LIMITS["stripe_calls"], SECONDS)}

    def take_with(self, rates: dict[str, Rate], back: str) -> list[str]:
        """Reserve one call, unless one is reserved, and count the other rates in the same statement."""
        if self.reserved or self.is_exempt or self._is_staff():
            return RateCounter.objects.take(rates)
        own, self.has_called = self._rate(), True
        exceeded = RateCounter.objects.take(own | rates)
        if own.keys() & set(exceeded):
            raise TooManyStripeCalls("calls to Stripe from one IP address", SECONDS, back)
        self.reserved = 0 if exceeded else 1
        return exceeded

    def _is_staff(self) -> bool:
        return bool(getattr(getattr(self.request, "user", None), "is_staff", False))


_visitor: ContextVar[Visitor | None] = ContextVar("visitor", default=None)


def begin(request: HttpRequest) -> Visitor:
    """Count the calls to Stripe from now on as those of this request, and return its visitor."""
    visitor = Visitor(request)
    _visitor.set(visitor)
    gateway.watch_calls(visitor.count_call)
    return visitor


def end() -> None:
    """Count no further calls."""
    _visitor.set(None)
    gateway.watch_calls(None)


def reserve(calls: int, back: str = "") -> None:
    """Reserve the calls of an action before it changes anything. Do nothing outside a visitor's request.

    Raise TooManyStripeCalls, with `back` as the URL to return to, if the limit does not allow them.
    """
    if visitor := _visitor.get():
        visitor.reserve(calls, back)


def take(rates: dict[str, Rate], back: str) -> list[str]:
    """Count these rates and reserve one call, in one statement. Return the keys of the rates that would be exceeded.

    Raise TooManyStripeCalls, with `back` as the URL to return to, if the call is over the limit. Nothing is counted
    then, nor if a rate would be exceeded.
    """
    visitor = _visitor.get()
    return visitor.take_with(rates, back) if visitor else RateCounter.objects.take(rates)


def exempt() -> None:
    """Do not limit the calls of this request, which Stripe has signed."""
    if visitor := _visitor.get():
        visitor.is_exempt = True
