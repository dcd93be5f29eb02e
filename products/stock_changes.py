"""Changes of the stock of several products by staff."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.page_cache.versions import collect_touches
from products.models import Product


@dataclass(frozen=True)
class StockChange:
    """A change in units of a product whose stock was shown as `shown`."""

    product_id: int
    shown: int
    difference: int


@dataclass
class Outcome:
    """The products whose stock was changed, and the ids of those whose stock was another one than shown.

    The latter include products that were deleted. A product that already had the new stock is in neither.
    """

    changed: list[tuple[Product, StockChange]] = field(default_factory=list)
    rejected: set[int] = field(default_factory=set)


@collect_touches()
def change_stocks(changes: Iterable[StockChange], by: str, reason: str) -> Outcome:
    """Change the stock of each product that still has the stock that was shown, and record a movement for each.

    The rows are locked by id first, so nothing is sold between the comparison and the change.
    """
    wanted = {change.product_id: change for change in changes}
    rows = Product.objects.filter(pk__in=wanted).order_by("pk").only("title", "sku", "stock")
    products = list(rows.select_for_update(no_key=True))
    outcome = Outcome(rejected=set(wanted) - {product.pk for product in products})
    for product in products:
        change = wanted[product.pk]
        if product.stock != change.shown:
            outcome.rejected.add(product.pk)
        elif change.difference:
            if product.adjust_stock(change.difference, by, reason):
                outcome.changed.append((product, change))
            else:
                outcome.rejected.add(product.pk)
    return outcome
