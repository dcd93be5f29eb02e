"""Forms for the card pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import BillingProfile, Card
from core.forms import PlainForm

NO_CARD = _("Choose a saved card or enter a new one. Entering a new card needs JavaScript.")


class TokenForm(PlainForm):
    """A form for the token that Stripe's card field created from a card."""

    token = forms.RegexField(
        r"^tok_\w+\Z",
        max_length=120,
        error_messages={"required": _("No card was submitted."), "invalid": _("This is not a card.")},
    )


class SetupForm(PlainForm):
    """A form for the SetupIntent that Stripe's card field has confirmed."""

    setup_intent = forms.RegexField(
        r"^seti_\w+\Z",
        max_length=120,
        error_messages={"required": _("No card was submitted."), "invalid": _("This is not a card.")},
    )


class CardForm(PlainForm):
    """A form to choose one of the profile's saved cards."""

    card = forms.ModelChoiceField(Card.objects.none(), error_messages={"required": NO_CARD, "invalid_choice": NO_CARD})

    def __init__(self, *args: Any, billing_profile: BillingProfile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["card"].queryset = Card.objects.usable(billing_profile)  # type: ignore[attr-defined]
