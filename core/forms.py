"""Base classes for all forms: crispy layout without a form tag, and error messages that name their field."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms.fields import Field
from django.forms.utils import flatatt, pretty_name
from django.utils.choices import BaseChoiceIterator
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Errors of number fields with limits, for pages of staff that show each error at its field.
LIMIT_ERRORS = {
    "max_value": gettext_lazy("At most %(limit_value)s."),
    "min_value": gettext_lazy("At least %(limit_value)s."),
}


def validate_printable(value: str) -> None:
    """Raise ValidationError if the value has unprintable characters.

    Django accepts Unicode line separators in email addresses, but these addresses cannot receive email.
    """
    if not value.isprintable():
        raise ValidationError(_("Enter a valid email address."), code="invalid")


def add_field_name_to_errors(field: Field, name: str) -> None:
    """Include the field's name in its error messages, because the error summary shows no labels."""
    texts = {"required": _("Please fill in: %(field)s.")}
    if isinstance(field, forms.ChoiceField):
        # Django's message for an invalid choice repeats the submitted value, which can be long.
        texts = dict.fromkeys(["required", "invalid_choice"], _("Please choose: %(field)s."))
    if isinstance(field, forms.IntegerField):
        texts["min_value"] = _("Please check: %(field)s. It must be %(min_value)s or more.")
        texts["max_value"] = _("Please check: %(field)s. It must be %(max_value)s or less.")
    if isinstance(field, forms.CharField):
        texts["max_length"] = _("Please shorten: %(field)s. Use at most %(max_length)s characters.")
        texts["null_characters_not_allowed"] = _(
            "Please check: %(field)s. It contains a character that cannot be saved."
        )
    defaults = Field.default_error_messages | forms.ChoiceField.default_error_messages
    params = vars(field) | {"field": name}
    for code, text in texts.items():
        if field.error_messages.get(code) == defaults.get(code):  # keep custom messages of the form
            field.error_messages[code] = text % params


class ShopForm(forms.BaseForm):
    """A form that renders only its fields. The template adds the form tag, CSRF token, error summary and button."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        self.configure_fields()
        for name, field in self.fields.items():
            if isinstance(field, forms.EmailField) and field.default_validators == forms.EmailField.default_validators:
                field.validators = [*field.validators, validate_printable]
            if self.is_bound:  # others have no errors
                add_field_name_to_errors(field, self.field_label(name))

    def configure_fields(self) -> None:
        """Adjust the fields to the submitted choices, before error messages are set. Do nothing by default."""

    def field_label(self, name: str) -> str:
        """Return the name of the field for error messages."""
        return str(self.fields[name].label or pretty_name(name))

    @property
    def empty_key(self) -> Hashable:
        """What decides the HTML of the fields of an empty form, for {% fragment %}; None if a field has a value.

        An empty form contains nothing of a visitor. A form with choices of its own adds them to the key.
        """
        if self.is_bound or any(self.get_initial_for_field(field, name) for name, field in self.fields.items()):
            return None
        return type(self), self.prefix, self.auto_id, self.use_required_attribute

    def save_with(self, save: Callable[[], object]) -> bool:
        """Call `save` in a transaction. If a unique constraint rejects it, validate again and return False.

        Validation cannot see a row that another request has not committed yet. The second time, it sees the row and
        adds the usual message.
        """
        try:
            with transaction.atomic():
                save()
        except IntegrityError:
            self.full_clean()
            if self.is_valid():
                raise
            return False
        return True

    def first_error(self) -> str:
        """Return the first error message, or an empty string if there are no errors."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")


class PlainForm(ShopForm, forms.Form):
    """A form that is not bound to a model."""


class ReadyChoices(BaseChoiceIterator):
    """Hundreds of (key, label) pairs, which Django would otherwise check and copy one by one for each form."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = pairs

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)


class LongSelect(forms.Select):
    """A select widget for hundreds of choices.

    Django renders a template for each option, which takes 8 ms for the list of countries.
    """

    choices: Any = ()  # a plain attribute; Django's property would iterate over all choices again

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        options = render_options(self.choices, "" if value is None else value)
        final_attrs = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        return format_html("<select{}>{}</select>", flatatt(final_attrs), options)


def render_options(choices: Iterable[tuple[Any, Any]], selected: object) -> SafeString:
    """Return the options of a long select element. The same options are rendered only once."""
    options = _render_options(tuple((str(key), str(label)) for key, label in choices))
    unselected = f'<option value="{escape(selected)}"'
    return mark_safe(options.replace(unselected, f"{unselected} selected", 1))  # noqa: S308 - both are escaped


@lru_cache(maxsize=512)
def _render_options(choices: tuple[tuple[str, str], ...]) -> SafeString:
    return format_html_join("", '<option value="{}">{}</option>', choices)
