"""Forms for the card pages."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.models import BillingProfile, Card
from billing.models.card_queries import USABLE
from core.forms import PlainForm

NO_CARD = _("Choose a saved card or enter a new one. Entering a new card needs JavaScript.")


class NewCardForm(PlainForm):
    """A form with an optional `save`: "1" if the shopper ticked to save the card for later, otherwise "0"."""

    @property
    def is_save_chosen(self) -> bool | None:
        """Whether the shopper ticked to save the card. None if the page did not ask."""
        return self.data["save"] in ("1", "on") if "save" in self.data else None


class TokenForm(NewCardForm):
    """A form for the token that Stripe's card field created from a card."""

    token = forms.RegexField(
        r"^tok_\w+\Z",
        max_length=120,
        error_messages={"required": _("No card was submitted."), "invalid": _("This is not a card.")},
    )


class SetupForm(NewCardForm):
    """A form for the SetupIntent that Stripe's card field has confirmed."""

    setup_intent = forms.RegexField(
        r"^seti_\w+\Z",
        max_length=120,
        error_messages={"required": _("No card was submitted."), "invalid": _("This is not a card.")},
    )


class CardField(forms.Field):
    """A field for the id of one of these cards, which are read if an id was submitted."""

    cards: Callable[[], list[Card]] = list

    def to_python(self, value: Any) -> Card | None:
        """Return the card, or None without an id. Raise ValidationError if it is none of the cards."""
        if value in self.empty_values:
            return None
        found = next((card for card in self.cards() if str(card.pk) == str(value)), None)
        if found is None:
            raise ValidationError(NO_CARD, code="invalid_choice")
        return found


class CardForm(PlainForm):
    """A form to choose one of the cards that can pay the profile's order with this number."""

    card = CardField(error_messages={"required": NO_CARD})

    def __init__(self, *args: Any, billing_profile: BillingProfile, order_number: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.billing_profile = billing_profile
        field: Any = self.fields["card"]
        field.cards = lambda: USABLE.rows(billing_profile=billing_profile.pk, order_number=order_number)

    def clean_card(self) -> Card:
        """Reject a card that has expired, also if it expired after the page was opened."""
        card: Card = self.cleaned_data["card"]
        card.billing_profile = self.billing_profile  # the payment needs it
        if card.is_expired:
            raise ValidationError(_("%(card)s has expired. Choose another card.") % {"card": card})
        return card
