"""Finds products by comparing their words one by one, without the index of words.

The index finds the matches of a word in its own order. To find those in a category, or the cheapest ones, the database
reads all of them. If a large part of all products match, it is faster to read the products of the list in its order and
to compare their words.
"""

import json
from collections.abc import Iterator, Sequence

from django.db import connection
from django.db.models import TextField
from django.db.models.expressions import RawSQL

from products.models import ProductQuerySet
from products.models.stored_words import COLUMNS
from products.search.conditions import IDS, match_query
from products.search.sample import contain, texts_of, words_of_row
from products.search.text import Term

MAX_COMPARED = 2_000  # products of a list, which takes up to 15 ms
COMPARED_FOR_ALL = 20_000  # products compared in the time that the index needs to read 100,000 matches
CHUNK = 600  # products that SQLite reads at once
MIN_FOUND = 60  # matches in the first of these chunks, or else the index is used
LIST_INDEXES = {"lowest_price": "list_price", "timestamp": "list_newest", "bought": "list_bought"}


def first_matches(
    ordered: ProductQuerySet, terms: Sequence[Term], limit: int, in_name: bool = False
) -> list[int] | None:
    """Return the ids of the first products that contain the terms, in title or SKU if `in_name`.

    Return None if far fewer products of this list contain them than are expected of common words.
    """
    if connection.vendor == "sqlite":
        return _first_on_sqlite(ordered, terms, limit, in_name)
    column = RawSQL(f"products_product.{'search_name' if in_name else 'search'}", [], TextField())  # noqa: S611
    listed, parameters = ordered.annotate(words=column).values("pk", "words")[:MAX_COMPARED].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pk FROM ({listed}) AS listed WHERE words @@ %s::tsquery LIMIT {limit}",  # noqa: S608
            [*parameters, match_query(terms)],
        )
        first = [pk for (pk,) in cursor.fetchall()]
    is_whole = len(first) == limit or _ids_of_whole_list(ordered, MAX_COMPARED) is not None
    return first if is_whole else None


def _first_on_sqlite(ordered: ProductQuerySet, terms: Sequence[Term], limit: int, in_name: bool) -> list[int] | None:
    is_whole = _ids_of_whole_list(ordered, MAX_COMPARED) is not None
    sql, parameters = ordered.values("pk")[:MAX_COMPARED].query.sql_with_params()
    if not is_whole:
        # SQLite would sort a long list. With the index of its order it stops soon.
        index = LIST_INDEXES[str(ordered.query.order_by[0]).lstrip("-")]
        sql = sql.replace('FROM "products_product"', f'FROM "products_product" INDEXED BY {index}', 1)
    first: list[int] = []
    texts = texts_of(terms)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(CHUNK):
            ids = [pk for (pk,) in rows]
            found = {pk for pk, name, words in _words_on_sqlite(ids) if contain(name if in_name else words, texts)}
            first += [pk for pk in ids if pk in found]
            if len(first) >= limit:
                return first[:limit]
            if len(first) < MIN_FOUND and not is_whole:
                return None
    return first if is_whole else None


def _ids_of_whole_list(products: ProductQuerySet, limit: int) -> list[int] | None:
    """Return the ids of all products in any order, or None if there are `limit` products or more."""
    ids = list(products.order_by().values_list("pk", flat=True)[:limit])
    return ids if len(ids) < limit else None


def short_list(products: ProductQuerySet, part: float) -> list[int] | None:
    """Return the ids of all products, in any order, if SQLite can compare them sooner than it reads its index.

    Otherwise return None. The index is for words that this `part` of all products contain. PostgreSQL takes twice as
    long to compare a product and half as long to read a match, so it always uses the index.
    """
    return _ids_of_whole_list(products, min(MAX_COMPARED, int(part * COMPARED_FOR_ALL)))


def ranked_matches(ids: Sequence[int], terms: Sequence[Term]) -> list[int]:
    """Return the ids of those of these products that contain the terms, on SQLite.

    Those with all terms in title or SKU come first, with whole words before beginnings of words, and then newer ones.
    """
    whole = [term.complete for term in terms]
    rows = compare(ids, [(whole, True), (terms, True), (terms, False)])
    return [pk for found, pk in sorted(((found, pk) for pk, found in rows), reverse=True) if found[-1]]


def compare(ids: Sequence[int], wanted: Sequence[tuple[Sequence[Term], bool]]) -> list[tuple[int, tuple[bool, ...]]]:
    """Return the ids with whether each product contains these terms, in title or SKU if the bool is set, on SQLite."""
    texts = [(texts_of(terms), in_name) for terms, in_name in wanted]
    return [
        (pk, tuple([contain(name if in_name else words, some) for some, in_name in texts]))
        for pk, name, words in _words_on_sqlite(ids)
    ]


def _words_on_sqlite(ids: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    """Return the ids of these products with their words. Python compares them faster than SQLite does."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {', '.join(COLUMNS)} FROM products_product WHERE id IN ({IDS['sqlite']})",  # noqa: S608
            [json.dumps(ids)],
        )
        for pk, *texts in cursor:
            yield pk, *words_of_row(*texts)
