"""Search over title, SKU and description by the database's own full text; all that differs by vendor is here.

PostgreSQL keeps a product's words in its columns `search` and `search_title`, SQLite in the table `products_search`
(FTS5); both are made by a migration and kept in step by the database itself. Words are compared without accents and
endings.
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

MOST = 480  # products that one search shows: twenty pages
MOST_RANKED = 1_000  # matches among which the best are looked for; a common word has too many to rank them all
MOST_WORDS, LONGEST_TEXT = 8, 200
TITLES = 5000  # in which words like those of a search that found nothing are looked for


def words(text: str) -> list[str]:
    """The letters and digits of a text, in small letters and without accents; at most eight words."""
    return re.findall(r"[^\W_]+", _plain(text))[:MOST_WORDS]


def has_only_words(text: str) -> bool:
    """Whether a text is nothing but words that are looked for; what it finds then says everything the text says."""
    return " ".join(words(text)) == _plain(text)


def _plain(text: str) -> str:
    return re.sub("[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", text[:LONGEST_TEXT])).lower()


def find(products: ProductQuerySet, text: str) -> list[int]:
    """The ids of those `products` that have all words of the text, the last one perhaps only begun.

    In the order of `products`, or the best first if they have none; kept a minute. At most `MOST`.
    """
    text = text.replace("\0", "")  # PostgreSQL takes none
    key = "search:" + md5(f"{products.query} {text}".encode(), usedforsecurity=False).hexdigest()
    return cache.get_or_set(key, lambda: _in_order(products, text), 60) or []


def _in_order(products: ProductQuerySet, text: str) -> list[int]:
    if not (wanted := words(text)):
        return []
    if products.query.order_by:
        return _first(_matching(products.order_by(), wanted), str(products.query.order_by[0]))
    # The very number first, then those with the words in the title, which is all there is to most searches.
    hits = list(products.filter(sku__in={text, text.upper(), text.lower()}).values_list("pk", flat=True))
    hits += _best(_matching(products, wanted, in_title=True))
    if len(hits) < MOST:
        hits += _best(_matching(products, wanted))
    return list(dict.fromkeys(hits))[:MOST]


def _first(matching: QuerySet[Product], order: str) -> list[int]:
    """The ids of the first ones in this order, the newer first where they are equal."""
    column = order.lstrip("-")
    # Not the column itself: PostgreSQL would walk its whole index for a word that is rarer than it thinks.
    value = Coalesce(column, column)
    ordered = matching.order_by(value.desc() if order.startswith("-") else value.asc(), "-pk")
    return list(ordered.values_list("pk", flat=True)[:MOST])


def _best(matching: QuerySet[Product]) -> list[int]:
    """The ids by rank, the newer first where they are equal."""
    hits = matching.values_list("rank", "pk")[:MOST_RANKED]  # type: ignore[misc]  # stubs see no extra columns
    return [pk for _rank, pk in sorted(hits, reverse=True)]


def _matching(products: ProductQuerySet, wanted: list[str], in_title: bool = False) -> QuerySet[Product]:
    """Those with all the words (in title or SKU), each with its `rank`.

    The words hold nothing but letters and digits, so there is nothing in them for a query's language to obey. A
    single letter stands for itself, for half of the catalogue begins with it.
    """
    is_begun = len(wanted[-1]) > 1
    if connection.vendor == "postgresql":
        text = " & ".join(f"'{word}'" for word in wanted) + (":*" if is_begun else "")
        query = Func(Value(text), template="to_tsquery('english', %(expressions)s)")
        column = "products_product.search_title" if in_title else "products_product.search"
        matches = Func(query, template=f"{column} @@ %(expressions)s", output_field=BooleanField())
        rank = Func(query, template=f"ts_rank({column}, %(expressions)s)", output_field=FloatField())
        return products.filter(matches).annotate(rank=rank)
    text = " AND ".join(f'"{word}"' for word in wanted) + ("*" if is_begun else "")
    return products.extra(  # the ORM has no word for MATCH
        tables=["products_search"],
        # The plus keeps SQLite from looking up the words of every product instead of every product of the words.
        where=["+products_search.rowid = products_product.id", "products_search MATCH %s"],
        params=[f"{{title sku}} : ({text})" if in_title else text],
        select={"rank": "-products_search.rank"},
        order_by=["-products_search.rowid"],
    )


def suggest(text: str) -> list[str]:
    """Searches with words of our titles that are like those of a text that found nothing; none if none are."""
    wanted = words(text)[:4]
    known = _known_words(wanted)
    close = [match for word in wanted for match in get_close_matches(word, known, n=1, cutoff=0.7)]
    if close == wanted:
        return []
    phrase = " ".join(close)
    if find(Product.objects.active(), phrase):
        return [phrase]
    return list(dict.fromkeys(word for word in close if word not in wanted))


def _known_words(wanted: list[str]) -> list[str]:
    """Words of the titles most like the wanted ones, where the database can tell; else of the newest titles."""
    titles = _similar_titles(wanted) if wanted and _has_trigrams() else []
    if titles:
        return _words_of(titles)
    newest = Product.objects.active().newest_first().values_list("title", flat=True)[:TITLES]
    return cache.get_or_set("search:words", lambda: _words_of(list(newest)), 600) or []


def _similar_titles(wanted: list[str]) -> list[str]:
    likeness = [
        Func(Value(word), F("title"), template="%(expressions)s", arg_joiner=" <%% ", output_field=BooleanField())
        for word in wanted
    ]
    similar = Product.objects.active().filter(reduce(or_, map(Q, likeness)))
    with transaction.atomic(), connection.cursor() as cursor:
        # A letter left out takes a third of a word's trigrams; the usual 0.6 would miss it.
        cursor.execute("SET LOCAL pg_trgm.word_similarity_threshold = 0.4")
        return list(similar.values_list("title", flat=True)[:100])


def _words_of(titles: list[str]) -> list[str]:
    return sorted({word for title in titles for word in words(title) if len(word) > 2 and word.isalpha()})


def _has_trigrams() -> bool:
    """Whether the database may use pg_trgm, which a migration tries to add; else difflib goes through titles alone."""
    if connection.vendor != "postgresql":
        return False
    return bool(cache.get_or_set("search:trigrams", _asked_for_trigrams, 3600))


def _asked_for_trigrams() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        return cursor.fetchone() is not None
