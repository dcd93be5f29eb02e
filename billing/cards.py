"""Functions to save a card, from a token or with a SetupIntent, and to remove it.

settings.STRIPE_CARD_FLOW chooses the flow of the pages. The server accepts both flows, so that a page opened before
the setting changed still works. The server does not trust what the browser reports; it asks Stripe.
"""

import logging

from django.http import HttpRequest
from django.utils.translation import gettext as _

from billing import answers, gateway, limits
from billing.models import BillingProfile, Card, CardAttempt
from billing.models.attempt import fingerprint

logger = logging.getLogger(__name__)


class UnusableCard(Exception):
    """The browser sent nothing that can be saved as a card. The message is for the shopper."""


def save_token_card(request: HttpRequest, profile: BillingProfile, token: str, is_email_optional: bool = False) -> Card:
    """Save the card of a token and return it.

    If this profile used the token before (a double click), return the card that was created from it. Raise
    TooManyCardAttempts over a limit, a GatewayError if the call to Stripe fails, and ValueError if Stripe returns no
    card for this profile. `is_email_optional` is described at BillingProfile.get_customer.
    """
    attempt = limits.start_attempt(request, CardAttempt.Kind.ADD, profile, source=token)
    with limits.recording_failures(attempt):
        try:
            customer = gateway.retrieve_customer(profile.get_customer(is_email_optional))
        except answers.Missing:
            customer = profile.replace_customer(is_email_optional)
        try:
            card = Card.objects.add_new(profile, gateway.create_source(customer, token))
        except answers.TokenUsed:
            earlier = CardAttempt.objects.for_source(profile, token)
            if earlier is None or earlier.card is None:
                raise
            card = earlier.card
    attempt.record(ok=True, card=card)
    return card


def remove(card: Card) -> None:
    """Remove a card locally, then at Stripe. If the call to Stripe fails, reconcile removes it there later."""
    if Card.objects.remove(card):
        try:
            finish_removal(card)
        except answers.GatewayError as error:
            logger.warning("card %s could not be removed at Stripe yet: %s", card.pk, error)


def finish_removal(card: Card) -> None:
    """Detach a locally removed card at Stripe. Raise GatewayError if the call fails."""
    gateway.detach_card(card.billing_profile.customer_id, card.stripe_id)
    Card.objects.filter(pk=card.pk, active=False).update(is_detach_due=False)


def finish_erasure(profile: BillingProfile) -> None:
    """Delete the Stripe customer of an erased profile. Raise GatewayError if the call fails."""
    gateway.delete_customer(profile.customer_id)
    profile.cards.all().delete()  # another tab can have saved a card during the erasure
    erased = BillingProfile.objects.filter(pk=profile.pk, customer_id=profile.customer_id)
    erased.update(customer_id="", customer_email="", rejected_email="")


def create_setup(request: HttpRequest, profile: BillingProfile, is_email_optional: bool = False) -> str:
    """Create a SetupIntent for this profile's customer and return its client secret.

    Raise TooManyCardAttempts over a limit, and a GatewayError if the call to Stripe fails. `is_email_optional` is
    described at BillingProfile.get_customer.
    """
    attempt = limits.start_attempt(request, CardAttempt.Kind.ADD, profile)
    with limits.recording_failures(attempt):
        try:
            setup = gateway.create_setup(profile.get_customer(is_email_optional))
        except answers.Missing:
            setup = gateway.create_setup(profile.replace_customer(is_email_optional))
    # The browser tries the card and reports only success, so the attempt counts as declined until then.
    attempt.record(ok=False, source=fingerprint(setup.id))
    return setup.client_secret


def save_setup_card(profile: BillingProfile, setup_id: str) -> Card:
    """Return the card of a SetupIntent that was created for this profile. Repeated calls return the same card.

    Raise UnusableCard if the SetupIntent is not known for this profile, has not succeeded or has another customer.
    Raise a GatewayError if the call to Stripe fails.
    """
    attempt = CardAttempt.objects.for_source(profile, setup_id)
    if attempt is None:
        raise UnusableCard(_("Your card could not be read. Nothing was charged. Please enter it again."))
    if attempt.card:
        return attempt.card
    setup = gateway.retrieve_setup(setup_id)
    if setup.status != "succeeded" or setup.customer != profile.customer_id:
        logger.warning("SetupIntent %s of billing profile %s is %s", setup.id, profile.pk, setup.status)
        attempt.record(ok=False, source="")  # Stripe is asked only once; the next card has a new SetupIntent
        raise UnusableCard(_("Your bank's check was not completed. Nothing was charged. Please enter your card again."))
    card = Card.objects.add_new(profile, setup.card)
    attempt.record(ok=True, card=card)
    return card
