"""Counts how often products were bought lately, by which lists can be sorted."""

from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from orders.models import Order, OrderItem
from products.lists.bought import store_bought

RANK = "rank"  # the name of its runs
PERIOD = timedelta(days=90)


def count_bought() -> int:
    """Store the units of paid orders that were not refunded. Return how many products have another number now."""
    paid = [Order.Status.PAID, Order.Status.SHIPPED]
    items = OrderItem.objects.filter(order__status__in=paid, order__placed_at__gte=timezone.now() - PERIOD)
    units = items.order_by().values("product").annotate(units=Sum("quantity"))
    return store_bought(dict(units.values_list("product", "units")))
