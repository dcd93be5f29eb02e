"""Functions to store a card, from a token or with a SetupIntent, and to remove it.

settings.STRIPE_CARD_FLOW chooses the flow of the pages. The server accepts both flows, so that a page opened before
the setting changed still works. The server does not trust what the browser reports; it asks Stripe.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task

from billing import answers, gateway, limits
from billing.abuse import calls
from billing.models import BillingProfile, Card, CardAttempt
from billing.models.attempt import fingerprint
from billing.stripe_calls import admission, time_limits
from core.background.tasks import start
from core.database.prepared import PreparedUpdate

logger = logging.getLogger(__name__)


class UnusableCard(Exception):
    """The browser sent nothing that can be saved as a card. The message is for the shopper."""


@dataclass(frozen=True)
class CardUse:
    """What a new card is for: see Card.objects.add_new.

    `payable_number` is the number of an order that the visitor can pay now, to which the card is not bound.
    """

    is_save_chosen: bool | None = None
    order_number: str = ""
    payable_number: str = ""

    @property
    def is_email_optional(self) -> bool:
        """Whether an email address that Stripe rejects is left out. A placed order must stay payable."""
        return bool(self.order_number)

    @property
    def purpose(self) -> limits.Purpose:
        """What the limits need to know about the card."""
        return limits.Purpose(self.order_number or self.payable_number)


DEFAULT_USE = CardUse()  # a request that the specified flow sends, with only a token


def save_token_card(request: HttpRequest, profile: BillingProfile, token: str, use: CardUse = DEFAULT_USE) -> Card:
    """Store the card of a token and return it.

    If this profile used the token before (a double click), return the card that was created from it. Raise
    TooManyRequests over a limit, a GatewayError if the call to Stripe fails, and ValueError if Stripe returns no
    card for this profile. `is_email_optional` is described at BillingProfile.get_customer.
    """
    attempt = limits.start_attempt(request, CardAttempt.Kind.ADD, profile, use.purpose, source=token)
    with limits.recording_failures(attempt), admission.admitted():
        try:
            customer = gateway.retrieve_customer(profile.get_customer(use.is_email_optional))
        except answers.Missing:
            customer = profile.replace_customer(use.is_email_optional)
        try:
            return _store(profile, gateway.create_source(customer, token), use, attempt)
        except answers.TokenUsed:
            earlier = CardAttempt.objects.for_source(profile, token)
            if earlier is None or earlier.card is None or not earlier.card.active:
                raise
    attempt.record(ok=True, card=earlier.card, is_check_due=False)
    return earlier.card


def _store(profile: BillingProfile, response: dict[str, Any], use: CardUse, attempt: CardAttempt) -> Card:
    """Store a card that Stripe has just attached, and the success of its attempt. Return the card's row.

    If the profile has this card already, ask Stripe whether it is still on file before the new one is detached.
    """
    stored = Card.objects.find_same(profile, response)
    if stored and not is_on_file(stored):
        Card.objects.remove(stored, is_detach_due=False)
    with transaction.atomic():
        card = Card.objects.add_new(profile, response, use.is_save_chosen, use.order_number)
        attempt.record(ok=True, card=card, is_check_due=False)
    if card.stripe_id != response["id"]:
        start(detach_removed_card, response["id"])
    return card


def is_on_file(card: Card) -> bool:
    """Whether Stripe still has the card. Also return True if Stripe does not answer."""
    try:
        return gateway.is_attached(card.billing_profile.customer_id, card.stripe_id)
    except answers.GatewayError as error:
        logger.warning("it is not known whether Stripe still has card %s: %s", card.pk, error)
        return True


def remove(card: Card) -> None:
    """Remove a card here at once, and at Stripe soon."""
    if Card.objects.remove(card):
        start(detach_removed_card, card.stripe_id)


DETACHED = PreparedUpdate(
    lambda card: Card.objects.filter(pk=card, active=False, billing_profile__forgotten=None), "is_detach_due", card=int
)


@task()
def detach_removed_card(stripe_id: str) -> None:
    """Try for a short time to detach a removed card at Stripe. Otherwise reconcile does it."""
    detach_quietly(Card.objects.to_detach().filter(stripe_id=stripe_id))


def detach_quietly(cards: Iterable[Card]) -> None:
    """Try for a short time to detach removed cards at Stripe. What fails is left to reconcile."""
    with time_limits.brief_timeouts():
        for card in cards:
            try:
                finish_removal(card)
            except answers.GatewayError as error:
                logger.warning("card %s could not be detached at Stripe yet: %s", card.pk, error)
                return


def finish_removal(card: Card) -> None:
    """Detach a locally removed card at Stripe. Delete it if its profile is erased.

    Raise GatewayError if the call fails.
    """
    gateway.detach_card(card.billing_profile.customer_id, card.stripe_id)
    if not DETACHED.run({"is_detach_due": False}, card=card.pk):
        removed = Card.objects.filter(pk=card.pk, active=False)
        removed.exclude(billing_profile__forgotten=None).delete()  # Nothing else is left of an erased profile.


def finish_erasure(profile: BillingProfile) -> None:
    """Delete the Stripe customer of an erased profile. Raise GatewayError if the call fails."""
    gateway.delete_customer(profile.customer_id)
    profile.cards.all().delete()  # another tab can have saved a card during the erasure
    erased = BillingProfile.objects.filter(pk=profile.pk, customer_id=profile.customer_id)
    erased.update(customer_id="", customer_email="", rejected_email="")


def create_setup(request: HttpRequest, profile: BillingProfile, use: CardUse = DEFAULT_USE) -> str:
    """Create a SetupIntent for this profile's customer and return its client secret.

    Raise TooManyRequests over a limit, and a GatewayError if the call to Stripe fails.
    """
    attempt = limits.start_attempt(request, CardAttempt.Kind.ADD, profile, use.purpose)
    with limits.recording_failures(attempt), admission.admitted():
        try:
            setup = gateway.create_setup(profile.get_customer(use.is_email_optional))
        except answers.Missing:
            setup = gateway.create_setup(profile.replace_customer(use.is_email_optional))
    # The browser tries the card and reports only success, so the attempt counts as declined until then.
    attempt.record(ok=False, source=fingerprint(setup.id))
    return setup.client_secret


def save_setup_card(profile: BillingProfile, setup_id: str, use: CardUse = DEFAULT_USE) -> Card:
    """Return the card of a SetupIntent that was created for this profile. Repeated calls return the same card.

    Raise UnusableCard if the SetupIntent is not known for this profile, has not succeeded or has another customer.
    Raise a GatewayError if the call to Stripe fails, and TooManyStripeCalls if the visitor has called it too often.
    """
    attempt = CardAttempt.objects.for_source(profile, setup_id)
    if attempt is None or (attempt.card and not attempt.card.active):
        raise UnusableCard(_("Your card could not be read. Nothing was charged. Please enter it again."))
    if attempt.card:
        return attempt.card
    calls.reserve(calls.NEW_SETUP)
    with admission.admitted():
        return _store_setup(profile, gateway.retrieve_setup(setup_id), use, attempt)


def _store_setup(profile: BillingProfile, setup: answers.Setup, use: CardUse, attempt: CardAttempt) -> Card:
    owners = {setup.customer, str(setup.card.get("customer") or "")}
    if setup.status != "succeeded" or owners != {profile.customer_id}:
        logger.warning("SetupIntent %s of billing profile %s is %s", setup.id, profile.pk, setup.status)
        attempt.record(ok=False, source="")  # Stripe is asked only once; the next card has a new SetupIntent
        raise UnusableCard(_("Your bank's check was not completed. Nothing was charged. Please enter your card again."))
    return _store(profile, setup.card, use, attempt)


def detach_unknown_cards(attempt: CardAttempt) -> None:
    """Detach the cards that Stripe has for the profile of this attempt, but the shop does not know.

    Do nothing while the shopper is entering another card. Raise a GatewayError if a call to Stripe fails.
    """
    customer_id = attempt.billing_profile.customer_id
    attached = gateway.list_cards(customer_id) if customer_id else []
    # An attempt is stored before its card is attached, so it has to be looked up after the list.
    pending = CardAttempt.objects.to_check().filter(billing_profile=attempt.billing_profile)
    if pending.filter(timestamp__gte=timezone.now() - Card.UNSAVED_FOR).exists():
        return
    known = set(Card.objects.filter(stripe_id__in=attached).values_list("stripe_id", flat=True))
    for card_id in sorted(set(attached) - known):
        logger.warning("card %s is not known and is detached from customer %s", card_id, customer_id)
        gateway.detach_card(customer_id, card_id)
    CardAttempt.objects.filter(pk=attempt.pk).update(is_check_due=False)
