"""Abstract base models for all apps, and the models of the core app."""

from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar

from django.db import models

from core.background.models import BackgroundRun
from core.columns import Columns
from core.contact.models import ContactMail
from core.database.prepared import PreparedQuery
from core.guarantee.models import GuaranteeNotice
from core.page_cache.models import PageVersion
from core.pages.models import Page, PageText
from core.shop.models import Shop

__all__ = [
    "BackgroundRun", "ContactMail", "GuaranteeNotice", "GuardedModel", "Page", "PageText", "PageVersion", "Shop",
]  # fmt: skip


@cache
def _row_of(model: type[models.Model]) -> PreparedQuery[Any]:
    return PreparedQuery(lambda pk: model._base_manager.filter(pk=pk), pk=int)


class GuardedModel(models.Model):
    """A model with columns that `save()` does not write once the row exists.

    These are the `frozen` and `conditional` columns of `columns`. Otherwise, saving an object loaded before a sale
    would restore the old stock or the old status of an order.
    """

    columns: ClassVar[Columns] = Columns()

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row. If it already exists, skip its guarded columns."""
        if not self._state.adding:
            if update_fields is None:
                update_fields = self._concrete_columns() - self.get_deferred_fields()
            update_fields = set(update_fields) - self._guarded_names()
        super().save(*args, update_fields=update_fields, **kwargs)

    def refresh_from_db(self, using: str | None = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Read the row again. If all its columns are read, the SQL is made only once."""
        if using is None and fields is None and from_queryset is None and not self.get_deferred_fields():
            from_queryset = _row_of(type(self)).as_queryset(pk=self.pk)
        super().refresh_from_db(using, fields, from_queryset)

    def _concrete_columns(self) -> set[str]:
        return {field.attname for field in self._meta.concrete_fields if not field.primary_key}

    def _guarded_names(self) -> set[str]:
        """Return the guarded columns by field name and by column name, such as `discount` and `discount_id`."""
        fields = [self._meta.get_field(name) for name in self.columns.guarded]
        return {name for field in fields for name in (field.name, getattr(field, "attname", field.name))}
