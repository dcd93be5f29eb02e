"""What models of every app share; no table of its own."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models


class GuardedModel(models.Model):
    """A model some of whose columns only conditional updates may change.

    `save()` of an existing row leaves the `guarded_fields` out: an object read before a sale and saved after it
    would otherwise put the old stock, or the old state of an order, back.
    """

    guarded_fields: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row, but for its guarded columns if it exists already."""
        if not self._state.adding:
            if update_fields is None:
                update_fields = self._own_columns() - self.get_deferred_fields()
            update_fields = set(update_fields) - self.guarded_fields
        super().save(*args, update_fields=update_fields, **kwargs)

    def _own_columns(self) -> set[str]:
        return {field.attname for field in self._meta.concrete_fields if not field.primary_key}
