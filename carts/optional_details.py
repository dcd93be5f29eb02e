"""What a shopper can add to an order: a phone number, a note to the shop and a gift message."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.forms import PlainForm
from core.text.card_numbers import has_card_number

# Names of the form fields and of the columns of an order.
OPTIONAL_DETAILS = ("phone", "buyer_note", "gift_message")
MAX_PHONE, MAX_NOTE, MAX_GIFT_MESSAGE = 30, 500, 300  # characters
PHONE_DIGITS = range(5, 16)  # E.164 allows 15 digits
CONTROLS = re.compile("[\x01-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
BLANK_LINES = re.compile(r"\n\s*\n")


class PlainTextField(forms.CharField):
    """Plain text with several lines. Browsers submit each line break as two characters; it counts as one."""

    def to_python(self, value: Any) -> str:
        """Return the text with simple line breaks, at most one blank line in a row and no control characters."""
        text = str(value or "").replace("\r\n", "\n").replace("\r", "\n")
        return str(super().to_python(BLANK_LINES.sub("\n\n", CONTROLS.sub(" ", text))))


def validate_no_card_number(text: str) -> None:
    """Raise ValidationError if the text has what can be a card number, because the shop must never store one."""
    if has_card_number(text):
        raise ValidationError(_("Please leave out card numbers here. You enter your card in the next step."))


def text_field(label: Any, max_length: int, help_text: Any) -> PlainTextField:
    """Return an optional field for a short text."""
    widget = forms.Textarea({"rows": 3, "autocomplete": "off"})
    return PlainTextField(
        label=label, max_length=max_length, required=False, help_text=help_text, widget=widget,
        validators=[validate_no_card_number],
    )  # fmt: skip


class OptionalDetailsForm(PlainForm):
    """Form for the optional details of an order, in the first step of the checkout."""

    phone = forms.RegexField(
        r"^[0-9+() -]+\Z",
        label=_("Phone number"),
        max_length=MAX_PHONE,
        required=False,
        help_text=_("For questions about the delivery."),
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
        error_messages={"invalid": _("A phone number can contain only digits, spaces and + ( ) -.")},
    )
    buyer_note = text_field(_("Note for us"), MAX_NOTE, _("For example, where to leave the parcel."))
    gift_message = text_field(
        _("Gift message"), MAX_GIFT_MESSAGE, _("Printed on the delivery note, which has no prices.")
    )

    def clean_phone(self) -> str:
        """Return the phone number. Raise ValidationError if it has too few or too many digits."""
        phone = str(self.cleaned_data["phone"])
        if phone and sum(letter.isdigit() for letter in phone) not in PHONE_DIGITS:
            raise ValidationError(_("Enter a phone number with 5 to 15 digits."))
        return phone

    @property
    def is_used(self) -> bool:
        """Whether a field has text or an error, so that the fields must not be folded away."""
        return bool(self.errors) or any(self[name].value() for name in OPTIONAL_DETAILS)
