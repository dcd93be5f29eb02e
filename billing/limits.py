"""How many cards may be tried: the shop is no place to find out which of a thousand stolen numbers still work.

Every press that would ask Stripe about a card first writes a CardAttempt, then counts those of the last hour, its own
included: of presses at the same moment at least one sees the other, whatever process it is in, and nothing that could
be emptied or restarted has to remember. An attempt over a limit is taken back, asks Stripe nothing, and counts for
nothing, so that whoever waits is let in again, however often they tried meanwhile.

A declined attempt counts in full, and so does one whose answer is awaited; a good one counts a third; one that Stripe
never answered is taken back, for an outage is nobody's fault. Adding and paying are counted apart. A shopper who mixes
up digits needs three tries, a thief hundreds; a family, an office or a mobile network share one address. Hence, within
an hour (settings.CARD_TRIES):

| counted by | limit | that is |
|---|---|---|
| profile, session | 10 | 10 declines, or some 28 good cards |
| address | 30 | 30 declines, or some 88 purchases from one office |
| shop | 200 | 200 declines of all visitors together, *if* they outnumber the successes |

With SetupIntents it is the browser that tries the card, at Stripe: each SetupIntent counts as a declined card from its
beginning until its card is kept. How many cards one SetupIntent may try is for Stripe to limit.

The limit of the shop is for testers with a thousand addresses. A busy day cannot reach it: there successes outnumber
declines, and while it holds, customers whose account is older than an hour still pay.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from math import ceil
from operator import or_

from django.conf import settings
from django.db.models import Case, Min, Q, Sum, When
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import ngettext

from billing import answers
from billing.models import BillingProfile, CardAttempt, fingerprint
from ecommerce.http import client_address, private

logger = logging.getLogger(__name__)
BAD, GOOD = 3, 1
POINTS = Case(When(ok=True, then=GOOD), default=BAD)


class TooMany(Exception):
    """Over a limit: nothing was asked of Stripe. `seconds` until it is worth trying again, `back` is where."""

    def __init__(self, scope: str, seconds: int, back: str) -> None:
        super().__init__(f"too many card attempts for one {scope}")
        self.seconds, self.back = seconds, back

    @property
    def advice(self) -> str:
        """What the shopper is told."""
        minutes = ceil(self.seconds / 60)
        return ngettext(
            "Too many cards were tried in a short time. Nothing was charged. Please try again in %(count)d minute.",
            "Too many cards were tried in a short time. Nothing was charged. Please try again in %(count)d minutes.",
            minutes,
        ) % {"count": minutes}


def start(request: HttpRequest, kind: str, profile: BillingProfile, source: str = "", back: str = "") -> CardAttempt:
    """The row of an attempt that is about to ask Stripe; TooMany if it may not, and then there is no row."""
    attempt = CardAttempt.objects.create(
        kind=kind,
        billing_profile=profile,
        address=fingerprint(client_address(request)),
        session=fingerprint(request.session.session_key or ""),
        source=fingerprint(source),
    )
    over = _over_a_visitors_limit(attempt) or _over_the_shops_limit(attempt)
    if over is None:
        return attempt
    attempt.delete()
    scope, oldest = over
    logger.warning("card attempts of billing profile %s rejected: limit for %s exceeded", profile.pk, scope)
    left = oldest + CardAttempt.COUNTED - timezone.now()
    raise TooMany(scope, max(ceil(left.total_seconds()), 60), back)


def _over_a_visitors_limit(attempt: CardAttempt) -> tuple[str, datetime] | None:
    """Which limit this attempt is over, and the time of the oldest that counts."""
    scopes = {"profile": Q(billing_profile=attempt.billing_profile), "address": Q(address=attempt.address)}
    if attempt.session:
        scopes["session"] = Q(session=attempt.session)
    rows = CardAttempt.objects.recent().filter(reduce(or_, scopes.values()), kind=attempt.kind)
    points = {f"{scope}_points": Sum(POINTS, filter=who) for scope, who in scopes.items()}
    oldest = {f"{scope}_since": Min("timestamp", filter=who) for scope, who in scopes.items()}
    found = rows.aggregate(**points, **oldest)
    for scope in scopes:
        if (found[f"{scope}_points"] or 0) > BAD * settings.CARD_TRIES[scope]:
            return scope, found[f"{scope}_since"]
    return None


def _over_the_shops_limit(attempt: CardAttempt) -> tuple[str, datetime] | None:
    """The same of all visitors together, where declines outnumber successes."""
    profile, recent = attempt.billing_profile, CardAttempt.objects.recent()
    if profile.user_id and profile.timestamp < timezone.now() - CardAttempt.COUNTED:
        return None
    declined = recent.filter(ok=False)
    count = declined.count()
    if count < settings.CARD_TRIES["shop"] or count <= recent.filter(ok=True).count():
        return None
    return "shop", declined.earliest("timestamp").timestamp


@contextmanager
def judging(attempt: CardAttempt) -> Iterator[None]:
    """Note how a call to Stripe failed; whoever made it notes that it went well."""
    try:
        yield
    except (answers.Declined, answers.Missing, answers.TokenUsed):
        attempt.note(ok=False)
        raise
    except (answers.GatewayError, ValueError):
        attempt.note(ok=None)
        raise


def as_json(refusal: TooMany) -> JsonResponse:
    """The refusal for the card field's script."""
    return JsonResponse({"error": refusal.advice}, status=429, headers={"Retry-After": refusal.seconds})


@private
def cool_down(request: HttpRequest, refusal: TooMany) -> HttpResponse:
    """The refusal as a page."""
    page = render(request, "billing/cool_down.html", {"refusal": refusal, "next_page": refusal.back}, status=429)
    page["Retry-After"] = str(refusal.seconds)
    return page
