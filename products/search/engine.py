"""Finds products by words: by the index of words, or by comparison if very many products contain them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import md5
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from core.page_cache.version_cache import VersionCache
from core.text.words import exact_word, same_letters_word
from products.models import Product, ProductQuerySet
from products.page_names import PRODUCTS
from products.search.comparing import compare, first_matches, ranked_matches, short_list
from products.search.conditions import EXPENSIVE, condition, match_query, matching
from products.search.sample import are_common, are_rare, share
from products.search.text import MAX_TEXT_LENGTH, Term, terms_of

MAX_RESULTS = 480  # The maximum number of products that a search shows: twenty pages.
SEARCHES = VersionCache(size=200)  # with up to MAX_RESULTS ids each
NO_LIMIT = 1_000_000_000  # This limit keeps the databases from merging an inner query with the outer one.
MAX_READ = 1_000  # PostgreSQL does not return matches in order, so this many are read to show the newest of them first.
PLANNED_MATCHES = 250  # for which PostgreSQL plans a query of which only one match is read
MAX_PREFIX = 10  # the longest beginnings of words in SQLite's index (migration 0005)
MAX_MARKED = 12  # Terms of longer texts are not marked as common, because that takes time and some word is rare.


def find_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the `products` that contain all words of the text. The last word can be incomplete.

    The ids are in the order of `products`, or the best matches come first if the queryset is unordered. The result has
    at most `MAX_RESULTS` ids and is kept until a product on sale changes.
    """
    key = cache_key("search", products, text)
    return SEARCHES.get_or_make(key, (PRODUCTS,), lambda: find_ids_now(products, text))


def cache_key(name: str, products: ProductQuerySet, text: str) -> str:
    """Return the key under which the result of a search of this kind is cached."""
    query = repr((products.query.sql_with_params(), text)).encode("utf-8", "replace")
    return f"{name}:{md5(query, usedforsecurity=False).hexdigest()}"


def find_ids_now(products: ProductQuerySet, text: str) -> list[int]:
    """Return what `find_ids` returns, without keeping it. Changes of products off sale do not move its version."""
    text = text.replace("\0", "")[:MAX_TEXT_LENGTH]  # PostgreSQL does not accept NUL.
    terms = _mark_common(terms_of(text))
    if products.query.order_by:
        return _first_matches(products, terms) if terms else []
    hits = _exact_ids(products, text)
    if terms and len(hits) < MAX_RESULTS:
        ids = None
        if connection.vendor == "sqlite" and not are_rare(terms):
            # The index would read all matches to find those that pass the filters.
            ids = short_list(products, share(terms))
        hits = _add_indexed(products, terms, hits) if ids is None else hits + ranked_matches(ids, terms)
    return list(dict.fromkeys(hits))[:MAX_RESULTS]


def _add_indexed(products: ProductQuerySet, terms: list[Term], hits: list[int]) -> list[int]:
    """Return these ids and then those of the best matches, by the index of words. Some can be in the list twice."""
    # Whole words in the title or SKU are the best matches, and enough for most searches.
    hits = hits + _newest(products, [term.complete for term in terms], in_name=True)
    if len(set(hits)) < MAX_RESULTS and are_common(terms, in_name=True):
        hits += _newest(products, terms, in_name=True)
    if len(set(hits)) < MAX_RESULTS and (others := _newest(products, terms)):
        if connection.vendor == "sqlite" and len(others) < MAX_RESULTS:  # These are all matches.
            hits += sorted((pk for pk, [is_in_name] in compare(others, [(terms, True)]) if is_in_name), reverse=True)
        else:
            hits += _newest(products, terms, in_name=True)
        hits += others
    return hits


def filter_by_text(products: QuerySet[Product], text: str) -> QuerySet[Product]:
    """Return all `products` that contain all words of the text, without a limit and not cached. For staff."""
    terms = terms_of(text.replace("\0", ""))
    return products.filter(condition(terms or [Term(frozenset([exact_word(text)]))]))


def _exact_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the products whose SKU or title is this text, and then of those that have the same letters."""
    exact = exact_word(text)
    same = Term(frozenset(filter(None, [exact, same_letters_word(text)])))
    ordered = matching(products, [same], in_name=True).order_by(
        condition([Term(frozenset([exact]))], in_name=True).desc(), "-pk"
    )
    rows = ordered.values_list("pk", "sku", "title")[:MAX_RESULTS]
    ranked = sorted(rows, key=lambda row: (exact_word(row[1]) != exact, exact_word(row[2]) != exact))
    return [pk for pk, _sku, _title in ranked]


def _mark_common(terms: list[Term]) -> list[Term]:
    """Mark the terms that a large part of all products contain, on PostgreSQL, if others are rare.

    Its index would read all these products for each query. It is faster to compare the few that contain the others.
    """
    if connection.vendor != "postgresql" or not 1 < len(terms) <= MAX_MARKED:
        return terms
    marked = [replace(term, is_common=are_common([term])) for term in terms]
    return marked if are_rare([term for term in marked if not term.is_common]) else terms


def _first_matches(products: ProductQuerySet, terms: list[Term]) -> list[int]:
    """Return the ids of the first matches in the order of `products`."""
    order = str(products.query.order_by[0])
    ordered = products.order_by(order, "-pk")
    if are_common(terms) and (first := first_matches(ordered, terms, MAX_RESULTS)) is not None:
        return first
    return sorted_ids(matching(products.order_by(), terms), order)


def sorted_ids(found: QuerySet[Product], order: str) -> list[int]:
    """Return the ids of the first products in this order. Newer products come first if the values are equal.

    The database sorts what an inner query has found. In one query, PostgreSQL would scan the index of the column if a
    word is rarer than estimated.
    """
    column, direction = order.lstrip("-"), "DESC" if order.startswith("-") else "ASC"
    found = found.order_by()
    if found.query.extra_tables:
        found = _newest_on_sqlite(found)  # SQLite sorts fewest products if the newest ones come first.
    sql, parameters = found.values("id", column)[:NO_LIMIT].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM ({sql}) AS found ORDER BY {column} {direction}, id DESC LIMIT {MAX_RESULTS}",  # noqa: S608
            parameters,
        )
        return [pk for (pk,) in cursor.fetchall()]


def _newest(products: ProductQuerySet, terms: Sequence[Term], in_name: bool = False) -> list[int]:
    """Return the ids of the newest matches, newer ones first."""
    if _is_slow(terms) and are_common(terms, in_name):
        first = first_matches(products.newest_first(), terms, MAX_RESULTS, in_name)
        if first is not None:
            return sorted(first, reverse=True)
    found = matching(products, terms, in_name).order_by()
    if connection.vendor == "sqlite":
        return list(_newest_on_sqlite(found)[:MAX_RESULTS].values_list("id", flat=True))
    return sorted(found.values_list("pk", flat=True)[:MAX_READ], reverse=True)[:MAX_RESULTS]


def _is_slow(terms: Sequence[Term]) -> bool:
    """Return whether the index does not find the newest matches first: SQLite's has only beginnings of some lengths."""
    longest = max(map(len, chain.from_iterable(term.prefixes for term in terms)), default=0)
    return connection.vendor == "postgresql" or longest > MAX_PREFIX


def _newest_on_sqlite(found: QuerySet[Product]) -> QuerySet[Product]:
    """Return the newest matches first. SQLite sorts nothing, because this is the order of the search table."""
    return found.extra(order_by=[f"-{found.query.extra_tables[0]}.rowid"])


def ids_of_choices(products: ProductQuerySet, choices: Iterable[tuple[Sequence[Term], Sequence[Term]]]) -> list[int]:
    """Return the ids of the products that contain all terms of a choice and none of its other terms, in one query.

    Those of the first choice come first. Within a choice, those with the terms in title or SKU come first, then newer
    ones. The database does not read what is beyond `MAX_RESULTS`.
    """
    make = _choice_on_sqlite if connection.vendor == "sqlite" else _choice_on_postgresql
    queries = [query for terms, without in choices for query in make(products.order_by(), terms, without)]
    union = " UNION ALL ".join(f"SELECT id FROM ({sql}) AS part" for sql, _parameters in queries)  # noqa: S608
    if connection.vendor == "sqlite":
        union = f"SELECT DISTINCT id FROM ({union})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"{union} LIMIT {MAX_RESULTS}", [value for _sql, parameters in queries for value in parameters])
        return [pk for (pk,) in cursor.fetchall()]


def _choice_on_sqlite(
    products: ProductQuerySet, terms: Sequence[Term], without: Sequence[Term]
) -> Iterable[tuple[str, Sequence[Any]]]:
    for in_name in (True, False):
        newest = _newest_on_sqlite(matching(products, terms, in_name, without))[:MAX_RESULTS]
        yield newest.values("id").query.sql_with_params()


def _choice_on_postgresql(
    products: ProductQuerySet, terms: Sequence[Term], without: Sequence[Term]
) -> Iterable[tuple[str, Sequence[Any]]]:
    found = matching(products, terms, without=without).annotate(in_name=condition(terms, in_name=True))
    sql, parameters = found.values("id", "in_name")[:MAX_RESULTS].query.sql_with_params()
    yield f"SELECT id FROM ({sql}) AS found ORDER BY in_name DESC, id DESC", parameters  # noqa: S608


def have_matches(products: ProductQuerySet, texts: Sequence[Sequence[Term]]) -> list[bool]:
    """Return for each list of terms whether some of the products contain all of them, in one query."""
    if not texts:
        return []
    exists = "EXISTS ({})"
    if connection.vendor == "postgresql":
        # PostgreSQL would plan to find a single match without its index, which is slow for an unknown word.
        exists = f"(WITH found AS MATERIALIZED ({{}} LIMIT {PLANNED_MATCHES}) SELECT EXISTS (SELECT 1 FROM found))"  # noqa: S608
    columns, values = [], []
    for terms in texts:
        # The databases find complete words faster. They only look for incomplete ones if there are none.
        parts = [
            matching(products.order_by(), wanted).values("pk").query.sql_with_params()
            for wanted in ([term.complete for term in terms], terms)
        ]
        columns.append(" OR ".join(exists.format(sql) for sql, _parameters in parts))
        values += [value for _sql, parameters in parts for value in parameters]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}", values)
        return [bool(is_found) for is_found in cursor.fetchone()]


def count_up_to(limit: int, terms: Sequence[Term]) -> list[int]:
    """Return the number of products that contain each term, or the limit if there are more, in one query."""
    if not terms:
        return []
    if connection.vendor == "sqlite":
        found = "SELECT 1 FROM products_search WHERE products_search MATCH %s"
    else:
        found = f"SELECT 1 FROM products_product WHERE {EXPENSIVE} AND search @@ %s::tsquery"  # noqa: S608
    counts = ", ".join([f"(SELECT count(*) FROM ({found} LIMIT {limit}) AS found)"] * len(terms))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [match_query([term]) for term in terms])
        return list(cursor.fetchone())
