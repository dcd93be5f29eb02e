"""Formsets of lists and inlines whose rows other people can change or delete while the page is open."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.forms.formsets import DELETION_FIELD_NAME, INITIAL_FORM_COUNT, TOTAL_FORM_COUNT
from django.forms.models import BaseInlineFormSet, BaseModelFormSet
from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.change_history import last_deletion
from core.admin.row_forms import StoredRowForm


def lock_rows(rows: models.QuerySet) -> None:
    """Lock these rows, in the order of their keys, until the transaction ends. Do nothing outside a transaction.

    On SQLite, a transaction that is open in this shop is the only one that writes. A model whose rows must be locked
    together with others has a queryset with a method `lock`.
    """
    if connection.in_atomic_block:
        if hasattr(rows, "lock"):
            rows.lock()
        keys = rows.order_by().values("pk")
        list(rows.model._base_manager.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values("pk"))


class StoredRowFormSet(BaseModelFormSet):
    """A formset of StoredRowForms that locks its rows and leaves out those that somebody deleted in the meantime."""

    model: Any
    form: Any
    data: Any
    prefix: Any
    queryset: Any
    owner: Any = None  # the main row of an inline

    def __init__(self, data: Any = None, files: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, files, *args, **kwargs)
        self.lost_changes: list[str] = []
        self.deleted_rows: list[Any] = []  # without their values, but with the keys that deletion removes
        if self.is_bound:
            lock_rows(self.queryset)
            self._leave_out_deleted_rows()

    def clean(self) -> None:
        """Reject changes of rows that somebody deleted, and the deletion of rows that somebody changed."""
        super().clean()
        changes = [form.describe_change(field) for form in self._forms_to_delete() for field in form.outdated_fields()]
        advice = _("Nothing was saved. Save again to delete it nevertheless.")
        messages = [*self.lost_changes, *(f"{change} {advice}" for change in changes)]
        if messages:
            raise ValidationError(messages)

    def delete_existing(self, obj: Any, commit: bool = True) -> None:
        """Delete the row, and keep its key for the change history."""
        self.deleted_rows.append(self.model(pk=obj.pk))
        super().delete_existing(obj, commit)

    def _forms_to_delete(self) -> list[Any]:
        marked = self._should_delete_form  # type: ignore[attr-defined]
        return [form for form in self.initial_forms if self.can_delete and marked(form)]

    def _leave_out_deleted_rows(self) -> None:
        """Remove the data of rows that no longer exist, and keep a message for each that was changed or deleted."""
        deleted = [number for number in range(self._submitted_count()) if self._is_deleted(number)]
        if not deleted:
            return
        self.lost_changes = [message for number in deleted if (message := self._lost_change(number))]
        self.data, self.files = (self._without(deleted, sent) for sent in (self.data, self.files))
        prefix = self.management_form.prefix
        for name in (TOTAL_FORM_COUNT, INITIAL_FORM_COUNT):
            count = self.management_form.cleaned_data[name] or 0
            self.data.setlist(f"{prefix}-{name}", [str(max(count - len(deleted), 0))])
        del self.management_form

    def _submitted_count(self) -> int:
        """Return the number of submitted forms of existing rows, limited as Django limits all forms."""
        return min(self.initial_form_count(), self.total_form_count())

    def _is_deleted(self, number: int) -> bool:
        key = self._key_of(number)
        return key is not None and self._existing_object(key) is None  # type: ignore[attr-defined]

    def _key_of(self, number: int) -> Any:
        """Return the primary key of the submitted row, or None if it is missing or cannot be one."""
        pk = self.model._meta.pk
        try:
            return pk.to_python(self.data.get(f"{self.add_prefix(number)}-{pk.name}") or None)
        except ValidationError:
            return None

    def _lost_change(self, number: int) -> str:
        """Return a message if the submitted form has changes of its deleted row, else an empty string."""
        key, prefix = self._key_of(number), self.add_prefix(number)
        row = self.model(pk=key)
        row._state.adding = False  # the form of a row that was stored when the page was opened
        form = self.form(self.data, self.files, prefix=prefix, instance=row)
        is_to_be_deleted = f"{prefix}-{DELETION_FIELD_NAME}" in self.data
        if is_to_be_deleted or not any(form[name].is_touched for name in form.fields):
            return ""
        text = _(
            "While this page was open, %(by)s deleted “%(row)s”, so your changes to it are lost. Nothing else was "
            "saved either. Check the page and save again."
        )
        by, name = last_deletion(row, self.owner)
        return text % {"by": by, "row": name}

    def _without(self, deleted: list[int], sent: Any) -> Any:
        """Return a copy of the submitted data without the forms of these numbers. Later forms move up."""
        pattern = re.compile(rf"((?:initial-)?{re.escape(self.prefix)}-)([0-9]{{1,6}})(-.*)", re.DOTALL)
        kept = sent.copy() if isinstance(sent, MultiValueDict) else MultiValueDict()
        kept.clear()
        for name, values in sent.lists() if sent else ():
            if match := pattern.fullmatch(name):
                start, number, end = match[1], int(match[2]), match[3]
                if number in deleted:
                    continue
                name = f"{start}{number - sum(one < number for one in deleted)}{end}"
            kept.setlist(name, values)
        return kept


class StoredRowListFormSet(StoredRowFormSet):
    """The formset of an editable list, whose fields have no labels of their own."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """Name each field after its column and row. Leave out help texts, because lists do not show them."""
        super().add_fields(form, index)
        for field in form.fields.values():
            if not field.widget.is_hidden:
                field.widget.attrs["aria-label"] = f"{capfirst(field.label)}: {form.instance}"
                field.help_text = ""


class StoredRowInlineFormSet(StoredRowFormSet, BaseInlineFormSet):
    """The formset of an inline, whose rows have their change history in the log of the main row."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.owner = kwargs.get("instance")
        super().__init__(*args, **kwargs)

    def _construct_form(self, i: int, **kwargs: Any) -> StoredRowForm:
        form: StoredRowForm = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.owner = self.instance
        return form
