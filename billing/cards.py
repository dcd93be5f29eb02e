"""Putting a card on file in two ways: of a token, or by a SetupIntent (settings.STRIPE_CARD_FLOW chooses the page's).

Both kinds of answer are taken whatever the setting is, so that a page opened before a change still works. What the
browser says counts for nothing: the server asks Stripe itself.
"""

import logging

from django.http import HttpRequest
from django.utils.translation import gettext as _

from billing import answers, gateway, limits
from billing.models import BillingProfile, Card, CardAttempt, fingerprint

logger = logging.getLogger(__name__)


class Unusable(Exception):
    """What the browser sent is no card that could be kept; the text is for the shopper."""


def keep_token(request: HttpRequest, profile: BillingProfile, token: str) -> Card:
    """The card of a token; of one this profile used before (a double click), the very card it became."""
    attempt = limits.start(request, CardAttempt.Kind.ADD, profile, source=token)
    with limits.judging(attempt):
        try:
            customer = gateway.retrieve_customer(profile.get_customer())
        except answers.Missing:
            customer = profile.renew_customer()
        try:
            card = Card.objects.add_new(profile, gateway.create_source(customer, token))
        except answers.TokenUsed:
            before = CardAttempt.objects.of_source(profile, token)
            if before is None or before.card is None:
                raise
            card = before.card
    attempt.note(ok=True, card=card)
    return card


def remove(card: Card) -> None:
    """Take a card off the file: here at once, at Stripe now or, if Stripe is silent, by reconcile."""
    if Card.objects.remove(card):
        try:
            finish_removal(card)
        except answers.GatewayError as error:
            logger.warning("card %s could not be removed at Stripe yet: %s", card.pk, error)


def finish_removal(card: Card) -> None:
    """Stripe forgets a card that was removed here; a GatewayError if nobody knows."""
    gateway.detach_card(card.billing_profile.customer_id, card.stripe_id)
    Card.objects.filter(pk=card.pk, active=False).update(is_detach_due=False)


def finish_forgetting(profile: BillingProfile) -> None:
    """Stripe forgets the customer of a profile whose person left; a GatewayError if nobody knows."""
    gateway.delete_customer(profile.customer_id)
    profile.cards.all().delete()  # one that was being put on file in another tab when its owner left
    BillingProfile.objects.filter(pk=profile.pk, customer_id=profile.customer_id).update(customer_id="")


def begin_setup(request: HttpRequest, profile: BillingProfile) -> str:
    """The client secret of a new SetupIntent of this profile's customer."""
    attempt = limits.start(request, CardAttempt.Kind.ADD, profile)
    with limits.judging(attempt):
        try:
            setup = gateway.create_setup(profile.get_customer())
        except answers.Missing:
            setup = gateway.create_setup(profile.renew_customer())
    # The card is tried in the browser, and only what succeeds comes back to us: declined until we know better.
    attempt.note(ok=False, source=fingerprint(setup.id))
    return setup.client_secret


def keep_setup(profile: BillingProfile, setup_id: str) -> Card:
    """The card of a SetupIntent that we began for this very profile; asked again, the same card again."""
    attempt = CardAttempt.objects.of_source(profile, setup_id)
    if attempt is None:
        raise Unusable(_("Your card could not be read. Nothing was charged. Please enter it again."))
    if attempt.card:
        return attempt.card
    setup = gateway.retrieve_setup(setup_id)
    if setup.status != "succeeded" or setup.customer != profile.customer_id:
        logger.warning("SetupIntent %s of billing profile %s is %s", setup.id, profile.pk, setup.status)
        attempt.note(ok=False, source="")  # looked at once; the next card has a SetupIntent of its own
        raise Unusable(_("The check of your card was not completed. Nothing was charged. Please enter it again."))
    card = Card.objects.add_new(profile, setup.card)
    attempt.note(ok=True, card=card)
    return card
