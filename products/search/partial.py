"""Finds products that contain some words of a search text, for texts whose words no product contains together."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from django.db import connection

from products.models import Product, ProductQuerySet
from products.page_names import PRODUCTS
from products.search.comparing import compare, short_list
from products.search.conditions import with_ids
from products.search.engine import MAX_RESULTS, SEARCHES, cache_key, count_up_to, ids_of_choices, sorted_ids
from products.search.sample import are_rare, share
from products.search.text import MAX_TEXT_LENGTH, Term, terms_of

Choice = tuple[Sequence[Term], Sequence[Term]]  # terms that a product contains, and others that it does not
MAX_COUNTED = 12  # terms of the text whose products are counted
MAX_TERMS = 4  # The rarest of them are used: each further one doubles the number of parts in the query.
MAX_COMMON = 2  # At most this many are in MAX_RESULTS products or more, because it takes long to compare those.


def find_partial_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the `products` that contain some words of the text, at most `MAX_RESULTS` of them.

    None of the `products` may contain all words, so call `find_ids` first.

    Products with the most words come first, then those with the rarest words, then those with the words in title or
    SKU, then newer ones. If `products` is ordered, the ids are in its order. The result is kept until a product
    changes.
    """
    text = text.replace("\0", "")[:MAX_TEXT_LENGTH]
    key = cache_key("partial-search", products, text)
    return SEARCHES.get_or_make(key, (PRODUCTS,), lambda: _find_uncached(products, text))


def _find_uncached(products: ProductQuerySet, text: str) -> list[int]:
    terms = terms_of(text)
    if len(terms) < 2:
        return []  # because no product contains all terms
    best: list[int] = []
    for counts in _groups(terms):
        choices = _choices(counts)
        if len(counts) == len(terms):
            choices = choices[1:]  # No product contains all terms.
        if best := _find_choices(products, choices):
            break
    if not products.query.order_by:
        return best
    return sorted_ids(Product.objects.filter(with_ids(best)), str(products.query.order_by[0]))


def _groups(terms: Sequence[Term]) -> list[dict[Term, int]]:
    """Return these terms with the number of products that contain each, up to `MAX_RESULTS`, without missing ones.

    The rarest terms are in the first group. The others are for lists without them, such as those of another category.
    """
    terms = terms[:MAX_COUNTED]
    ranked = sorted(zip(count_up_to(MAX_RESULTS, terms), terms, strict=True), key=lambda counted: counted[0])
    rare = [(term, number) for number, term in ranked if 0 < number < MAX_RESULTS]
    common = [(replace(term, is_common=True), number) for number, term in ranked if number == MAX_RESULTS]
    first = [*rare, *common[:MAX_COMMON]][:MAX_TERMS]
    others = [term for term in (*rare, *common) if term not in first]
    return [dict(first), *(dict(others[at : at + MAX_COMMON]) for at in range(0, len(others), MAX_COMMON))]


def _find_choices(products: ProductQuerySet, choices: Sequence[Choice]) -> list[int]:
    if not choices:
        return []
    compared = _compared(products, choices)
    return ids_of_choices(products, choices) if compared is None else compared


def _compared(products: ProductQuerySet, choices: Sequence[Choice]) -> list[int] | None:
    """Return what `ids_of_choices` does, without the index, or None if the index is faster."""
    terms = list(dict.fromkeys(term for choice, _without in choices for term in choice))
    if connection.vendor == "postgresql" or all(are_rare([term]) for term in terms):
        return None
    ids = short_list(products, max(share([term]) for term in terms))
    if ids is None:
        return None
    places = {frozenset(choice): place for place, (choice, _without) in enumerate(choices)}
    ranked = []
    for pk, found in compare(ids, [([term], in_name) for in_name in (False, True) for term in terms]):
        contained = [number for number in range(len(terms)) if found[number]]
        place = places.get(frozenset(terms[number] for number in contained))
        if place is not None:
            is_in_name = all(found[len(terms) + number] for number in contained)
            ranked.append((place, not is_in_name, -pk))
    return [-pk for _place, _is_elsewhere, pk in sorted(ranked)[:MAX_RESULTS]]


def _choices(counts: dict[Term, int]) -> list[Choice]:
    """Return all choices of terms, each with the terms that it omits. The best choice comes first."""
    sizes = range(len(counts), 0, -1)
    choices = [choice for size in sizes for choice in combinations(counts, size)]
    choices.sort(key=lambda terms: (len(terms), sum(1 / counts[term] for term in terms)), reverse=True)
    return [(choice, [term for term in counts if term not in choice]) for choice in choices]
