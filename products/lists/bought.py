"""How many units of each product were bought lately, by which lists can be sorted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from django.db import transaction

from core.page_cache.versions import collect_touches
from products.models import Product
from products.page_names import PRODUCTS
from products.page_versions import names_of_branches

BATCH = 500  # rows that one transaction changes


def store_bought(units: Mapping[int, int]) -> int:
    """Store these units by the id of their product, and 0 for all others. Return how many rows changed.

    The variants on sale of a group all get the units of the group, because a search sorts variants. The versions of
    lists move once, with the last batch: until then, lists may show the order of before.
    """
    wanted = _with_groups(units)
    stored = dict(Product.objects.filter(bought__gt=0).values_list("pk", "bought"))
    changed = sorted(pk for pk in wanted.keys() | stored.keys() if wanted.get(pk, 0) != stored.get(pk, 0))
    for first in range(0, len(changed), BATCH):
        batch = changed[first : first + BATCH]
        is_last = first + BATCH >= len(changed)
        with transaction.atomic(), collect_touches() as touches:
            _store(batch, wanted)
            if is_last:
                touches.names |= {PRODUCTS} | names_of_branches(_categories_of(changed))
    return len(changed)


def _with_groups(units: Mapping[int, int]) -> dict[int, int]:
    """Return the units with those of whole groups for all variants on sale."""
    rows = Product.objects.filter(pk__in=units).exclude(group="").values_list("pk", "category", "group")
    sums: Counter[object] = Counter()
    for pk, category, group in rows:
        sums[category, group] += units[pk]
    variants = Product.objects.active().filter(group__in={group for _pk, _category, group in rows})
    of_groups = {
        pk: sums[category, group]
        for pk, category, group in variants.values_list("pk", "category", "group")
        if sums[category, group]
    }
    return {**units, **of_groups}


def _store(pks: Iterable[int], wanted: Mapping[int, int]) -> None:
    by_number: dict[int, list[int]] = defaultdict(list)
    for row in Product.objects.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True).only("pk"):
        by_number[wanted.get(row.pk, 0)].append(row.pk)
    for number, rows in by_number.items():
        Product.objects.filter(pk__in=rows).update_bought(number)


def _categories_of(pks: list[int]) -> set[int]:
    """Return the categories of these products, in batches because databases limit the number of parameters."""
    found: set[int | None] = set()
    for first in range(0, len(pks), BATCH):
        rows = Product.objects.filter(pk__in=pks[first : first + BATCH])
        found |= set(rows.order_by().values_list("category", flat=True).distinct())
    return {pk for pk in found if pk is not None}
