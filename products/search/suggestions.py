"""Suggestions for a search that found nothing."""

from difflib import get_close_matches
from functools import reduce
from operator import or_

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import BooleanField, F, Func, Q, Value

from products.models import Product
from products.search.engine import find_ids
from products.search.text import split_words

MAX_SUGGESTION_TITLES = 5000  # The number of titles in which a search without results looks for similar words.


def suggest(text: str) -> list[str]:
    """Return search texts with words from titles that are similar to those of a text that found nothing.

    Return the whole corrected text if it finds products, otherwise single words. Return an empty list if there are no
    similar words.
    """
    wanted = split_words(text)[:4]
    known = _known_words(wanted)
    close = [match for word in wanted for match in get_close_matches(word, known, n=1, cutoff=0.7)]
    if close == wanted:
        return []
    phrase = " ".join(close)
    if find_ids(Product.objects.active(), phrase):
        return [phrase]
    return list(dict.fromkeys(word for word in close if word not in wanted))


def _known_words(wanted: list[str]) -> list[str]:
    """Return the words of similar titles if the database can find them, otherwise those of the newest titles."""
    titles = _similar_titles(wanted) if wanted and _has_trigrams() else []
    if titles:
        return _words_of(titles)
    newest = Product.objects.active().newest_first().values_list("title", flat=True)[:MAX_SUGGESTION_TITLES]
    return cache.get_or_set("search:words", lambda: _words_of(list(newest)), 600) or []


def _similar_titles(wanted: list[str]) -> list[str]:
    conditions = [
        Func(Value(word), F("title"), template="%(expressions)s", arg_joiner=" <%% ", output_field=BooleanField())
        for word in wanted
    ]
    similar = Product.objects.active().filter(reduce(or_, map(Q, conditions)))
    with transaction.atomic(), connection.cursor() as cursor:
        # One missing letter removes a third of a word's trigrams. With the default of 0.6, the word would not match.
        cursor.execute("SET LOCAL pg_trgm.word_similarity_threshold = 0.4")
        return list(similar.values_list("title", flat=True)[:100])


def _words_of(titles: list[str]) -> list[str]:
    return sorted({word for title in titles for word in split_words(title) if len(word) > 2 and word.isalpha()})


def _has_trigrams() -> bool:
    """Check whether the database has the extension pg_trgm. The result is cached for an hour.

    A migration tries to add the extension. Without it, suggestions come only from difflib and the newest titles.
    """
    if connection.vendor != "postgresql":
        return False
    return bool(cache.get_or_set("search:trigrams", _query_trigrams, 3600))


def _query_trigrams() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        return cursor.fetchone() is not None
