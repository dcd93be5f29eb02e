"""The words under which a product is found, stored next to the texts that they are made of."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from django.db import connections, models, transaction

from core.page_cache.versions import touch
from core.text.words import words_of, words_of_name, words_of_title
from products.page_names import PRODUCTS

# Each text with the column for its words, and the function that makes them.
WORDS: dict[str, tuple[str, Callable[[str], str]]] = {
    "title": ("title_words", words_of_title),
    "sku": ("sku_words", words_of_name),
    "description": ("description_words", words_of),
}
COLUMNS = [column for column, _make in WORDS.values()]
CHUNK = 1000
_Row = TypeVar("_Row", bound="StoredWords")


def _with_words(names: Iterable[str]) -> list[str]:
    """Return the names of columns, and for each text the column for its words."""
    names = list(names)
    return list(dict.fromkeys([*names, *(WORDS[name][0] for name in names if name in WORDS)]))


class StoredWordsQuerySet(models.QuerySet[_Row]):
    """A queryset whose bulk writes also write the words. SQL does not, and needs `store_words` afterwards."""

    def update(self, **values: Any) -> int:
        """Update the rows. An expression for a text takes a query more, because its value must be read back."""
        texts = {name: values[name] for name in WORDS if name in values and WORDS[name][0] not in values}
        if any(hasattr(text, "resolve_expression") for text in texts.values()):
            return self._update_by_expression(values)
        words = {WORDS[name][0]: WORDS[name][1](str(text)) for name, text in texts.items()}
        return super().update(**values, **words)

    update.alters_data = True  # type: ignore[attr-defined]

    def _update_by_expression(self, values: dict[str, Any]) -> int:
        with transaction.atomic(using=self.db):
            ids = list(self.order_by().values_list("pk", flat=True))
            updated = super().update(**values)
            type(self)(self.model, using=self.db).filter(pk__in=ids).store_words()
        return updated

    def bulk_create(
        self, objs: Iterable[Any], *args: Any, update_fields: Collection[str] | None = None, **kwargs: Any
    ) -> list[Any]:
        """Insert the rows with their words."""
        objs = list(objs)
        for row in objs:
            row.set_words()
        kwargs["update_fields"] = _with_words(update_fields) if update_fields else update_fields
        return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        """Update the rows and their words."""
        objs = tuple(objs)
        for row in objs:
            row.set_words()
        return super().bulk_update(objs, _with_words(fields), *args, **kwargs)

    def store_words(self) -> int:
        """Make the words of these rows again, and return the number of rows that had others."""
        ids = list(self.order_by("pk").values_list("pk", flat=True))
        chunks = (ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK))
        return sum(self._store_chunk(chunk) for chunk in chunks)

    def _store_chunk(self, ids: list[int]) -> int:
        table, values = self.model._meta.db_table, ", ".join(f"{column} = %s" for column in COLUMNS)
        with transaction.atomic(using=self.db), connections[self.db].cursor() as cursor:
            rows = self.model._default_manager.using(self.db).select_for_update().filter(pk__in=ids).order_by("pk")
            changed = [row for row in rows if row.set_words()]
            parameters = [(*(getattr(row, column) for column in COLUMNS), row.pk) for row in changed]
            if parameters:
                cursor.executemany(f"UPDATE {table} SET {values} WHERE id = %s", parameters)  # noqa: S608
                touch(PRODUCTS)  # Searches find other products now.
        return len(changed)


class StoredWords(models.Model):
    """A model with a title, an SKU and a description that the search finds."""

    title_words = models.TextField(editable=False, default="", db_default="")
    sku_words = models.TextField(editable=False, default="", db_default="")
    description_words = models.TextField(editable=False, default="", db_default="")

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row with its words."""
        self.set_words()
        update_fields = None if update_fields is None else _with_words(update_fields)
        super().save(*args, update_fields=update_fields, **kwargs)

    def set_words(self) -> bool:
        """Set the words from the texts that are loaded. Return whether one of them changed."""
        before = [self.__dict__.get(column) for column in COLUMNS]
        for name, (column, make) in WORDS.items():
            if name in self.__dict__:
                setattr(self, column, make(str(getattr(self, name))))
        return before != [self.__dict__.get(column) for column in COLUMNS]
