"""Finds products that contain some words of a search text, for texts whose words no product contains together."""

from django.core.cache import cache

from products.models import Product, ProductQuerySet
from products.search.engine import MAX_RESULTS, cache_key, first_ids, matching, newest_ids
from products.search.text import Term, terms_of

MAX_TERMS = 6  # Each needs up to three queries. Further words of the text are ignored.


def find_partial_ids(products: ProductQuerySet, text: str) -> list[int]:
    """Return the ids of the `products` that contain some words of the text, at most `MAX_RESULTS` of them.

    Products with the most words come first, then those with the rarest words, then those with the words in title or
    SKU, then newer ones. If `products` is ordered, the ids are in its order. The result is cached for a minute.
    """
    text = text.replace("\0", "")
    key = cache_key("partial-search", products, text)
    return cache.get_or_set(key, lambda: _find_uncached(products, text), 60) or []


def _find_uncached(products: ProductQuerySet, text: str) -> list[int]:
    unordered = products.order_by()
    by_term = {term: newest_ids(matching(unordered, [term])) for term in terms_of(text)[:MAX_TERMS]}
    by_term = {term: ids for term, ids in by_term.items() if ids}
    contained: dict[int, set[Term]] = {}
    for term, ids in by_term.items():
        for pk in ids:
            contained.setdefault(pk, set()).add(term)
    in_name: set[int] = set()
    # A common word has more products than are read, so ask for products with several words separately.
    for terms in _combinations(list(by_term)):
        for pk in newest_ids(matching(unordered, terms)) if len(terms) > 1 else []:
            contained.setdefault(pk, set()).update(terms)
        in_name.update(newest_ids(matching(unordered, terms, in_name=True)))

    def value(pk: int) -> tuple[int, float, bool, int]:
        terms = contained[pk]
        return len(terms), sum(1 / len(by_term[term]) for term in terms), pk in in_name, pk

    best = sorted(contained, key=value, reverse=True)[:MAX_RESULTS]
    if not products.query.order_by:
        return best
    return first_ids(Product.objects.filter(pk__in=best), str(products.query.order_by[0]))


def _combinations(terms: list[Term]) -> list[list[Term]]:
    """Return all terms together, and all but each of them."""
    but_one = [terms[:number] + terms[number + 1 :] for number in range(len(terms))] if len(terms) > 2 else []
    return [terms, *but_one] if terms else []
