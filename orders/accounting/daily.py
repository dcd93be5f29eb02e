"""Sales and refunds by day, in the shop's time zone: the same amounts that the export has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from core.money import round_money
from core.times import start_of_day
from orders.models import Order, Refund

ZERO = Decimal(0)


@dataclass(frozen=True)
class Sales:
    """The orders that were paid in some time, what they cost, and what was refunded in the same time."""

    orders: int = 0
    amount: Decimal = ZERO
    refunded: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """The amount that is left after the refunds. It is negative if more was refunded than sold."""
        return self.amount - self.refunded

    def __add__(self, other: "Sales") -> "Sales":
        return Sales(self.orders + other.orders, self.amount + other.amount, self.refunded + other.refunded)


def daily_sales(first: date, last: date) -> dict[str, dict[date, Sales]]:
    """Return the sales of each day by currency. Currencies without sales and refunds in this time are missing.

    An order counts on the day of its payment, and a refund on the day on which it was requested. This takes two
    queries.
    """
    found: dict[str, dict[date, Sales]] = {}
    for currency, day, sales in [*_orders(first, last), *_refunds(first, last)]:
        days = found.setdefault(
            currency, {first + timedelta(number): Sales() for number in range((last - first).days + 1)}
        )
        days[day] += sales
    return dict(sorted(found.items()))


def _orders(first: date, last: date) -> Iterator[tuple[str, date, Sales]]:
    paid = Order.objects.filter(status__in=Order.PAID_STATES)
    for row in _by_day(paid, "paid_at", "total", first, last):
        yield row["currency"], row["day"], Sales(row["number"], amount=round_money(row["sum"], row["currency"]))


def _refunds(first: date, last: date) -> Iterator[tuple[str, date, Sales]]:
    for row in _by_day(Refund.objects.of_revenue(), "timestamp", "amount", first, last):
        yield row["currency"], row["day"], Sales(refunded=round_money(row["sum"], row["currency"]))


def _by_day(rows: QuerySet[Any], moment: str, amount: str, first: date, last: date) -> Any:
    """Return the number of rows and the sum of their amounts by currency and day.

    SQLite adds in floating point, so the caller rounds the sums.
    """
    limits = {f"{moment}__gte": start_of_day(first), f"{moment}__lt": start_of_day(last + timedelta(days=1))}
    day = TruncDate(moment, tzinfo=timezone.get_default_timezone())
    found = rows.filter(**limits).order_by().annotate(day=day).values("currency", "day")
    return found.annotate(number=Count("pk"), sum=Sum(amount))
