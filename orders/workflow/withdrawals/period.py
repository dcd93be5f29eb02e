"""The withdrawal period. It ends with the last day in the shop's time zone."""

from datetime import datetime, time, timedelta

from django.utils import timezone

from core.times import in_shop_zone
from orders.models import Order, OrderItem

LONGEST_DELIVERY = timedelta(days=14)  # for delivery methods without a longest delivery time


def delivered_at(order: Order) -> datetime | None:
    """Return when the last of several shipments was delivered at the latest, or None while units are left to ship.

    If the day of delivery is not known, the longest delivery time after shipping is assumed, in favor of the shopper.
    Directive 2011/83, Article 9(2)(b)(i): the period of goods that are delivered separately begins with the last ones.
    """
    if order.shipped_at is None:
        return None
    longest = LONGEST_DELIVERY if order.delivery_days is None else timedelta(days=order.delivery_days)
    ends = [
        in_shop_zone(row.delivered_at) if row.delivered_at else in_shop_zone(row.shipped_at) + longest
        for row in order.shipments.all()
    ]
    return max(ends, default=None)


def line_period_end(item: OrderItem) -> datetime | None:
    """Return the first moment after the withdrawal period of a line: midnight after its last day.

    Return None if the period has not begun, because units are left to ship, and if the line has no period.
    """
    delivered = delivered_at(item.order)
    if delivered is None or not item.withdrawal_days:
        return None
    # Sums of dates, because a day can have 23 or 25 hours. The day of delivery does not count.
    after = delivered.date() + timedelta(days=item.withdrawal_days + 1)
    return datetime.combine(after, time.min, tzinfo=delivered.tzinfo)


def period_end(order: Order) -> datetime | None:
    """Return the end of the longest withdrawal period of the lines, or None if it has none (yet)."""
    ends = [line_period_end(item) for item in _items(order)]
    return max((end for end in ends if end), default=None)


def is_line_withdrawable(item: OrderItem, now: datetime | None = None) -> bool:
    """Return whether the shopper can withdraw from this line: it was paid, is not excluded and in its period."""
    if not item.order.is_paid or not item.withdrawal_days:
        return False
    end = line_period_end(item)
    return end is None or (now or timezone.now()) < end


def is_withdrawable(order: Order, now: datetime | None = None) -> bool:
    """Return whether the shopper can withdraw from a line of the order."""
    return any(is_line_withdrawable(item, now) for item in _items(order))


def _items(order: Order) -> list[OrderItem]:
    items = list(order.items.all())
    for item in items:
        item.order = order  # saves a query for each line
    return items
