"""The form of the contact page."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.contact.models import MAX_MESSAGE, ContactMail
from core.emails.addresses import is_email_address
from core.forms import ShopForm


def validate_one_line(value: str) -> None:
    """Raise ValidationError if the value has unprintable characters, because it is shown in the subject or a header."""
    if not value.isprintable():
        raise ValidationError(_("Please use only letters, digits and signs."), code="invalid")


class ContactForm(ShopForm, forms.ModelForm):
    """A message to the shop, with the name and email address of the visitor."""

    email = forms.EmailField(label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    name = forms.CharField(
        label=_("Name"), max_length=80, validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    order_number = forms.CharField(
        label=_("Order number (optional)"), max_length=40, required=False, validators=[validate_one_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    message = forms.CharField(
        label=_("Message"), max_length=MAX_MESSAGE, widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off"})
    )

    class Meta:
        model = ContactMail
        fields = ["name", "order_number", "message"]

    field_order = ["name", "email", "order_number", "message"]

    def clean_email(self) -> str:
        """Return the email address. Raise ValidationError if nobody could answer to it."""
        email: str = self.cleaned_data["email"]
        if not is_email_address(email):
            raise ValidationError(_("Enter a valid email address."), code="invalid")
        return email
