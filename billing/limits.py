"""Rate limits for card attempts, so that the shop cannot be used to test stolen card numbers.

Each request that is about to ask Stripe about a card first inserts a CardAttempt, then counts the attempts of the last
hour, including its own. At least one of two simultaneous requests therefore sees the other, even in another process.
The counters are database rows: clearing a cache or restarting a process does not reset them. An attempt over a limit
is deleted without a call to Stripe and does not count. Visitors who wait can therefore try again after an hour,
regardless of how often they tried in the meantime.

A declined attempt counts in full, and so does an attempt that is still in progress. A successful attempt counts a
third. An attempt that Stripe did not answer is deleted, because an outage is not the visitor's fault. The limits per
visitor count adding a card and paying separately. A shopper who mistypes a card number needs three tries, a card
tester hundreds. A family, an office or a mobile network shares one IP address. The limits within an hour are
(settings.CARD_TRIES):

| counted by | limit | which allows |
|---|---|---|
| profile, session | 10 | 10 declines, or about 28 successful cards |
| IP address | 30 | 30 declines, or about 88 purchases from one office |
| shop | 200 | 200 declines of all visitors together, *if* they outnumber the successes |

With SetupIntents, the browser tries the card at Stripe. Each SetupIntent counts as a declined card from its creation
until its card is saved. Stripe limits how many cards one SetupIntent can try.

The shop limit protects against card testers who use many IP addresses. A busy day does not reach it, because successes
outnumber declines then. While it is exceeded, customers whose account is older than an hour can still pay.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from math import ceil
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, Min, Q, Sum, Value, When
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import ngettext

from billing import answers
from billing.models import BillingProfile, CardAttempt
from billing.models.attempt import fingerprint
from core.database.prepared import PreparedQuery
from core.http import client_ip, private

logger = logging.getLogger(__name__)
DECLINED_POINTS, SUCCESS_POINTS = 3, 1
SCOPES = ("profile", "address", "session")
NO_SESSION = "-"  # no fingerprint
POINTS = Case(When(ok=True, then=SUCCESS_POINTS), default=DECLINED_POINTS)


class TooManyCardAttempts(Exception):
    """A card attempt over a limit. Stripe was not called.

    `seconds` is the time to wait before the next attempt, `back` is the URL to return to.
    """

    def __init__(self, scope: str, seconds: int, back: str) -> None:
        super().__init__(f"too many card attempts for one {scope}")
        self.seconds, self.back = seconds, back

    @property
    def message(self) -> str:
        """The message for the shopper."""
        minutes = ceil(self.seconds / 60)
        return ngettext(
            "Too many cards were tried in a short time. Nothing was charged. Please try again in %(count)d minute.",
            "Too many cards were tried in a short time. Nothing was charged. Please try again in %(count)d minutes.",
            minutes,
        ) % {"count": minutes}


def start_attempt(
    request: HttpRequest, kind: str, profile: BillingProfile, source: str = "", back: str = ""
) -> CardAttempt:
    """Create and return the attempt for a call to Stripe.

    Raise TooManyCardAttempts if the attempt is over a limit. No row is kept in that case.
    """
    attempt = CardAttempt.objects.create(
        kind=kind,
        billing_profile=profile,
        address=fingerprint(client_ip(request)),
        session=fingerprint(request.session.session_key or ""),
        source=fingerprint(source),
        is_check_due=kind == CardAttempt.Kind.ADD,
    )
    exceeded = _exceeded_limit(attempt)
    if exceeded is None:
        return attempt
    attempt.delete()
    scope, oldest = exceeded
    logger.warning("card attempts of billing profile %s rejected: limit for %s exceeded", profile.pk, scope)
    remaining = oldest + CardAttempt.COUNTED_FOR - timezone.now()
    raise TooManyCardAttempts(scope, max(ceil(remaining.total_seconds()), 60), back)


def _exceeded_limit(attempt: CardAttempt) -> tuple[str, datetime] | None:
    """Return the name of an exceeded limit and the time of the oldest attempt that it counts, or None.

    One statement counts for all limits.
    """
    totals = TOTALS.first(
        kind=attempt.kind, profile=attempt.billing_profile_id, address=attempt.address,
        session=attempt.session or NO_SESSION, since=timezone.now() - CardAttempt.COUNTED_FOR,
    )  # fmt: skip
    if totals is None:
        return None
    for scope in SCOPES:
        if (totals[f"{scope}_points"] or 0) > DECLINED_POINTS * settings.CARD_TRIES[scope]:
            return scope, totals[f"{scope}_since"]
    return None if _is_exempt(attempt) else _exceeded_shop_limit(totals["declined"])


def _totals(kind: str, profile: int, address: str, session: str, since: datetime) -> Any:
    """Return a query for one row: the points and the first time of each scope, and the declines in the shop."""
    values = {"profile": Q(billing_profile=profile), "address": Q(address=address), "session": Q(session=session)}
    scopes = {name: values[name] & Q(kind=kind) for name in SCOPES}
    points = {f"{scope}_points": Sum(POINTS, filter=condition) for scope, condition in scopes.items()}
    oldest = {f"{scope}_since": Min("timestamp", filter=condition) for scope, condition in scopes.items()}
    counted = reduce(or_, scopes.values()) | Q(ok=False)
    attempts = CardAttempt.objects.filter(counted, timestamp__gt=since, is_unanswered=False).order_by()
    return attempts.values(all=Value(1)).annotate(**points, **oldest, declined=Count("pk", filter=Q(ok=False)))


TOTALS = PreparedQuery(_totals, kind=str, profile=int, address=str, session=str, since=datetime)


def _is_exempt(attempt: CardAttempt) -> bool:
    """Whether the shop limit does not apply: to users whose profile is older than an hour."""
    profile = attempt.billing_profile
    return bool(profile.user_id) and profile.timestamp < timezone.now() - CardAttempt.COUNTED_FOR


def _exceeded_shop_limit(declined: int) -> tuple[str, datetime] | None:
    """Return "shop" and the time of the oldest decline if the shop limit is exceeded, otherwise None.

    The limit applies only while the declines outnumber the successes.
    """
    recent = CardAttempt.objects.recent()
    if declined < settings.CARD_TRIES["shop"] or declined <= recent.filter(ok=True).count():
        return None
    return "shop", recent.filter(ok=False).earliest("timestamp").timestamp


@contextmanager
def recording_failures(attempt: CardAttempt) -> Iterator[None]:
    """Record on the attempt how a call to Stripe failed, and raise the error again.

    Declined, Missing and TokenUsed count as a declined card. After another GatewayError or a ValueError, the attempt
    does not count. It is deleted if Stripe cannot have a card. The caller records a success.
    """
    try:
        yield
    except (answers.Declined, answers.Missing, answers.TokenUsed):
        attempt.record(ok=False, is_check_due=False)
        raise
    except (answers.EmailRejected, answers.NotCalled):
        attempt.delete()  # Without a customer or a call, Stripe has no card.
        raise
    except (answers.GatewayError, ValueError):
        attempt.record(ok=None)
        raise


def rejection_json(error: TooManyCardAttempts) -> JsonResponse:
    """Return the rejection as JSON for the card field's script, with status 429."""
    return JsonResponse({"error": error.message}, status=429, headers={"Retry-After": error.seconds})


@private
def rejection_page(request: HttpRequest, error: TooManyCardAttempts) -> HttpResponse:
    """Return the rejection as a page, with status 429."""
    response = render(request, "billing/rate_limited.html", {"error": error, "next_page": error.back}, status=429)
    response["Retry-After"] = str(error.seconds)
    return response
