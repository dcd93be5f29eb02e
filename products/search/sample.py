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
    return share(terms, in_name) * COMMON_PART[connection.vendor] >= 1


def are_rare(terms: Sequence[Term]) -> bool:
    """Return whether few products contain all these terms."""
    return share(terms) * RARE_PART < 1


def have_groups() -> bool:
    """Return whether any product has a group."""
    return _sample().has_groups


def share(terms: Sequence[Term], in_name: bool = False) -> float:
    """Return the estimated part of all products that contain all these terms, in title or SKU if `in_name`."""
    looked_up = texts_of(terms)
    number = sum(contain(name if in_name else words, looked_up) for name, words in _sample().words)
    return number / SIZE if SIZE else 1.0


def texts_of(terms: Sequence[Term]) -> list[list[str]]:
    """Return for each term the texts of which `contain` looks for one."""
    return [[*(f" {word} " for word in term.words), *(f" {prefix}" for prefix in term.prefixes)] for term in terms]


def contain(words: str, texts: Sequence[Sequence[str]]) -> bool:
    """Return whether these words contain one text for each term. There must be a space before and after each word."""
    for choices in texts:  # Loops take half the time of any() and all().
        for text in choices:
            if text in words:
                break
        else:
            return False
    return True


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
