"""What all forms of the shop share: crispy's layout without a form tag, errors that say what they are about."""

from functools import lru_cache
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import Field
from django.forms.utils import flatatt, pretty_name
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _


def check_readable(value: str) -> None:
    """Django takes an e-mail with a line separator of Unicode's for one; no mail ever arrives there."""
    if not value.isprintable():
        raise ValidationError(_("Enter a valid email address."), code="invalid")


def name_in_errors(field: Field, name: str) -> None:
    """Say in the field's errors which field they are about: the summary on top has no labels beside them."""
    words = {"required": _("Please fill in: %(field)s.")}
    if isinstance(field, forms.ChoiceField):
        # Django's own words for the second repeat what was sent, which may be long.
        words = dict.fromkeys(["required", "invalid_choice"], _("Please choose: %(field)s."))
    if isinstance(field, forms.IntegerField):
        words["min_value"] = _("Please check: %(field)s. It must be %(min_value)s or more.")
        words["max_value"] = _("Please check: %(field)s. It must be %(max_value)s or less.")
    if isinstance(field, forms.CharField):
        words["max_length"] = _("Please shorten: %(field)s. Use at most %(max_length)s characters.")
        words["null_characters_not_allowed"] = _(
            "Please check: %(field)s. It contains a character that cannot be saved."
        )
    defaults = Field.default_error_messages | forms.ChoiceField.default_error_messages
    about = vars(field) | {"field": name}
    for code, text in words.items():
        if field.error_messages.get(code) == defaults.get(code):  # a form's own words stay
            field.error_messages[code] = text % about


class ShopForm(forms.BaseForm):
    """Renders its fields only; the template brings the form tag, the token, the error summary and the button."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        self.shape()
        for name, field in self.fields.items():
            if isinstance(field, forms.EmailField):
                field.validators = [*field.validators, check_readable]
            name_in_errors(field, self.called(name))

    def shape(self) -> None:
        """For forms whose fields depend on what was chosen: called before the errors are worded."""

    def called(self, name: str) -> str:
        """What errors call the field."""
        return str(self.fields[name].label or pretty_name(name))

    def first_error(self) -> str:
        """One sentence for a message."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")


class PlainForm(ShopForm, forms.Form):
    """A form that is no model's."""


class LongSelect(forms.Select):
    """A select for hundreds of choices: Django renders a template for each, which takes 8 ms for the countries."""

    choices: Any = ()  # plain, for the property of Django would look through all of them once more

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        options = _rendered(tuple((str(key), str(label)) for key, label in self.choices))
        chosen = f'<option value="{escape("" if value is None else value)}"'
        marked = mark_safe(options.replace(chosen, f"{chosen} selected", 1))  # noqa: S308 - both are escaped
        wanted = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        return format_html("<select{}>{}</select>", flatatt(wanted), marked)


@lru_cache(maxsize=512)
def _rendered(choices: tuple[tuple[str, str], ...]) -> SafeString:
    return format_html_join("", '<option value="{}">{}</option>', choices)
