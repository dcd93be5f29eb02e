"""The words of titles, stored so that an index finds the words that are similar to a misspelled one."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, ClassVar, TypeVar

from django.db import connections, models, transaction

from core.page_cache.versions import collect_touches
from core.text.letters import MAX_LETTERS, keys_of, typed_keys_of, words_with_letters
from products.models.stored_words import StoredWords, StoredWordsQuerySet
from products.page_names import PRODUCTS

_Row = TypeVar("_Row", bound=StoredWords)
BATCH_SIZE = 1000
LOCK = 0x5350454C4C  # the advisory lock of transactions that add words, on PostgreSQL
MAX_SIMILAR = 1000  # The maximum number of words to compare with a misspelled one.


class SpellingManager(models.Manager["Spelling"]):
    def learn(self, titles: Iterable[str]) -> None:
        """Store the words of these titles. Nothing removes words, because a correction must find products anyway."""
        words = iter(sorted(words_with_letters(titles).items()))
        while batch := dict(islice(words, BATCH_SIZE)):
            self._add(batch)

    def _add(self, letters: dict[str, str]) -> None:
        """Store the words that are new, in their order.

        If another transaction is adding words, store them after this one is committed, when it cannot deadlock.
        """
        stored = set(self.filter(key__in=letters.values()).values_list("word", flat=True))
        rows = [
            Spelling(key=key, word=word)
            for word in letters
            if word not in stored
            for key in sorted(keys_of(letters[word]))
        ]
        if rows and not self._is_alone():
            transaction.on_commit(lambda: self._add(letters), self.db, robust=True)
            return
        if rows:
            with collect_touches() as touches:
                self.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
                touches.names.add(PRODUCTS)  # Searches are corrected to other words now.

    def _is_alone(self) -> bool:
        """Check that no other transaction adds words on PostgreSQL. Two that save several products could deadlock."""
        connection = connections[self.db]
        if connection.vendor != "postgresql" or not connection.in_atomic_block:
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            return bool(cursor.fetchone()[0])

    def similar_words(self, typed: Iterable[str]) -> list[str]:
        """Return stored words that can be similar to words with these letters, in one query."""
        keys = {key for letters in typed for key in typed_keys_of(letters)}
        return list(self.filter(key__in=keys).values_list("word", flat=True).distinct()[:MAX_SIMILAR]) if keys else []


class Spelling(models.Model):
    """A word of a title under one of its keys: its letters, or its letters without one of them.

    A misspelled word usually shares a key with the right one, if one or two of its letters are removed as well.
    """

    key = models.CharField(max_length=MAX_LETTERS)
    word = models.CharField(max_length=MAX_LETTERS)

    objects: ClassVar[SpellingManager] = SpellingManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "word"], name="spelling_once")]

    def __str__(self) -> str:
        return self.word


class SpellingQuerySet(StoredWordsQuerySet[_Row]):
    """A queryset whose bulk writes also store the words of titles as spellings."""

    def update(self, **values: Any) -> int:
        """Update the rows and learn a new title. `store_words` learns the titles that an expression makes."""
        updated = super().update(**values)
        if isinstance(values.get("title"), str):
            Spelling.objects.learn([values["title"]])
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Insert the rows and learn their titles."""
        rows = super().bulk_create(objs, *args, **kwargs)
        Spelling.objects.learn(row.title for row in rows)
        return rows

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        """Update the rows and learn their titles."""
        objs, fields = tuple(objs), tuple(fields)
        updated = super().bulk_update(objs, fields, *args, **kwargs)
        if "title" in fields:
            Spelling.objects.learn(row.title for row in objs)
        return updated

    def _store_chunk(self, ids: list[int]) -> int:
        changed = super()._store_chunk(ids)
        titles = self.model._default_manager.using(self.db).filter(pk__in=ids).values_list("title", flat=True)
        Spelling.objects.learn(titles)
        return changed
