"""Finds products by words. All code that differs by database vendor is here.

PostgreSQL stores the words of a product in the generated columns `search` and `search_name`, SQLite in the FTS5 table
`products_search`. A migration creates them, and the database keeps them up to date with the columns for words.
"""

from collections.abc import Sequence
from hashlib import md5

from django.core.cache import cache
from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from core.text.words import exact_word, same_letters_word
from products.models import Product, ProductQuerySet
from products.search.text import MAX_TEXT_LENGTH, Term, terms_of

MAX_RESULTS = 480  # The maximum number of products that a search shows: twenty pages.
MAX_READ = 1_000  # PostgreSQL does not return matches in order, so this many are read to show the newest of them first.


def find_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the `products` that contain all words of the text. The last word can be incomplete.

    The ids are in the order of `products`, or the best matches come first if the queryset is unordered. The result has
    at most `MAX_RESULTS` ids and is cached for a minute.
    """
    text = text.replace("\0", "")[:MAX_TEXT_LENGTH]  # PostgreSQL does not accept NUL.
    key = cache_key("search", products, text)
    return cache.get_or_set(key, lambda: _find_uncached(products, text), 60) or []


def cache_key(name: str, products: ProductQuerySet, text: str) -> str:
    """Return the key under which the result of a search of this kind is cached."""
    query = repr((products.query.sql_with_params(), text)).encode("utf-8", "replace")
    return f"{name}:{md5(query, usedforsecurity=False).hexdigest()}"


def _find_uncached(products: ProductQuerySet, text: str) -> list[int]:
    terms = terms_of(text)
    if products.query.order_by:
        return first_ids(matching(products.order_by(), terms), str(products.query.order_by[0])) if terms else []
    hits = _exact_ids(products, text)
    # Whole words in the title or SKU are the best matches, and enough for most searches.
    for wanted, in_name in (([term.complete for term in terms], True), (terms, True), (terms, False)):
        if terms and len(hits) < MAX_RESULTS:
            hits = list(dict.fromkeys(hits + newest_ids(matching(products, wanted, in_name))))
    return hits[:MAX_RESULTS]


def filter_by_text(products: QuerySet[Product], text: str) -> QuerySet[Product]:
    """Return all `products` that contain all words of the text, without a limit and not cached. For staff."""
    terms = terms_of(text.replace("\0", ""))
    return products.filter(_condition(terms or [Term(frozenset([exact_word(text)]))]))


def _exact_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the products whose SKU or title is this text, and then of those that have the same letters."""
    exact = exact_word(text)
    same = Term(frozenset(filter(None, [exact, same_letters_word(text)])))
    ordered = matching(products, [same], in_name=True).order_by(
        _condition([Term(frozenset([exact]))], in_name=True).desc(), "-pk"
    )
    rows = ordered.values_list("pk", "sku", "title")[:MAX_RESULTS]
    ranked = sorted(rows, key=lambda row: (exact_word(row[1]) != exact, exact_word(row[2]) != exact))
    return [pk for pk, _sku, _title in ranked]


def first_ids(found: QuerySet[Product], order: str) -> list[int]:
    """Return the ids of the first matches in this order. Newer products come first if the values are equal."""
    column = order.lstrip("-")
    # Do not order by the plain column: PostgreSQL would scan its whole index if a word is rarer than estimated.
    value = Coalesce(column, column)
    ordered = found.order_by(value.desc() if order.startswith("-") else value.asc(), "-pk")
    return list(ordered.values_list("pk", flat=True)[:MAX_RESULTS])


def newest_ids(found: QuerySet[Product]) -> list[int]:
    """Return the ids of the newest matches, newer ones first. `found` must come from `matching`."""
    if connection.vendor == "sqlite":  # It stops at the limit if the order is that of the search table.
        newest_first = found.order_by().extra(order_by=[f"-{found.query.extra_tables[0]}.rowid"])
        return list(newest_first.values_list("pk", flat=True)[:MAX_RESULTS])
    return sorted(found.order_by().values_list("pk", flat=True)[:MAX_READ], reverse=True)[:MAX_RESULTS]


def matching(products: ProductQuerySet, terms: Sequence[Term], in_name: bool = False) -> QuerySet[Product]:
    """Return the products that contain all the terms, in title or SKU if `in_name`."""
    if connection.vendor == "postgresql":
        return products.filter(_condition(terms, in_name))
    table = "products_search_name" if in_name else "products_search"
    return products.extra(  # noqa: S610 - The ORM does not support MATCH.
        tables=[table],
        # The plus makes SQLite start from the matches. Otherwise it would look up every product in the search table.
        where=[f"+{table}.rowid = products_product.id", f"{table} MATCH %s"],
        params=[_sqlite_query(terms)],
    )


def _condition(terms: Sequence[Term], in_name: bool = False) -> RawSQL:
    """Return the condition that a product contains all the terms, in title or SKU if `in_name`.

    On SQLite, it finds all matches before the first is read, so `matching` is faster for common words.
    """
    if connection.vendor == "postgresql":
        column = "search_name" if in_name else "search"
        query = " & ".join(_group(term, "'{}'", "'{}':*", " | ") for term in terms)
        return RawSQL(f"products_product.{column} @@ %s::tsquery", [query], BooleanField())  # noqa: S611
    table = "products_search_name" if in_name else "products_search"
    sql = f"products_product.id IN (SELECT rowid FROM {table} WHERE {table} MATCH %s)"  # noqa: S608
    return RawSQL(sql, [_sqlite_query(terms)], BooleanField())  # noqa: S611


def _sqlite_query(terms: Sequence[Term]) -> str:
    return " AND ".join(_group(term, '"{}"', '"{}"*', " OR ") for term in terms)


def _group(term: Term, word: str, prefix: str, separator: str) -> str:
    """Return a term in the language of the database. Stored words need no escaping: they contain no quotes."""
    parts = [*(prefix.format(text) for text in sorted(term.prefixes))]
    parts += [word.format(text) for text in sorted(term.words) if not text.startswith(tuple(term.prefixes))]
    return f"({separator.join(parts)})"
