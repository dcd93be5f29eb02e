"""Base classes for models whose rows catalog pages show: every way to change a row moves the versions of its pages."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models.signals import post_save, pre_delete

from core.columns import Columns
from core.page_cache.models import SITE
from core.page_cache.row_changes import RULES, Rule
from core.page_cache.versions import collect_touches, touch

_Row = TypeVar("_Row", bound="ShownModel")


class ShownQuerySet(models.QuerySet[_Row]):
    """A queryset whose bulk writes move the versions of the pages that show the rows."""

    def update(self, **values: Any) -> int:
        """Update the rows. If a shown column is among them, lock the rows first."""
        if not self.model.shows(values):
            return super().update(**values)
        with collect_touches() as touches:
            noted = touches.rows.note(self.model._base_manager.filter(pk__in=self.order_by().values("pk")))
            updated = super().update(**values)
            if updated > noted and not touches.rows.is_over_limit:  # A row has just begun to match.
                touches.names.add(SITE)
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        """Update the rows with `update`."""
        with collect_touches():
            return super().bulk_update(objs, fields, *args, **kwargs)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Insert the rows."""
        with collect_touches() as touches:
            rows = super().bulk_create(objs, *args, **kwargs)
            if kwargs.get("ignore_conflicts") or kwargs.get("update_conflicts"):
                touches.names.add(SITE)  # The database does not tell which rows are new.
            else:
                touches.rows.note_new(self.model, [row.pk for row in rows])
        return rows

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows."""
        with collect_touches() as touches:
            touches.rows.note(self.model._base_manager.filter(pk__in=self.order_by().values("pk")))
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class ShownModel(models.Model):
    """A model with columns that catalog pages show. `columns.shown` declares them, and a rule names the versions.

    Set `base_manager_name` in Meta to a manager with a ShownQuerySet, so that writes through relations move versions.
    """

    columns: ClassVar[Columns]
    # For columns that pages show in another form: the function that makes it.
    shown_as: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row. If a shown column may change, lock the row first."""
        if update_fields is not None and not self.shows(update_fields):
            super().save(*args, update_fields=update_fields, **kwargs)
            return
        with collect_touches() as touches:
            if self.pk is not None:
                touches.rows.note(type(self)._base_manager.filter(pk=self.pk))
            super().save(*args, update_fields=update_fields, **kwargs)
            touches.rows.note_new(type(self), [self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row."""
        with collect_touches():
            return super().delete(*args, **kwargs)

    @classmethod
    def shown_columns(cls) -> list[str]:
        """Return the attribute names of the columns that pages show."""
        return [cls._meta.get_field(name).attname for name in cls.columns.shown]  # type: ignore[union-attr]

    @classmethod
    def shows(cls, names: Iterable[str]) -> bool:
        """Whether pages show one of these columns. A foreign key can be named with or without `_id`."""
        return any(cls._meta.get_field(name).name in cls.columns.shown for name in names)


def moves_versions(model: type[ShownModel]) -> Callable[[Rule], Rule]:
    """Return a decorator for the rule of a model: a function that names the versions that changes of its rows move."""

    def register(rule: Rule) -> Rule:
        RULES[model] = rule
        label = model._meta.label
        post_save.connect(_touch_for_fixture, sender=model, dispatch_uid=f"page_versions.fixture.{label}")
        pre_delete.connect(_note_deletion, sender=model, dispatch_uid=f"page_versions.deletion.{label}")
        return rule

    return register


def _touch_for_fixture(sender: type[ShownModel], raw: bool = False, **kwargs: Any) -> None:
    """Renew all pages for a row from a fixture, which does not go through `save`."""
    if raw:
        touch(SITE)


def _note_deletion(sender: type[ShownModel], instance: ShownModel, **kwargs: Any) -> None:
    """Remember the row before it is deleted, also if it is deleted together with another one."""
    with collect_touches() as touches:
        touches.rows.note_deletion(sender._base_manager.filter(pk=instance.pk))
