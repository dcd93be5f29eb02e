"""Check and recount of discount code uses.

Placing and canceling an order update the count. This module compares it with the orders.
"""

from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from carts.models.rates import Discount
from orders.models import Order

LIVE = ~Q(orders__status__in=[Order.Status.OPEN, Order.Status.CANCELED])


def miscounted_codes() -> "QuerySet[Any]":
    """Return the discount codes whose count of uses is wrong, with the correct number as `live`.

    The correct number is that of the placed orders that are not canceled. A single query makes sure that a concurrent
    sale does not cause a false result.
    """
    return Discount.objects.annotate(live=Count("orders", filter=LIVE)).exclude(uses=F("live"))


@transaction.atomic
def recount(discount: Discount) -> None:
    """Recount the uses of a discount code.

    Placing or canceling an order with the code updates the same row, so the row lock excludes both meanwhile.
    """
    Discount.objects.select_for_update().get(pk=discount.pk)
    live = discount.orders.exclude(status__in=[Order.Status.OPEN, Order.Status.CANCELED]).count()
    Discount.objects.filter(pk=discount.pk).update(uses=live)
