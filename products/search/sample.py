"""What a search knows about all products before it looks for some: which words are common, and if there are groups.

Words are estimated by the newest products. All is kept until a product on sale changes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists

from core.page_cache.version_cache import VersionCache
from products.models import Product
from products.models.stored_words import COLUMNS
from products.page_names import PRODUCTS
from products.search.text import Term

SIZE = 200  # products
MAX_LENGTH = 4_000  # characters of the words of their descriptions
COMMON_PART = {"sqlite": 3, "postgresql": 5}  # Words are common if one in this many products contains all of them.
RARE_PART = 25  # Words are rare if fewer than one in this many products contain all of them.
KEPT = VersionCache(size=2)  # Requests that began before the last change still use what was kept before it.


class Sample(NamedTuple):
    """The words of the newest products, without and with the description, and whether any product has a group."""

    words: list[tuple[str, str]]
    has_groups: bool


def are_common(terms: Sequence[Term], in_name: bool = False) -> bool:
    """Return whether a large part of all products contain all these terms, in title or SKU if `in_name`."""
    return _count(terms, in_name) * COMMON_PART[connection.vendor] >= SIZE


def are_rare(terms: Sequence[Term]) -> bool:
    """Return whether few products contain all these terms."""
    return _count(terms) * RARE_PART < SIZE


def have_groups() -> bool:
    """Return whether any product has a group."""
    return _sample().has_groups


def _count(terms: Sequence[Term], in_name: bool = False) -> int:
    return sum(contain(name if in_name else words, terms) for name, words in _sample().words)


def contain(words: str, terms: Sequence[Term]) -> bool:
    """Return whether these words contain all terms. There must be a space before and after each word."""
    return all(
        any(f" {word} " in words for word in term.words) or any(f" {prefix}" in words for prefix in term.prefixes)
        for term in terms
    )


def words_of_row(title: str, sku: str, description: str) -> tuple[str, str]:
    """Return the stored words of title and SKU, and those of all texts, as `contain` reads them."""
    name = f" {title} {sku} "
    return name, f"{name}{description} "


def _sample() -> Sample:
    return KEPT.get_or_make("sample", (PRODUCTS,), _read)


def _read() -> Sample:
    has_groups = Exists(Product.objects.filter(group__gt=""))
    rows = list(Product.objects.order_by("-pk").values_list(*COLUMNS, has_groups)[:SIZE])
    words = [words_of_row(title, sku, description[:MAX_LENGTH]) for title, sku, description, _has_groups in rows]
    return Sample(words, bool(rows) and rows[0][3])
