"""Pagination that stays fast when the catalog is large."""

from collections.abc import Sequence
from hashlib import md5
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.utils.functional import cached_property

from core.database.prepared import PreparedQuery
from core.page_cache.bounded_cache import BoundedCache
from core.page_cache.version_cache import VersionCache
from products.models import Product, ProductQuerySet
from products.page_names import PRODUCTS

# Deep pages skip at most this many index rows, because the first row of each block of this size is cached.
BLOCK_SIZE = 1000
# Counts and first rows of blocks. Visitors can make up any number of price ranges, so these have a separate cache.
POSITIONS = VersionCache(size=2000)
POSITIONS_OF_PRICE_RANGES = VersionCache(size=500)
# The queries of pages. Making the SQL of one would take a quarter of the time of a list.
_QUERIES: BoundedCache[PreparedQuery[Product]] = BoundedCache(100)


class ProductPaginator(Paginator):
    """Paginator for a queryset of products or for the list of ids that a search returned.

    The count of a queryset is kept until a product of the list changes. The ids of a page are read from an index before
    its rows are read. For a deep page, the index is read from the first row of its block, which is kept as well, not
    from the start of the list. The last page does not look for more products than the count says, because that would
    read the rest of the index.

    `versions` are the names of the versions that move when a product of the list changes.
    """

    object_list: ProductQuerySet | list[int]

    def __init__(
        self,
        *args: Any,
        versions: Sequence[str] = (PRODUCTS,),
        positions: VersionCache = POSITIONS,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._versions, self._positions = versions, positions

    @cached_property
    def count(self) -> int:
        """Return the number of products."""
        if isinstance(self.object_list, list):
            return len(self.object_list)
        key = _cache_key(self.object_list)
        return self._positions.get_or_make(f"count:{key}", self._versions, self.object_list.order_by().count)

    def page(self, number: Any) -> Page:
        """Return the page with this number, in the order of the list.

        Raise InvalidPage if there is no page with this number.
        """
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        if isinstance(self.object_list, list):
            return Page(_get_products(self.object_list[first : first + self.per_page]), number, self)
        size = min(self.per_page, self.count - first)
        if size == 0:
            return Page([], number, self)
        if start := first // BLOCK_SIZE * BLOCK_SIZE:
            return Page(self._rows_of_deep_page(self.object_list, start, first - start, size), number, self)
        return Page(_query_of_page(self.object_list, first, size).rows(), number, self)

    def _rows_of_deep_page(self, products: ProductQuerySet, start: int, first: int, number: int) -> ProductQuerySet:
        """Return `number` cards from row `first` on in the block that starts at row `start`.

        Return none if the list is shorter. The products must be ordered by a column and then by primary key in the same
        direction.
        """
        order = str(products.query.order_by[0])
        column, later = (order[1:], "lt") if order.startswith("-") else (order, "gt")
        row = products.values_list(column, "pk")[start : start + 1]
        key = f"block-start:{_cache_key(products)}:{start}"
        first_row = self._positions.get_or_make(key, self._versions, lambda: list(row))
        if not first_row:  # The list has become shorter since it was counted.
            return products.none()
        [(value, pk)] = first_row
        # One query for the products with this value and one for the others, each in the order of an index. A condition
        # for both would read all products with this value, which can be the whole list.
        same = products.filter(**{column: value, f"pk__{later}e": pk})
        others = products.filter(**{f"{column}__{later}": value})
        parts = [part.values("id")[: first + number].query.sql_with_params() for part in (same, others)]
        union = " UNION ALL ".join(f"SELECT id FROM ({sql}) AS part" for sql, _parameters in parts)  # noqa: S608
        ids = f"SELECT id FROM ({union}) AS found LIMIT {number} OFFSET {first}"  # noqa: S608
        values = [value for _sql, parameters in parts for value in parameters]
        is_found = RawSQL(f"products_product.id IN ({ids})", values, BooleanField())  # noqa: S611
        return Product.objects.for_product_cards().filter(is_found).order_by(*products.query.order_by)


def _query_of_page(products: ProductQuerySet, first: int, number: int) -> PreparedQuery[Product]:
    key = f"{_cache_key(products)} {first} {number}"
    if (query := _QUERIES.get(key)) is None:
        query = PreparedQuery(lambda: _rows_of_page(products, first, number))
        _QUERIES.add(key, query)
    return query


def _rows_of_page(products: ProductQuerySet, first: int, number: int) -> ProductQuerySet:
    """Return `number` cards from row `first` on, in the order of the list."""
    ids = products.values("pk")[first : first + number]
    return Product.objects.for_product_cards().filter(pk__in=ids).order_by(*products.query.order_by)


def _cache_key(products: ProductQuerySet) -> str:
    """Return a key for the conditions and the order of a list. Making the SQL for it would take much longer."""
    text = f"{products.query.where!r} {products.query.order_by}"
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _get_products(ids: list[int]) -> list[Product]:
    """Return the products with these ids, in the order of the ids, without those that no longer exist."""
    products_by_id = Product.objects.for_product_cards().in_bulk(ids)
    return [products_by_id[pk] for pk in ids if pk in products_by_id]
