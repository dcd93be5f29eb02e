"""What a search shows: products with all words, else those of a corrected text, else the best partial matches.

Of the variants of a group that it finds, it shows the best one.
"""

import json
from dataclasses import dataclass, replace
from hashlib import md5

from django.db import connection

from products.models import Category, ProductQuerySet
from products.models.category import CategoryTree
from products.page_names import PRODUCTS
from products.search import engine
from products.search.categories import find_categories, find_similar_categories, labels_of
from products.search.conditions import IDS
from products.search.corrections import Corrections
from products.search.engine import SEARCHES, find_ids
from products.search.partial import find_partial_ids
from products.search.sample import have_groups

GROUPS = """SELECT id, category_id, "group" FROM products_product WHERE "group" <> '' AND id IN ({ids})"""


@dataclass(frozen=True)
class Results:
    """The products that a search found, and how.

    `text` is the text that found them: the one that was typed, or the corrected one if `is_corrected`. If `is_partial`,
    each product contains only some of its words. `missing` are the typed words that no product on sale contains.
    `suggestions` are similar texts that find products. If `is_limited`, more products match than a search looks at.
    """

    ids: list[int]
    text: str
    is_corrected: bool = False
    is_partial: bool = False
    missing: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    is_limited: bool = False

    @property
    def match_all(self) -> bool:
        """Whether each product contains all words as they were typed."""
        return bool(self.ids) and not self.is_corrected and not self.is_partial


def find(products: ProductQuerySet, text: str, categories: CategoryTree, correct: bool = True) -> Results:
    """Search the `products` for a text. Show the first of these that exist.

    1. Products that contain all its words.
    2. If `correct` is set, products that contain all words of the text with its unknown words corrected.
    3. Products that contain some of its words, those with most of them first.

    Filters and order of `products` apply to each. Unknown words are in no product on sale and in no title of the
    `categories`. The result is kept until a product or a category changes.
    """
    if ids := find_ids(products, text):
        return _one_per_group(Results(ids, text))
    key = md5(f"{products.query} {correct} {text}".encode(), usedforsecurity=False).hexdigest()
    results = SEARCHES.get_or_make(
        f"search-results:{key}", (PRODUCTS,), lambda: _find_otherwise(products, text, categories, correct)
    )
    return _one_per_group(results)


def _one_per_group(results: Results) -> Results:
    """Return the results with the first variant of each group."""
    shown = ids = results.ids
    if len(ids) > 1 and have_groups():
        shown = SEARCHES.get_or_make(("cards", tuple(ids)), (PRODUCTS,), lambda: _first_of_groups(ids))
    return replace(results, ids=shown, is_limited=len(ids) == engine.MAX_RESULTS)


def _first_of_groups(ids: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(GROUPS.format(ids=IDS[connection.vendor]), [json.dumps(ids)])
        groups: dict[int, object] = {pk: (category, group) for pk, category, group in cursor.fetchall()}
    first: dict[object, int] = {}
    for pk in ids:
        first.setdefault(groups.get(pk, pk), pk)
    return list(first.values())


def _find_otherwise(products: ProductQuerySet, text: str, categories: CategoryTree, correct: bool) -> Results:
    corrections = Corrections(text, categories)
    corrected = corrections.best(products)
    if correct and corrected:
        return Results(find_ids(products, corrected), corrected, is_corrected=True)
    suggestions = (corrected,) if corrected else corrections.single_words(products)
    ids = find_partial_ids(products, text)
    return Results(ids, text, is_partial=bool(ids), missing=corrections.missing, suggestions=suggestions)


def matching_categories(results: Results, categories: CategoryTree) -> list[tuple[str, Category]]:
    """Return categories whose titles match the text that was searched, with their labels.

    Titles with some of the words, or with similar words, only count if no product contains all words.
    """
    found = find_categories(categories, results.text)
    if not found and not results.match_all:
        found = find_categories(categories, results.text, some_words=True)
    if not found and not results.ids:
        found = find_similar_categories(categories, results.text)
    return labels_of(categories, found)
