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

A guest who has no order to pay yet can enter only settings.CARD_TRIES["no_order"] cards an hour per session and per IP
address, whether they are declined or not.

The shop limit protects against card testers who use many IP addresses. A busy day does not reach it, because successes
outnumber declines then. While it is exceeded, nobody has to wait: a new card needs a verified email address (see
`billing.abuse.confirmation`), and each payment asks the bank for 3-D Secure. Staff are told.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import reduce
from math import ceil
from operator import or_
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Case, Count, Min, Q, Sum, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing import answers
from billing.abuse import calls, confirmation
from billing.abuse.rejections import Step, TooManyRequests
from billing.models import BillingProfile, Card, CardAttempt
from billing.models.attempt import fingerprint
from core.database.prepared import PreparedQuery, insert_row
from core.http import client_ip

logger = logging.getLogger(__name__)
DECLINED_POINTS, SUCCESS_POINTS = 3, 1
SCOPES = ("profile", "address", "session")
EARLY_SCOPES = ("address", "session")  # of guests without an order
NO_SESSION = "-"  # no fingerprint
POINTS = Case(When(ok=True, then=SUCCESS_POINTS), default=DECLINED_POINTS)


class TooManyCardAttempts(TooManyRequests):
    """A card attempt over a limit."""

    reason = gettext_lazy(
        "Your cart and your order are kept. We limit how often cards can be tried to prevent the testing of stolen "
        "cards."
    )

    @property
    def message(self) -> str:
        """The message for the shopper."""
        minutes = ceil(self.seconds / 60)
        return ngettext(
            "Too many cards were tried in a short time. Nothing was charged. Please try again in %(count)d minute.",
            "Too many cards were tried in a short time. Nothing was charged. Please try again in %(count)d minutes.",
            minutes,
        ) % {"count": minutes}


class OrderNeeded(TooManyCardAttempts):
    """A guest without an order tried too many cards."""

    @property
    def message(self) -> str:
        """The message for the shopper."""
        return _("Please fill your cart and enter your postal address before you try another card.")


class Purpose(NamedTuple):
    """What a card attempt is for.

    `order_number` is the number of the order that the visitor can pay with the card now, or empty. `card` is the card
    to charge, if it is known. `back` is the URL of the page that sent the request.
    """

    order_number: str = ""
    card: Card | None = None
    back: str = ""

    @property
    def has_known_card(self) -> bool:
        """Whether the shopper saved this card before the attempts that the limits count."""
        before = timezone.now() - CardAttempt.COUNTED_FOR
        return bool(self.card and self.card.is_saved and self.card.timestamp < before)


def start_attempt(
    request: HttpRequest, kind: str, profile: BillingProfile, purpose: Purpose, source: str = ""
) -> CardAttempt:
    """Create and return the attempt for a call to Stripe.

    Raise TooManyRequests if the attempt or its calls to Stripe are over a limit. No row is kept in that case.
    """
    with transaction.atomic():  # one commit for both; it comes before the attempts are counted
        calls.reserve(calls.PAYMENT if kind == CardAttempt.Kind.PAY else calls.NEW_CARD, purpose.back)
        attempt = CardAttempt(
            kind=kind,
            billing_profile=profile,
            address=fingerprint(client_ip(request)),
            session=fingerprint(request.session.session_key or ""),
            source=fingerprint(source),
            is_check_due=kind == CardAttempt.Kind.ADD,
            is_without_order=kind == CardAttempt.Kind.ADD and profile.is_guest and not purpose.order_number,
        )
        insert_row(attempt)
    try:
        _check(request, attempt, purpose)
    except TooManyRequests as error:
        attempt.delete()
        logger.warning("card attempt of billing profile %s rejected: %s", profile.pk, error)
        raise
    return attempt


@contextmanager
def forgetting_errors(attempt: CardAttempt) -> Iterator[None]:
    """Let the attempt not count if the block raises an error, for example because a lock was not granted in time."""
    try:
        yield
    except Exception:
        with suppress(DatabaseError):  # which may be the cause
            attempt.record(ok=None)
        raise


def _check(request: HttpRequest, attempt: CardAttempt, purpose: Purpose) -> None:
    """Raise TooManyRequests if the attempt is over a limit. One statement counts for all limits."""
    totals = TOTALS.first(
        kind=attempt.kind, profile=attempt.billing_profile_id, address=attempt.address,
        session=attempt.session or NO_SESSION, since=timezone.now() - CardAttempt.COUNTED_FOR,
    )  # fmt: skip
    if totals is None:
        return
    for scope in SCOPES:
        if (totals[f"{scope}_points"] or 0) > DECLINED_POINTS * settings.CARD_TRIES[scope]:
            raise TooManyCardAttempts(f"cards of one {scope}", _seconds_left(totals[f"{scope}_since"]), purpose.back)
    for scope in EARLY_SCOPES if attempt.is_without_order else ():
        if totals[f"early_{scope}"] > settings.CARD_TRIES["no_order"]:
            step = Step(reverse("carts:checkout"), _("Go to checkout"))
            raise OrderNeeded(f"cards without an order of one {scope}", _seconds_left(None), purpose.back, step)
    if _is_shop_limit_exceeded(totals["declined"]):
        confirmation.alert_staff()
        if not purpose.has_known_card:
            confirmation.require(request, attempt.billing_profile, purpose.order_number, purpose.back)
        attempt.must_authenticate = True
        attempt.save(update_fields=["must_authenticate"])


def _seconds_left(oldest: datetime | None) -> int:
    """Return the seconds until an attempt of this time, or of now, does not count any more. It is at least a minute."""
    now = timezone.now()
    return max(ceil(((oldest or now) + CardAttempt.COUNTED_FOR - now).total_seconds()), 60)


def _totals(kind: str, profile: int, address: str, session: str, since: datetime) -> Any:
    """Return a query for one row: the points and the first time of each scope, and the declines in the shop.

    For each scope of guests without an order, it also has the number of their cards.
    """
    values = {"profile": Q(billing_profile=profile), "address": Q(address=address), "session": Q(session=session)}
    scopes = {name: values[name] & Q(kind=kind) for name in SCOPES}
    points = {f"{scope}_points": Sum(POINTS, filter=condition) for scope, condition in scopes.items()}
    oldest = {f"{scope}_since": Min("timestamp", filter=condition) for scope, condition in scopes.items()}
    early = {f"early_{name}": Count("pk", filter=values[name] & Q(is_without_order=True)) for name in EARLY_SCOPES}
    counted = reduce(or_, scopes.values()) | Q(ok=False)
    attempts = CardAttempt.objects.filter(counted, timestamp__gt=since, is_unanswered=False).order_by()
    declined = Count("pk", filter=Q(ok=False))
    return attempts.values(all=Value(1)).annotate(**points, **oldest, **early, declined=declined)


TOTALS = PreparedQuery(_totals, kind=str, profile=int, address=str, session=str, since=datetime)


def _is_shop_limit_exceeded(declined: int) -> bool:
    """Return whether the cards of all visitors were declined too often, and more often than they were accepted."""
    if declined < settings.CARD_TRIES["shop"]:
        return False
    return declined > CardAttempt.objects.recent().filter(ok=True).count()


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
