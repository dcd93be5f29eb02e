"""Abstract base models for all apps."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models


class GuardedModel(models.Model):
    """A model with columns that only conditional updates can change.

    `save()` does not write the `guarded_fields` of an existing row. Otherwise, saving an object loaded before a sale
    would restore the old stock or the old status of an order.
    """

    guarded_fields: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row. If it already exists, skip its guarded columns."""
        if not self._state.adding:
            if update_fields is None:
                update_fields = self._concrete_columns() - self.get_deferred_fields()
            update_fields = set(update_fields) - self.guarded_fields
        super().save(*args, update_fields=update_fields, **kwargs)

    def _concrete_columns(self) -> set[str]:
        return {field.attname for field in self._meta.concrete_fields if not field.primary_key}
