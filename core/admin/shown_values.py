"""Bound fields that send the value that a form showed along with the form, to notice changes by other people.

Three values of a field are compared when a form is submitted: what the form showed, what the row has now, and what was
entered. A field whose entered value is the shown one was not touched. A touched field conflicts if the row no longer
has the shown value, unless it already has the entered one.
"""

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.files.base import File
from django.db import models
from django.forms.boundfield import BoundField
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

UNKNOWN = object()  # the form did not send what it showed


def to_plain(value: Any) -> Any:
    """Return a value of a form field as JSON can store it: rows by primary key, files by name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, models.Model):
        return to_plain(value.pk)
    if isinstance(value, File):
        return value.name or ""
    if isinstance(value, list | tuple | set | models.QuerySet):
        return sorted((to_plain(part) for part in value), key=str)
    return str(value)


class ShownValueField(BoundField):
    """A bound field of a StoredRowForm. It renders a hidden, signed field with the value that the form shows."""

    form: Any

    def __str__(self) -> SafeString:
        """Render the widget and, for a column of an existing row, the hidden field."""
        widget = self.as_widget()
        if not self.form.is_tracked(self.name):
            return widget
        text = self._signer.sign_object([to_plain(self.initial)])
        return widget + format_html('<input type="hidden" name="{}" value="{}">', self.html_initial_name, text)

    __html__ = __str__  # BoundField binds this name to its own method

    @property
    def data(self) -> Any:
        """The submitted data, or the stored value if the field was not touched and the row has changed."""
        if self.form.is_bound and self.is_followed:
            return self._stored_data()
        return super().data

    @cached_property
    def shown(self) -> Any:
        """Return what the form showed, or UNKNOWN if the request comes from a script that opened no form."""
        text = self.form.data.get(self.html_initial_name)
        return UNKNOWN if text is None else self._to_python(self._signer.unsign_object(text)[0])

    @cached_property
    def is_damaged(self) -> bool:
        """Whether the form sent what it showed in a way that cannot be read."""
        try:
            _value = self.shown
        except (signing.BadSignature, ValidationError, ValueError, TypeError, LookupError):
            return True
        return False

    @cached_property
    def is_outdated(self) -> bool:
        """Whether the row no longer has the value that the form showed."""
        if not self.form.is_tracked(self.name) or self.is_damaged or self.shown is UNKNOWN:
            return False
        return bool(to_plain(self.shown) != to_plain(self.initial))

    @cached_property
    def is_touched(self) -> bool:
        """Whether the entered value differs from the shown one. Without a shown one, compare with the stored one."""
        return self._differs_from(self.initial if self.is_damaged or self.shown is UNKNOWN else self.shown)

    @property
    def is_followed(self) -> bool:
        """Whether the field was not touched and the row has another value now, which stays."""
        return self.is_outdated and not self.is_touched

    @property
    def is_conflict(self) -> bool:
        """Whether saving the entered value would overwrite a change by somebody else."""
        return self.is_outdated and self._has_changed()

    def _has_changed(self) -> bool:
        """Check whether saving the field would change the row."""
        if not self.form.is_tracked(self.name):
            return super()._has_changed()  # type: ignore[misc]
        return self.is_touched and self._differs_from(self.initial)

    def _differs_from(self, value: Any) -> bool:
        entered = super().data
        if isinstance(self.field, forms.FileField) and entered is False:
            return bool(value)  # the picture is to be removed
        if isinstance(entered, str):
            entered = entered.replace("\r\n", "\n")  # browsers send every line break as CR LF
        if isinstance(value, str) and isinstance(self.field, forms.CharField):
            value = self.field.to_python(value.replace("\r\n", "\n"))
        return self.field.has_changed(value, entered)

    def _to_python(self, plain: Any) -> Any:
        """Return the value of which `plain` is the JSON. Rows and files stay as their keys and names."""
        try:
            column = self.form.instance._meta.get_field(self.name)
        except FieldDoesNotExist:
            return plain
        is_reference = column.is_relation or isinstance(column, models.FileField)
        return plain if is_reference else column.to_python(plain)

    def _stored_data(self) -> Any:
        """Return the stored value in the form in which the field accepts data."""
        if isinstance(self.field, forms.FileField):
            return None
        if isinstance(self.field, forms.MultiValueField):
            return self.field.widget.decompress(self.initial)
        return self.field.prepare_value(self.initial)

    @property
    def _signer(self) -> signing.Signer:
        row = self.form.instance
        return signing.Signer(salt=f"core.admin:{row._meta.label_lower}:{row.pk}:{self.name}")
