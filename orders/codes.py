"""Discount codes and the orders that have them: counted together at placing and cancelling, and compared here."""

from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from carts.rates import Discount
from orders.models import Order

LIVE = ~Q(orders__status__in=[Order.Status.OPEN, Order.Status.CANCELED])


def miscounted() -> "QuerySet[Any]":
    """Codes whose uses are not the number of their orders that are not cancelled (`live`); one query, so no sale in
    between makes them seem so.
    """
    return Discount.objects.annotate(live=Count("orders", filter=LIVE)).exclude(uses=F("live"))


@transaction.atomic
def recount(discount: Discount) -> None:
    """Count the uses anew. Whoever places or cancels an order of it writes the same row, so none is under way now."""
    Discount.objects.select_for_update().get(pk=discount.pk)
    live = discount.orders.exclude(status__in=[Order.Status.OPEN, Order.Status.CANCELED]).count()
    Discount.objects.filter(pk=discount.pk).update(uses=live)
