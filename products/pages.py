"""Numbered pages that stay quick when the catalogue is large."""

from hashlib import md5
from typing import Any

from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

from products.models import Product, ProductQuerySet

STRETCH = 1000  # rows of an index that are walked past to find a page; where each stretch begins is remembered
COUNT_KEPT, SIGNPOST_KEPT = 60, 300  # seconds


class ProductPaginator(Paginator):
    """Pages of a list, or of the ids that a search found.

    A list is counted once a minute. A page's ids are found in an index before its rows are read; those of a deep page
    from a signpost, the remembered beginning of its stretch, and not from the list's beginning.
    """

    object_list: ProductQuerySet | list[int]

    @cached_property
    def count(self) -> int:
        """All rows of the list; a minute old at most."""
        if isinstance(self.object_list, list):
            return len(self.object_list)
        count = self.object_list.order_by().count
        return int(cache.get_or_set(f"count:{_key(self.object_list)}", count, COUNT_KEPT) or 0)

    def page(self, number: Any) -> Page:
        """The page of this number: 24 rows in the list's order."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        if isinstance(self.object_list, list):
            wanted = self.object_list[first : first + self.per_page]
            found = Product.objects.for_cards().in_bulk(wanted)
            return Page([found[pk] for pk in wanted if pk in found], number, self)
        start = first // STRETCH * STRETCH
        products = _from(self.object_list, start) if start else self.object_list
        ids = products.values("pk")[first - start : first - start + self.per_page]
        rows = Product.objects.for_cards().filter(pk__in=ids).order_by(*products.query.order_by)
        return Page(rows, number, self)


def _key(products: ProductQuerySet) -> str:
    return md5(str(products.query).encode(), usedforsecurity=False).hexdigest()


def _from(products: ProductQuerySet, start: int) -> ProductQuerySet:
    """The list from its row `start` on. It is ordered by a column and then by pk in the same direction."""
    order = str(products.query.order_by[0])
    column, later, earlier = (order[1:], "lte", "gt") if order.startswith("-") else (order, "gte", "lt")
    row = products.values_list(column, "pk")[start : start + 1]
    signpost = cache.get_or_set(f"signpost:{_key(products)}:{start}", lambda: list(row), SIGNPOST_KEPT)
    if not signpost:  # the list has become shorter since it was counted
        return products.none()
    [(value, pk)] = signpost
    return products.filter(**{f"{column}__{later}": value}).exclude(**{column: value, f"pk__{earlier}": pk})
