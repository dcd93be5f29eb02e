"""Conditions for products that contain words, in the languages of the databases.

PostgreSQL stores the words of a product in the generated columns `search` and `search_name`, SQLite in the FTS5 tables
`products_search` and `products_search_name`. A migration creates them, and the database keeps them up to date with the
columns for words.
"""

import json
from collections.abc import Sequence

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from products.models import Product
from products.search.text import Term

# This is always true. PostgreSQL evaluates only its first part, but its plans count the cost of both. Without it, plans
# take a comparison of words to be as cheap as one of numbers, and scan the table instead of the index.
EXPENSIVE = "(products_product.id > 0 OR to_tsvector('simple', products_product.slug) IS NOT NULL)"
# The ids of a list in one parameter. The ORM and the databases take longer to read a parameter for each id.
IDS = {"sqlite": "SELECT value FROM json_each(%s)", "postgresql": "SELECT json_array_elements_text(%s)::bigint"}


def with_ids(ids: Sequence[int]) -> RawSQL:
    """Return the condition that a product has one of these ids."""
    sql = f"products_product.id IN ({IDS[connection.vendor]})"
    return RawSQL(sql, [json.dumps(ids)], BooleanField())  # noqa: S611


def matching(
    products: QuerySet[Product], terms: Sequence[Term], in_name: bool = False, without: Sequence[Term] = ()
) -> QuerySet[Product]:
    """Return the products that contain all the terms, in title or SKU if `in_name`, and none of those in `without`."""
    if connection.vendor == "postgresql":
        return products.filter(condition(terms, in_name, without))
    table = "products_search_name" if in_name else "products_search"
    return products.extra(  # noqa: S610 - The ORM does not support MATCH.
        tables=[table],
        # The plus makes SQLite start from the matches. Otherwise it would look up every product in the search table.
        where=[f"+{table}.rowid = products_product.id", f"{table} MATCH %s"],
        params=[match_query(terms, without)],
    )


def condition(terms: Sequence[Term], in_name: bool = False, without: Sequence[Term] = ()) -> RawSQL:
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
    sql, parameters = f"{EXPENSIVE} AND products_product.{column} @@ %s::tsquery", [match_query(indexed)]
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
