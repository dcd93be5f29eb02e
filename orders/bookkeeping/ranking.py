"""Counts once a day how often products were bought lately, by which lists can be sorted."""

from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from core.background.models import last_finished, record_finish
from orders.models import Order, OrderItem
from products.lists.bought import store_bought

RANK = "rank"  # the name of its runs
PERIOD = timedelta(days=90)
REPEAT_AFTER = timedelta(hours=23)  # so that a daily run is never left out


def rank_products() -> int:
    """Count the units sold in PERIOD and return how many products changed. Do nothing if it was done today."""
    last = last_finished(RANK)
    if last and last > timezone.now() - REPEAT_AFTER:
        return 0
    changed = count_bought()
    record_finish(RANK)
    return changed


def count_bought() -> int:
    """Store the units of paid orders that were not refunded. Return how many products have another number now."""
    paid = [Order.Status.PAID, Order.Status.SHIPPED]
    items = OrderItem.objects.filter(order__status__in=paid, order__placed_at__gte=timezone.now() - PERIOD)
    units = items.order_by().values("product").annotate(units=Sum("quantity"))
    return store_bought(dict(units.values_list("product", "units")))
