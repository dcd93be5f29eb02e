"""The values of form fields as text, for messages about conflicts and for the change history."""

from datetime import datetime
from itertools import takewhile
from pathlib import PurePath
from typing import Any

from django import forms
from django.core.files.base import File
from django.db import models
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from core.times import format_datetime

MAX_EXCERPT = 200  # characters of a value in a message
CONTEXT = 30  # characters before the first difference


def value_text(field: forms.Field, value: Any) -> str:
    """Return the value as the form shows it: rows and choices by their names, files by their file names."""
    if isinstance(field, forms.ModelMultipleChoiceField):
        return get_text_list([str(row) for row in _rows(field, value or [])], _("and")) or _("(empty)")
    if value is None or value == "":
        return _("(empty)")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(field, forms.FileField):
        return PurePath(str(value.name if isinstance(value, File) else value)).name or _("(empty)")
    if isinstance(field, forms.ModelChoiceField):
        return _row_text(field, value)
    return _choice_labels(field).get(str(value), str(value))


def excerpts(first: str, second: str) -> tuple[str, str]:
    """Return both texts, or the parts around their first difference if one is too long for a message."""
    if max(len(first), len(second)) <= MAX_EXCERPT:
        return first, second
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    start = max(sum(1 for _pair in same) - CONTEXT, 0)
    return _cut(first, start), _cut(second, start)


def _cut(text: str, start: int) -> str:
    end = start + MAX_EXCERPT
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _rows(field: Any, values: Any) -> list[models.Model]:
    keys = [value.pk if isinstance(value, models.Model) else value for value in values]
    return list(field.queryset.filter(pk__in=keys).order_by("pk"))


def _row_text(field: Any, value: Any) -> str:
    if isinstance(value, models.Model):
        return str(value)
    row = field.queryset.filter(pk=value).first()
    return str(row) if row else f"#{value}"


def _choice_labels(field: forms.Field) -> dict[str, str]:
    """Return the labels of the choices by their values, also of choices in groups."""
    labels: dict[str, str] = {}
    for value, label in getattr(field.widget, "choices", ()):
        options = label if isinstance(label, list | tuple) else [(value, label)]
        labels.update((str(key), str(text)) for key, text in options)
    return labels
