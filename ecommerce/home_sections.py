"""Catalog sections of the home page."""

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import OuterRef, Subquery, Sum
from django.utils import timezone

from core.database.prepared import PreparedQuery
from core.page_cache.version_cache import VersionCache
from orders.models import Order, OrderItem
from products.models import Category, Product
from products.page_names import PRODUCTS

LENGTH = 8  # products per row of cards
CACHE_SECONDS = 600  # The best sellers may be this old, because every sale could change them.
RECENT = timedelta(days=180)
CATEGORIES = VersionCache(size=4)
NEWEST: PreparedQuery[Product] = PreparedQuery(
    lambda: Product.objects.for_product_cards().listed().with_variant(None, None, in_stock=True)[:LENGTH]
)


def best_sellers() -> list[Product]:
    """Return the available products that sold most in the last half year, best sellers first, one of each group.

    The list is empty in a new shop.
    """
    ids = _ranking()[1]
    rows = Product.objects.for_product_cards().available().in_bulk(ids) if ids else {}
    best: dict[object, Product] = {}
    for row in [rows[pk] for pk in ids if pk in rows]:
        best.setdefault((row.category_id, row.group) if row.group else row.pk, row)
    return list(best.values())[:LENGTH]


def best_sellers_expire() -> datetime:
    """Return when the best sellers are computed again."""
    return _ranking()[0]


def _ranking() -> tuple[datetime, list[int]]:
    """Return the ids of the products that sold most, and when they are computed again."""
    found = cache.get("best-sellers")
    if found is None or found[0] <= timezone.now():
        found = timezone.now() + timedelta(seconds=CACHE_SECONDS), _best_seller_ids()
        cache.set("best-sellers", found, CACHE_SECONDS)
    return found


def _best_seller_ids() -> list[int]:
    sold = [Order.Status.PAID, Order.Status.SHIPPED]
    items = OrderItem.objects.filter(order__status__in=sold, order__placed_at__gte=timezone.now() - RECENT)
    by_units = items.values("product").annotate(units=Sum("quantity")).order_by("-units", "-product")
    return list(by_units.values_list("product", flat=True)[: 3 * LENGTH])  # some may have sold out since


def categories_with_images() -> list[tuple[Category, Product | None]]:
    """Return categories, each with a product whose image represents it.

    These are the categories that directly contain a product with an image. If there are none or more than LENGTH,
    return the top-level categories with products on sale instead; the product is then None if none has an image.
    """
    return CATEGORIES.get_or_make("with images", (PRODUCTS,), _categories_with_images)


def _categories_with_images() -> list[tuple[Category, Product | None]]:
    with_picture = Product.objects.for_product_cards().exclude(image="").filter(category=OuterRef("pk"))
    newest = Category.objects.annotate(shown=Subquery(with_picture.values("pk")[:1])).values_list("pk", "shown")
    shown = {category: product for category, product in newest if product}
    rows, tree = Product.objects.for_product_cards().in_bulk(shown.values()), Category.objects.tree().without_empty()
    direct = [(category, rows[shown[category.pk]]) for category, _depth in tree.walk() if category.pk in shown]
    if 0 < len(direct) <= LENGTH:
        return [*direct]
    branches = {
        category: [shown[pk] for pk in tree.subtree_ids(category) if pk in shown] for category in tree.children(None)
    }
    return [(category, rows[max(products)] if products else None) for category, products in branches.items()]
