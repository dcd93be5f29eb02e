"""What all forms of the shop share: crispy's layout without a form tag, and e-mails that can be written."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import Field
from django.utils.translation import gettext as _


def check_readable(value: str) -> None:
    """Django takes an e-mail with a line separator of Unicode's for one; no mail ever arrives there."""
    if not value.isprintable():
        raise ValidationError(_("Enter a valid email address."), code="invalid")


class ShopForm(forms.BaseForm):
    """Renders its fields only; the template brings the form tag, the token, the error summary and the button."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        for field in self.fields.values():
            if isinstance(field, forms.EmailField):
                field.validators = [*field.validators, check_readable]
            if field.error_messages.get("required") == Field.default_error_messages["required"]:
                # The summary on top names no fields, so each error must say what it is about.
                field.error_messages["required"] = _("Please fill in: %(field)s.") % {"field": field.label}

    def first_error(self) -> str:
        """One sentence for a message."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")


class PlainForm(ShopForm, forms.Form):
    """A form that is no model's."""
