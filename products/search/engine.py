"""Full-text search in title, SKU and description. All code that differs by database vendor is here.

PostgreSQL stores the words of a product in the columns `search` and `search_title`, SQLite in the FTS5 table
`products_search`. A migration creates them, and the database keeps them up to date. Words are compared without accents
and with stemming.
"""

import re
import unicodedata
from difflib import get_close_matches
from functools import reduce
from hashlib import md5
from operator import or_

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import BooleanField, F, FloatField, Func, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from products.models import Product, ProductQuerySet

MAX_RESULTS = 480  # The maximum number of products that a search shows: twenty pages.
MAX_RANKED = 1_000  # The maximum number of matches to rank. A common word has too many to rank them all.
MAX_WORDS, MAX_TEXT_LENGTH = 8, 200
MAX_SUGGESTION_TITLES = 5000  # The number of titles in which a search without results looks for similar words.


def split_words(text: str) -> list[str]:
    """Return the first eight words of a text, in lowercase and without accents. A word is letters and digits."""
    return re.findall(r"[^\W_]+", _normalize(text))[:MAX_WORDS]


def consists_of_words(text: str) -> bool:
    """Check whether a text contains only words that the search uses.

    If so, the products that it finds contain everything in the text.
    """
    return " ".join(split_words(text)) == _normalize(text)


def _normalize(text: str) -> str:
    return re.sub("[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", text[:MAX_TEXT_LENGTH])).lower()


def find_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the `products` that contain all words of the text. The last word can be incomplete.

    The ids are in the order of `products`, or the best matches come first if the queryset is unordered. The result has
    at most `MAX_RESULTS` ids and is cached for a minute.
    """
    text = text.replace("\0", "")  # PostgreSQL does not accept NUL.
    key = "search:" + md5(f"{products.query} {text}".encode(), usedforsecurity=False).hexdigest()
    return cache.get_or_set(key, lambda: _find_uncached(products, text), 60) or []


def _find_uncached(products: ProductQuerySet, text: str) -> list[int]:
    if not (wanted := split_words(text)):
        return []
    if products.query.order_by:
        return _first_ids(_matching(products.order_by(), wanted), str(products.query.order_by[0]))
    # Exact SKU matches first, then matches in the title or SKU, which are enough for most searches.
    hits = list(products.filter(sku__in={text, text.upper(), text.lower()}).values_list("pk", flat=True))
    hits += _best_ids(_matching(products, wanted, in_title=True))
    if len(hits) < MAX_RESULTS:
        hits += _best_ids(_matching(products, wanted))
    return list(dict.fromkeys(hits))[:MAX_RESULTS]


def _first_ids(matching: QuerySet[Product], order: str) -> list[int]:
    """Return the ids of the first matches in this order. Newer products come first if the values are equal."""
    column = order.lstrip("-")
    # Do not order by the plain column: PostgreSQL would scan its whole index if a word is rarer than estimated.
    value = Coalesce(column, column)
    ordered = matching.order_by(value.desc() if order.startswith("-") else value.asc(), "-pk")
    return list(ordered.values_list("pk", flat=True)[:MAX_RESULTS])


def _best_ids(matching: QuerySet[Product]) -> list[int]:
    """Return the ids by rank. Newer products come first if the ranks are equal."""
    hits = matching.values_list("rank", "pk")[:MAX_RANKED]  # type: ignore[misc]  # The stubs do not know extra columns.
    return [pk for _rank, pk in sorted(hits, reverse=True)]


def _matching(products: ProductQuerySet, wanted: list[str], in_title: bool = False) -> QuerySet[Product]:
    """Return the products that contain all the words (in title or SKU if `in_title`), each with its `rank`.

    The words consist of letters and digits, so they cannot contain operators of the query language. The last word also
    matches as a prefix, except a single letter: too many products have a word that begins with it.
    """
    is_prefix = len(wanted[-1]) > 1
    if connection.vendor == "postgresql":
        text = " & ".join(f"'{word}'" for word in wanted) + (":*" if is_prefix else "")
        query = Func(Value(text), template="to_tsquery('english', %(expressions)s)")
        column = "products_product.search_title" if in_title else "products_product.search"
        matches = Func(query, template=f"{column} @@ %(expressions)s", output_field=BooleanField())
        rank = Func(query, template=f"ts_rank({column}, %(expressions)s)", output_field=FloatField())
        return products.filter(matches).annotate(rank=rank)
    text = " AND ".join(f'"{word}"' for word in wanted) + ("*" if is_prefix else "")
    return products.extra(  # The ORM does not support MATCH.
        tables=["products_search"],
        # The plus makes SQLite start from the matches. Otherwise it would look up every product in the search table.
        where=["+products_search.rowid = products_product.id", "products_search MATCH %s"],
        params=[f"{{title sku}} : ({text})" if in_title else text],
        select={"rank": "-products_search.rank"},
        order_by=["-products_search.rowid"],
    )


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
