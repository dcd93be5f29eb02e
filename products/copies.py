"""Copies of a product as another variant of its group."""

import re
from typing import Any

from django.utils.text import capfirst

from core.page_cache.versions import collect_touches
from products.models import Product
from products.models.stored_words import COLUMNS as WORD_COLUMNS

# What a copy does not take from the original. All other columns are copied.
OWN_COLUMNS = frozenset([
    "id", "sku", "title", "slug", "choice", "second_choice", "stock", "active", "timestamp", "updated", "image",
    "image_width", "image_height", "image_alt", *WORD_COLUMNS,
])  # fmt: skip
MAX_SKU = 40
MAX_GROUP = 40
VARIANT_COLUMNS = ("group", "option", "choice")  # which the original gets if it has none


@collect_touches()
def copy_as_variant(original: Product, of_original: dict[str, str], **own: str) -> Product:
    """Return a new product with the values of the original, which is not for sale and has a stock of 0.

    `own` are its SKU, title and choices. `of_original` are the variant columns that the original gets first, because
    it was in no group. The caller holds the lock of the original's row. Pictures are not copied: those of a variant
    differ.
    """
    if of_original:
        for name, value in of_original.items():
            setattr(original, name, value)
        original.save(update_fields=[*of_original, "updated"])
    columns = [column for column in Product._meta.concrete_fields if column.name not in OWN_COLUMNS]
    values: dict[str, Any] = {column.attname: getattr(original, column.attname) for column in columns}
    copy = Product(**values | own, stock=0, active=False)
    copy.save()
    return copy


def suggest_group(original: Product) -> str:
    """Return a name for the group of the original and its copies: the title without its choice, in whole words.

    If the original has no choice yet, that is what follows the last comma of the title, such as "Mug, oat".
    """
    title = original.title
    if original.choice:
        title = re.sub(rf"[\s,(–-]*(?<!\w){re.escape(original.choice)}(?!\w)\)?", "", title, flags=re.IGNORECASE)
    else:
        title = title.rpartition(",")[0] or title
    title = capfirst(title.strip(" ,–-")) or original.title
    if len(title) <= MAX_GROUP:
        return title
    return title[: MAX_GROUP + 1].rpartition(" ")[0].strip(" ,–-") or title[:MAX_GROUP]


def suggest_sku(original: Product) -> str:
    """Return the SKU of the original with the next free number: MUG-2, MUG-3, ..."""
    stem = original.sku[: MAX_SKU - 8]
    taken = set(Product.objects.filter(sku__startswith=f"{stem}-").values_list("sku", flat=True))
    number = 2
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def title_with_choice(title: str, old: str, new: str) -> str:
    """Return the title with the new choice in place of the old one, or at its end if the old one is not in it.

    If the title has the old choice in lowercase, such as "Mug, teal" with the choice Teal, so has the new title.
    """
    found = list(re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)", title, re.IGNORECASE)) if old else []
    if found:
        new = _like(found[-1].group(), old, new)
        return f"{title[: found[-1].start()]}{new}{title[found[-1].end() :]}"
    return title if new.casefold() in title.casefold() else f"{title}, {new}"


def _like(shown: str, choice: str, new: str) -> str:
    """Return the new choice, in lowercase if the title shows the old one so. Choices such as XL stay as they are."""
    is_lowered = shown[:1].islower() and choice[:1].isupper()
    return new[:1].lower() + new[1:] if is_lowered and new[1:].islower() else new
