"""Model forms that write only the fields that were changed, and only if the row still has the values they showed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import InlineForeignKeyField
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.change_history import last_editor
from core.admin.shown_values import UNKNOWN, ShownValueField
from core.admin.value_texts import excerpts, value_text


class StoredRowForm(forms.ModelForm):
    """A model form of an existing row that other people can change while the form is open.

    Bind it to a row that was read and locked in the current transaction. Fields that were not touched keep the values
    of that row, so validation judges the row as it will be stored. The form of a new row is an ordinary model form.
    """

    bound_field_class = ShownValueField
    # For each field whose value means something else if another one changes, the names of those others. Optional.
    depends_on: ClassVar[Mapping[str, tuple[str, ...]]]
    owner: models.Model | None = None  # the row whose change history an inline row belongs to

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored = {field.name: _comparable(self.instance, field) for field in self.instance._meta.concrete_fields}

    def is_tracked(self, name: str) -> bool:
        """Whether the form sends what it showed in this field."""
        field = self.fields[name]
        is_internal = name in (self.instance._meta.pk.name, DELETION_FIELD_NAME)
        is_fixed = field.disabled or isinstance(field, InlineForeignKeyField)
        return not (self.instance._state.adding or is_internal or is_fixed)

    def full_clean(self) -> None:
        """Clean the form. Add an error for each field that somebody else changed in the meantime."""
        super().full_clean()
        if self.is_bound and not self.instance._state.adding:
            for name, message in list(self._conflict_messages()):
                self.add_error(name, message)
            if self.errors:
                for name, message in list(self._followed_messages()):
                    self.add_error(name, message)

    def outdated_fields(self) -> list[ShownValueField]:
        """Return the fields whose value in the row is not the one that the form showed."""
        fields: list[Any] = [self[name] for name in self.fields]
        return [field for field in fields if field.is_outdated]

    def conflict_labels(self) -> list[str]:
        """Return the names of the fields that cannot be written because somebody else changed them."""
        fields: list[Any] = [self[name] for name in self.fields]
        return [str(capfirst(field.label)) for field in fields if field.is_conflict]

    def changed_columns(self) -> list[str]:
        """Return the names of the columns that saving changes, and of those that record the time of a change."""
        columns = self.instance._meta.concrete_fields
        changed = [
            column.name
            for column in columns
            if column.name in self.changed_data or _comparable(self.instance, column) != self._stored[column.name]
        ]
        times = [column.name for column in columns if getattr(column, "auto_now", False)]
        return [*changed, *times] if changed else []

    def save_columns(self) -> None:
        """Write the changed columns of the row, and no others."""
        if columns := self.changed_columns():
            self.instance.save(update_fields=columns)

    def save(self, commit: bool = True) -> Any:
        """Save the row. Of an existing row, write only what changed."""
        if self.instance._state.adding or not commit:
            return super().save(commit)
        super().save(commit=False)
        self.save_columns()
        self._save_m2m()
        return self.instance

    def _save_m2m(self) -> None:
        """Save only the many-to-many fields that changed."""
        with _only(self, self._changed_names()):
            super()._save_m2m()  # type: ignore[misc]

    def _post_clean(self) -> None:
        """Give the row only the changed values, so that all others stay exactly as they are stored."""
        with _only(self, self._changed_names()):
            super()._post_clean()  # type: ignore[misc]

    def _changed_names(self) -> list[str]:
        return list(self.fields) if self.instance._state.adding else self.changed_data

    def _update_errors(self, errors: ValidationError) -> None:
        """Show errors of fields that are not in the form, such as those of a list, as errors of the form."""
        if hasattr(errors, "error_dict"):
            known, others = {}, []
            for name, found in errors.error_dict.items():
                if name in self.fields or name == NON_FIELD_ERRORS:
                    known[name] = found
                else:
                    others += found
            if others:
                known[NON_FIELD_ERRORS] = [*known.get(NON_FIELD_ERRORS, []), *others]
            errors = ValidationError(known)
        super()._update_errors(errors)  # type: ignore[misc]

    def _conflict_messages(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each field that cannot be written, and the reason."""
        for name in self.fields:
            field: Any = self[name]
            others: list[Any] = [self[other] for other in getattr(self, "depends_on", {}).get(name, ())]
            if field.is_damaged and self.is_tracked(name):
                yield name, _("This page did not say what it showed here, so nothing was saved. Please save again.")
            elif field.is_conflict:
                yield name, f"{self.describe_change(field)} {self._conflict_advice(field)}"
            elif name in self.changed_data and (changed := [other for other in others if other.is_outdated]):
                advice = _("Nothing was saved. Please check this field and save again.")
                yield name, f"{self.describe_change(changed[0])} {advice}"

    def _conflict_advice(self, field: ShownValueField) -> str:
        """Return what to do about a conflict. Browsers do not keep a chosen file, so it has to be chosen again."""
        if isinstance(field.field, forms.FileField) and self.add_prefix(field.name) in self.files:
            return _("Nothing was saved. Choose your file again to use it, or save without one to keep theirs.")
        advice = _("Nothing was saved. Save again to use your value, or set this field to “%(stored)s” to keep theirs.")
        return advice % {"stored": excerpts(*self._texts(field))[1]}

    def _followed_messages(self) -> Iterator[tuple[str, str]]:
        """Yield a message for each field that was not touched and now shows another value."""
        for field in self.outdated_fields():
            if field.is_followed:
                yield field.name, f"{self.describe_change(field)} {_('This field now shows the new value.')}"

    def describe_change(self, field: ShownValueField) -> str:
        """Return a sentence that says who changed the field of the row, and both values."""
        shown, stored = excerpts(*self._texts(field))
        by = last_editor(field, self.owner)
        params = {"field": capfirst(field.label), "by": by, "shown": shown, "stored": stored}
        return _("While this page was open, %(by)s changed “%(field)s” from “%(shown)s” to “%(stored)s”.") % params

    def _texts(self, field: ShownValueField) -> tuple[str, str]:
        shown = None if field.shown is UNKNOWN else field.shown
        return value_text(field.field, shown), value_text(field.field, field.initial)


@cache
def stored_row_form(form: type[forms.ModelForm]) -> type[StoredRowForm]:
    """Return the form class as a StoredRowForm."""
    if issubclass(form, StoredRowForm):
        return form
    return StoredRowForm if form is forms.ModelForm else type(form.__name__, (StoredRowForm, form), {})


@contextmanager
def _only(form: Any, names: list[str]) -> Iterator[None]:
    """Hide the cleaned data of all other fields from Django inside the context."""
    cleaned = form.cleaned_data
    form.cleaned_data = {name: value for name, value in cleaned.items() if name in names}
    yield
    form.cleaned_data = {name: value for name, value in cleaned.items() if name not in form._errors}


def _comparable(row: models.Model, column: models.Field) -> Any:
    value = getattr(row, column.attname)
    return str(value) if isinstance(column, models.FileField) else value
