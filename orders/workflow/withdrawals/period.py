"""The period in which shoppers can withdraw from the contract."""

from datetime import UTC, datetime, time, timedelta

from django.utils import timezone

from core.times import shop_date
from orders.models import Order

DAYS = 14
LONGEST_DELIVERY_DAYS = 14


def period_end(order: Order) -> datetime | None:
    """Return the end of the last day on which the shopper can withdraw, or None while it has not begun to run."""
    if order.shipped_at is None:
        return None
    last = shop_date(order.shipped_at) + timedelta(days=LONGEST_DELIVERY_DAYS + DAYS)
    midnight = datetime.combine(last + timedelta(days=1), time.min, timezone.get_default_timezone())
    return midnight.astimezone(UTC)


def is_withdrawable(order: Order) -> bool:
    """Return whether the order's page offers to withdraw: from payment to the end of the period."""
    end = period_end(order)
    return order.is_paid and (end is None or timezone.now() < end)
