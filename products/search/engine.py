"""Finds products by words. All code that differs by database vendor is here.

PostgreSQL stores the words of a product in the generated columns `search` and `search_name`, SQLite in the FTS5 table
`products_search`. A migration creates them, and the database keeps them up to date with the columns for words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import md5
from typing import Any

from django.db import connection
from django.db.models import BooleanField, QuerySet, TextField
from django.db.models.expressions import RawSQL

from core.page_cache.version_cache import VersionCache
from core.text.words import exact_word, same_letters_word
from products.models import Product, ProductQuerySet
from products.page_names import PRODUCTS
from products.search.text import MAX_TEXT_LENGTH, Term, terms_of

MAX_RESULTS = 480  # The maximum number of products that a search shows: twenty pages.
SEARCHES = VersionCache(size=200)  # with up to MAX_RESULTS ids each
MAX_SORTED = {"sqlite": 3_000, "postgresql": 5_000}  # If there are more matches, an index has their order.
MAX_READ = 1_000  # PostgreSQL does not return matches in order, so this many are read to show the newest of them first.
# PostgreSQL compares a product in the time in which it reads about 25 entries of its index.
SAMPLE_SIZE = 200  # the newest products, by which a search decides which of its words are common
COMMON_PART = 5  # A word is common if at least one in this many products contains it.
PLANNED_MATCHES = 250  # for which PostgreSQL plans a query of which only one match is read
MAX_COMPARED = 2_400  # the products that SQLite compares in the order of a list, which takes up to 15 ms
COMPARED_PART = 3  # SQLite compares if at least one in this many products contains all words.
WORDS = "' ' || title_words || ' ' || sku_words || ' ' || description_words || ' '"
MAX_MARKED = 12  # Longer texts are not sampled, because each further word takes time and some word is rare.


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
    # Whole words in the title or SKU are the best matches, and enough for most searches.
    if terms and len(hits) < MAX_RESULTS:
        hits += newest_ids(matching(products, [term.complete for term in terms], in_name=True))
    if terms and len(set(hits)) < MAX_RESULTS and (others := newest_ids(matching(products, terms))):
        hits += newest_ids(matching(products, terms, in_name=True)) + others
    return list(dict.fromkeys(hits))[:MAX_RESULTS]


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


def _mark_common(terms: list[Term]) -> list[Term]:
    """Mark the terms that a large part of all products contain, on PostgreSQL.

    Its index would read all these products for each query. It is faster to compare those that contain the other terms.
    """
    if connection.vendor != "postgresql" or not 1 < len(terms) <= MAX_MARKED:
        return terms
    found = ", ".join(["count(*) FILTER (WHERE search @@ %s::tsquery)"] * len(terms))
    newest = f"SELECT search FROM products_product ORDER BY id DESC LIMIT {SAMPLE_SIZE}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {found} FROM ({newest}) AS newest", [match_query([term]) for term in terms])  # noqa: S608
        numbers = cursor.fetchone()
    return [
        replace(term, is_common=number * COMMON_PART >= SAMPLE_SIZE)
        for term, number in zip(terms, numbers, strict=True)
    ]


def _first_matches(products: ProductQuerySet, terms: list[Term]) -> list[int]:
    """Return the ids of the first matches in the order of `products`."""
    order = str(products.query.order_by[0])
    ordered = products.order_by(order, "-pk")
    if connection.vendor == "sqlite" and len(ids := _compared_ids(ordered, terms)) == MAX_RESULTS:
        return ids
    ids, number = sorted_ids(matching(products.order_by(), terms), order)
    if number < MAX_SORTED[connection.vendor]:
        return ids
    # So many match that the index of the order leads to the first ones soon.
    return list(ordered.filter(_condition(terms)).values_list("pk", flat=True)[:MAX_RESULTS])


def _compared_ids(ordered: ProductQuerySet, terms: Sequence[Term]) -> list[int]:
    """Return the ids of the matches among the first products, or none if less than a third of the newest ones match.

    SQLite would read all matches of a common word before it returns the first one.
    """
    condition, values = _sqlite_comparison(terms)
    newest = f"SELECT {WORDS} AS words FROM products_product ORDER BY id DESC LIMIT {SAMPLE_SIZE}"  # noqa: S608
    first, parameters = (
        ordered.annotate(words=RawSQL(WORDS, [], TextField())).values("pk", "words")[:MAX_COMPARED]  # noqa: S611
    ).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({newest}) WHERE {condition}", values)  # noqa: S608
        if cursor.fetchone()[0] * COMPARED_PART < SAMPLE_SIZE:
            return []
        cursor.execute(f"SELECT pk FROM ({first}) WHERE {condition} LIMIT {MAX_RESULTS}", [*parameters, *values])  # noqa: S608
        return [pk for (pk,) in cursor.fetchall()]


def _sqlite_comparison(terms: Sequence[Term]) -> tuple[str, list[str]]:
    """Return a condition for the column `words` that compares each row, and its parameters."""
    groups = [[f" {word} " for word in term.words] + [f" {prefix}" for prefix in term.prefixes] for term in terms]
    condition = " AND ".join(f"({' OR '.join(['instr(words, %s)'] * len(group))})" for group in groups)
    return condition, [text for group in groups for text in group]


def sorted_ids(found: QuerySet[Product], order: str) -> tuple[list[int], int]:
    """Return the ids of the first products in this order, and the number of all products, up to `MAX_SORTED`.

    Newer products come first if the values are equal. The database sorts what an inner query has found. In one query,
    PostgreSQL would scan the index of the column if a word is rarer than estimated.
    """
    column, direction = order.lstrip("-"), "DESC" if order.startswith("-") else "ASC"
    found = found.order_by().values("id", column)[: MAX_SORTED[connection.vendor]]
    sql, parameters = found.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, count(*) OVER () FROM ({sql}) AS found ORDER BY {column} {direction}, id DESC"  # noqa: S608
            f" LIMIT {MAX_RESULTS}",
            parameters,
        )
        rows = cursor.fetchall()
    return [pk for pk, _number in rows], rows[0][1] if rows else 0


def newest_ids(found: QuerySet[Product]) -> list[int]:
    """Return the ids of the newest matches, newer ones first. `found` must come from `matching`."""
    found = found.order_by()
    if connection.vendor == "sqlite":
        return list(_newest_on_sqlite(found).values_list("id", flat=True))
    return sorted(found.values_list("pk", flat=True)[:MAX_READ], reverse=True)[:MAX_RESULTS]


def _newest_on_sqlite(found: QuerySet[Product]) -> QuerySet[Product]:
    """Return the newest matches. SQLite stops at the limit because the order is that of the search table."""
    return found.extra(order_by=[f"-{found.query.extra_tables[0]}.rowid"])[:MAX_RESULTS]


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
        newest = _newest_on_sqlite(matching(products, terms, in_name, without))
        yield newest.values("id").query.sql_with_params()


def _choice_on_postgresql(
    products: ProductQuerySet, terms: Sequence[Term], without: Sequence[Term]
) -> Iterable[tuple[str, Sequence[Any]]]:
    found = matching(products, terms, without=without).annotate(in_name=_condition(terms, in_name=True))
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
        found = "SELECT 1 FROM products_product WHERE search @@ %s::tsquery"
    counts = ", ".join([f"(SELECT count(*) FROM ({found} LIMIT {limit}) AS found)"] * len(terms))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [match_query([term]) for term in terms])
        return list(cursor.fetchone())


def matching(
    products: ProductQuerySet, terms: Sequence[Term], in_name: bool = False, without: Sequence[Term] = ()
) -> QuerySet[Product]:
    """Return the products that contain all the terms, in title or SKU if `in_name`, and none of those in `without`."""
    if connection.vendor == "postgresql":
        return products.filter(_condition(terms, in_name, without))
    table = "products_search_name" if in_name else "products_search"
    return products.extra(  # noqa: S610 - The ORM does not support MATCH.
        tables=[table],
        # The plus makes SQLite start from the matches. Otherwise it would look up every product in the search table.
        where=[f"+{table}.rowid = products_product.id", f"{table} MATCH %s"],
        params=[match_query(terms, without)],
    )


def _condition(terms: Sequence[Term], in_name: bool = False, without: Sequence[Term] = ()) -> RawSQL:
    """Return the condition of `matching`.

    On SQLite, it finds all matches before the first is read, so `matching` is faster unless there is another order.
    """
    if connection.vendor == "postgresql":
        return _postgresql_condition(terms, "search_name" if in_name else "search", without)
    table = "products_search_name" if in_name else "products_search"
    # The plus lets SQLite use the index of the order.
    sql = f"+products_product.id IN (SELECT rowid FROM {table} WHERE {table} MATCH %s)"  # noqa: S608
    return RawSQL(sql, [match_query(terms, without)], BooleanField())  # noqa: S611


def _postgresql_condition(terms: Sequence[Term], column: str, without: Sequence[Term]) -> RawSQL:
    """Return a condition that looks up the terms in the index, and compares common ones only with what that finds."""
    rare = [term for term in terms if not term.is_common]
    indexed = rare or terms
    sql, parameters = f"products_product.{column} @@ %s::tsquery", [match_query(indexed)]
    common = [term for term in terms if term not in indexed]
    if common or without:
        # PostgreSQL uses no index for IS TRUE.
        sql += f" AND (products_product.{column} @@ %s::tsquery) IS TRUE"
        parameters.append(match_query(common, without))
    return RawSQL(f"({sql})", parameters, BooleanField())  # noqa: S611


def match_query(terms: Sequence[Term], without: Sequence[Term] = ()) -> str:
    """Return a query for all terms and none of those in `without`, in the language of the database."""
    if connection.vendor == "postgresql":
        wanted, unwanted = ([_group(term, "'{}'", "'{}':*", " | ") for term in some] for some in (terms, without))
        return " & ".join([*wanted, *(f"!{group}" for group in unwanted)])
    wanted, unwanted = ([_group(term, '"{}"', '"{}"*', " OR ") for term in some] for some in (terms, without))
    query = " AND ".join(wanted)
    return f"({query}) NOT ({' OR '.join(unwanted)})" if unwanted else query


def _group(term: Term, word: str, prefix: str, separator: str) -> str:
    """Return a term in the language of the database. Stored words need no escaping: they contain no quotes."""
    parts = [*(prefix.format(text) for text in sorted(term.prefixes))]
    parts += [word.format(text) for text in sorted(term.words) if not text.startswith(tuple(term.prefixes))]
    return f"({separator.join(parts)})"
