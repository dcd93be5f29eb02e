"""Pagination that stays fast when the catalog is large."""

from hashlib import md5
from typing import Any

from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

from products.models import Product, ProductQuerySet

# Deep pages skip at most this many index rows, because the first row of each block of this size is cached.
BLOCK_SIZE = 1000
COUNT_TIMEOUT, BLOCK_START_TIMEOUT = 60, 300  # seconds


class ProductPaginator(Paginator):
    """Paginator for a queryset of products or for the list of ids that a search returned.

    The count of a queryset is cached for a minute. The ids of a page are read from an index before its rows are read.
    For a deep page, the index is read from the cached first row of its block, not from the start of the list.
    """

    object_list: ProductQuerySet | list[int]

    @cached_property
    def count(self) -> int:
        """Return the number of products, which can be a minute old for a queryset."""
        if isinstance(self.object_list, list):
            return len(self.object_list)
        count = self.object_list.order_by().count
        return int(cache.get_or_set(f"count:{_cache_key(self.object_list)}", count, COUNT_TIMEOUT) or 0)

    def page(self, number: Any) -> Page:
        """Return the page with this number, in the order of the list.

        Raise InvalidPage if there is no page with this number.
        """
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        if isinstance(self.object_list, list):
            return Page(_get_products(self.object_list[first : first + self.per_page]), number, self)
        start = first // BLOCK_SIZE * BLOCK_SIZE
        products = _starting_at(self.object_list, start) if start else self.object_list
        ids = products.values("pk")[first - start : first - start + self.per_page]
        rows = Product.objects.for_product_cards().filter(pk__in=ids).order_by(*products.query.order_by)
        return Page(rows, number, self)


def _cache_key(products: ProductQuerySet) -> str:
    """Return a key for the conditions and the order of a list. Making the SQL for it would take much longer."""
    text = f"{products.query.where!r} {products.query.order_by}"
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _get_products(ids: list[int]) -> list[Product]:
    """Return the products with these ids, in the order of the ids, without those that no longer exist."""
    products_by_id = Product.objects.for_product_cards().in_bulk(ids)
    return [products_by_id[pk] for pk in ids if pk in products_by_id]


def _starting_at(products: ProductQuerySet, start: int) -> ProductQuerySet:
    """Return the products from row `start` on, or none if the list is shorter.

    The products must be ordered by a column and then by primary key in the same direction.
    """
    order = str(products.query.order_by[0])
    column, later, earlier = (order[1:], "lte", "gt") if order.startswith("-") else (order, "gte", "lt")
    row = products.values_list(column, "pk")[start : start + 1]
    first_row = cache.get_or_set(f"block-start:{_cache_key(products)}:{start}", lambda: list(row), BLOCK_START_TIMEOUT)
    if not first_row:  # The list has become shorter since it was counted.
        return products.none()
    [(value, pk)] = first_row
    return products.filter(**{f"{column}__{later}": value}).exclude(**{column: value, f"pk__{earlier}": pk})
