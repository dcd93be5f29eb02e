"""The newest and the most bought products, for places where the visitor has not asked for certain ones."""

from core.database.prepared import PreparedQuery
from core.page_cache.version_cache import VersionCache
from products.lists.cards import add_card_rows
from products.models import Product
from products.page_names import PRODUCTS

LENGTH = 8  # products per row of cards
NEWEST: PreparedQuery[Product] = PreparedQuery(
    lambda: Product.objects.for_product_cards().listed().with_variant(None, None, in_stock=True)[:LENGTH]
)
MOST_BOUGHT: PreparedQuery[Product] = PreparedQuery(
    lambda: (
        Product.objects.for_product_cards()
        .listed()
        .with_variant(None, None, in_stock=True)
        .filter(bought__gt=0)
        .most_bought_first()[:LENGTH]
    )
)
_KEPT = VersionCache(size=2)


def highlights() -> list[Product]:
    """Return the most bought products, or the newest if nothing was bought lately. They change with PRODUCTS."""
    return _KEPT.get_or_make("", (PRODUCTS,), lambda: add_card_rows(MOST_BOUGHT.rows() or NEWEST.rows()))
