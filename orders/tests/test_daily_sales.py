"""Tests for sales by day: days in the shop's time zone, and the same amounts as the export."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.times import start_of_day
from orders.accounting.daily import Sales, daily_sales
from orders.accounting.entries import entries
from orders.models import Order, Refund
from tests.makers import make_paid_order
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
MARCH, NOVEMBER = date(2026, 3, 1), date(2026, 11, 1)


def pay(moment: datetime, total: str = "10.00", **fields: Any) -> Order:
    return make_paid_order(paid_at=moment, total=Decimal(total), **fields)


def refund(order: Order, moment: datetime, amount: str, **fields: Any) -> None:
    status = {"status": Refund.Status.DONE} | fields
    row = Refund.objects.create(payment=order.payments.get(), amount=Decimal(amount), currency=order.currency, **status)
    Refund.objects.filter(pk=row.pk).update(timestamp=moment)


def days_with_sales(first: date, last: date) -> dict[date, int]:
    days = daily_sales(first, last).get("gbp", {})
    return {day: sales.orders for day, sales in days.items() if sales.orders}


@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        ("Europe/London", date(2026, 3, 28), "2026-03-28T00:00Z", "2026-03-29T00:00Z"),
        ("Europe/London", date(2026, 3, 29), "2026-03-29T00:00Z", "2026-03-29T23:00Z"),  # 23 hours
        ("Europe/London", date(2026, 10, 25), "2026-10-24T23:00Z", "2026-10-26T00:00Z"),  # 25 hours
        ("Pacific/Auckland", date(2026, 4, 5), "2026-04-04T11:00Z", "2026-04-05T12:00Z"),  # 25 hours
        ("Pacific/Auckland", date(2026, 9, 27), "2026-09-26T12:00Z", "2026-09-27T11:00Z"),  # 23 hours
    ],
)
def test_day_begins_and_ends_at_midnight_of_the_shop(
    settings: Any, zone: str, day: date, begins: str, ends: str
) -> None:
    settings.TIME_ZONE = zone
    moment = timedelta(microseconds=1)
    for time in map(datetime.fromisoformat, (begins, ends)):
        pay(time - moment)
        pay(time)
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    assert days_with_sales(before, after) == {before: 1, day: 2, after: 1}
    assert days_with_sales(day, day) == {day: 2}


def test_all_days_are_listed_in_order() -> None:
    pay(datetime(2026, 3, 3, 12, tzinfo=UTC))
    assert list(daily_sales(MARCH, date(2026, 3, 4))["gbp"]) == [MARCH + timedelta(number) for number in range(4)]


def test_refunds_count_on_the_day_on_which_they_were_requested() -> None:
    order = pay(datetime(2026, 3, 1, 12, tzinfo=UTC), "10.00")
    refund(order, datetime(2026, 3, 2, 12, tzinfo=UTC), "4.00")
    days = daily_sales(MARCH, date(2026, 3, 2))["gbp"]
    assert list(days.values()) == [Sales(1, Decimal("10.00")), Sales(0, Decimal(0), Decimal("4.00"))]
    assert [sales.net for sales in days.values()] == [Decimal(10), Decimal(-4)]


def test_failed_and_mismatch_refunds_and_unpaid_orders_do_not_count() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    order = pay(noon)
    refund(order, noon, "1.00", status=Refund.Status.FAILED)
    refund(order, noon, "2.00", is_mismatch=True)
    pay(noon, status=Order.Status.CANCELED)
    assert daily_sales(MARCH, MARCH) == {"gbp": {MARCH: Sales(1, Decimal(10))}}


def test_sums_are_exact() -> None:
    for _number in range(3):
        pay(datetime(2026, 3, 1, 12, tzinfo=UTC), "0.10")
    assert daily_sales(MARCH, MARCH)["gbp"][MARCH].amount == Decimal("0.30")


def test_currencies_are_apart() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    pay(noon, "5.00", currency="gbp")
    pay(noon, "700", currency="jpy")
    found = {currency: days[MARCH].amount for currency, days in daily_sales(MARCH, MARCH).items()}
    assert found == {"gbp": Decimal(5), "jpy": Decimal(700)}


def test_sum_of_the_days_equals_the_export() -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    for number in range(12):
        order = make_paid_order(paid_at=noon + timedelta(hours=7 * number))
        if number % 3 == 0:
            refund(order, noon + timedelta(hours=9 * number), "3.33")
    last = date(2026, 11, 3)
    total = sum(daily_sales(NOVEMBER, last)["gbp"].values(), Sales())
    exported = list(entries(start_of_day(NOVEMBER), start_of_day(last + timedelta(days=1))))
    assert total.net == sum(entry.part.gross for entry in exported)


def test_two_queries_read_all_days() -> None:
    pay(timezone.now())
    with count_queries() as queries:
        daily_sales(MARCH, timezone.now().date())
    assert len(queries) == 2
