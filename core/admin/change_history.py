"""The values of changed fields in the change history of the admin, and who changed a field last.

Django's log entries store labels of changed fields as JSON. Each part about changed fields gets a list `values` with
the name, label, old text and new text of each field. Texts are in the language of staff, settings.LANGUAGE_CODE.
"""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.admin.value_texts import value_text

SECRET_WIDGETS = (forms.PasswordInput,)
MAX_ENTRIES = 50  # searched for the change of a field


def changed_values(form: Any) -> list[dict[str, str]]:
    """Return the old and the new text of each changed field of a saved form, without secrets.

    The new text is what the form of the saved row shows. For fields that are not columns, it is what was entered.
    """
    saved = type(form)(instance=form.instance)
    columns = {column.name for column in form.instance._meta.get_fields()}
    with override(settings.LANGUAGE_CODE):
        return [
            {
                "name": name,
                "label": _label(form, name),
                "old": value_text(form.fields[name], form[name].initial),
                "new": value_text(
                    form.fields[name], saved[name].initial if name in columns else form.cleaned_data.get(name)
                ),
            }
            for name in form.changed_data
            if not isinstance(form.fields[name].widget, SECRET_WIDGETS)
        ]


def add_values(message: list[dict[str, Any]], form: Any, formsets: Any) -> list[dict[str, Any]]:
    """Add the values of changed fields to Django's message for a log entry."""
    inline_forms = [
        next(one for one in formset.initial_forms if one.instance is row)
        for formset in formsets or ()
        for row, _names in formset.changed_objects
    ]
    deleted_keys = [_key(row) for formset in formsets or () for row in formset.deleted_rows]
    for part in message:
        if "changed" in part:
            is_inline = "name" in part["changed"]
            source = inline_forms.pop(0) if is_inline else form
            part["changed"] |= {"values": changed_values(source), "key": _key(source.instance) if is_inline else ""}
        if "deleted" in part:
            part["deleted"]["key"] = deleted_keys.pop(0)
    return message


def last_editor(field: Any, owner: Model | None = None) -> str:
    """Return who gave the row of this bound field its value, for messages.

    The history of an inline row is in the log of its `owner`. If the last entry about the field is missing or has
    another value, a command or somebody without the admin changed the field since.
    """
    row = field.form.instance
    key = _key(row) if owner else ""
    with override(settings.LANGUAGE_CODE):
        stored = value_text(field.field, field.initial)
    for entry in _entries(owner or row).order_by("-pk")[:MAX_ENTRIES]:
        for part in _changes(entry):
            new = {one["name"]: one["new"] for one in part["values"] if part.get("key") == key}
            if field.name in new:
                return str(entry.user) if new[field.name] == stored else _("somebody else")
    return _("somebody else")


def last_deletion(row: Model, owner: Model | None = None) -> tuple[str, str]:
    """Return who deleted this row, and its name, for messages.

    The deletion of an inline row is in the log of its `owner`.
    """
    key = _key(row)
    for entry in _entries(owner).order_by("-pk")[:MAX_ENTRIES] if owner else ():
        for part in _parts(entry, "deleted"):
            if part.get("key") == key:
                return str(entry.user), part.get("object", "")
    own = None if owner else _entries(row).filter(action_flag=DELETION).order_by("-pk").first()
    return (str(own.user), own.object_repr) if own else (_("somebody else"), f"#{str(row.pk)[:20]}")


def message_with_values(entry: LogEntry) -> str:
    """Return Django's message of a log entry, followed by the old and the new value of each changed field."""
    values = [one for part in _changes(entry) for one in part["values"]]
    lines = [f"{capfirst(_(one['label']))}: “{one['old']}” → “{one['new']}”." for one in values]
    return " ".join([entry.get_change_message(), *lines])


def _entries(row: Model) -> Any:
    content_type = get_content_type_for_model(row)
    return LogEntry.objects.filter(content_type=content_type, object_id=str(row.pk)).select_related("user")


def _changes(entry: LogEntry) -> list[dict[str, Any]]:
    """Return the parts of the entry's message that have values. Entries of earlier versions have none."""
    return [part for part in _parts(entry, "changed") if part.get("values")]


def _parts(entry: LogEntry, kind: str) -> list[dict[str, Any]]:
    """Return the parts of the entry's message about rows that were added, changed or deleted."""
    try:
        return [part[kind] for part in json.loads(entry.change_message) if part.get(kind)]
    except (ValueError, TypeError, AttributeError):
        return []


def _key(row: Model) -> str:
    return f"{row._meta.label_lower}:{row.pk}"


def _label(form: Any, name: str) -> str:
    """Return the name of the column, which has a translation, or the label of a field that is not a column."""
    try:
        return str(form.instance._meta.get_field(name).verbose_name)
    except FieldDoesNotExist:
        return str(form[name].label)
