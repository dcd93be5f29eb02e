"""The sales of the last days: a table and a chart for each currency."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.money import format_money
from core.times import format_date, shop_date
from ecommerce.back_office.today.entry import may_see
from orders.accounting.daily import Sales, daily_sales
from orders.models import Order

DAYS = 30
BAR, STEP, HEIGHT = 8, 10, 100  # of the chart, in units of its view box


@dataclass(frozen=True)
class Bar:
    """A bar of the chart: where it is, and what it says."""

    x: int
    y: int
    height: int
    text: str


@dataclass(frozen=True)
class Row:
    """A row of the table, as text."""

    day: str
    orders: int
    amount: str
    refunded: str
    net: str


@dataclass(frozen=True)
class SalesOfCurrency:
    """The sales of the last days in one currency."""

    currency: str
    days: dict[date, Sales]
    width, bar, height = STEP * DAYS, BAR, HEIGHT

    @property
    def code(self) -> str:
        """The code of the currency as people write it."""
        return self.currency.upper()

    @property
    def total(self) -> Row:
        return self._row("", sum(self.days.values(), Sales()))

    @property
    def rows(self) -> list[Row]:
        """The days, the newest first."""
        return [self._row(format_date(day), sales) for day, sales in reversed(self.days.items())]

    @property
    def bars(self) -> Iterator[Bar]:
        """The bars of the days with sales. The best day has the full height."""
        best = max(sales.amount for sales in self.days.values())
        for number, (day, sales) in enumerate(self.days.items()):
            if sales.amount > 0:
                height = max(round(sales.amount / best * HEIGHT), 1)
                text = f"{format_date(day)}: {self._money(sales.amount)}"
                yield Bar(number * STEP + (STEP - BAR) // 2, HEIGHT - height, height, text)

    @property
    def first(self) -> str:
        return format_date(min(self.days))

    @property
    def last(self) -> str:
        return format_date(max(self.days))

    @property
    def best(self) -> str:
        """Which day had the highest sales, for people who do not see the chart."""
        day = max(self.days, key=lambda day: self.days[day].amount)
        amount = self._money(self.days[day].amount)
        return _("The best day was %(day)s with %(amount)s.") % {"day": format_date(day), "amount": amount}

    def _row(self, day: str, sales: Sales) -> Row:
        money = self._money
        return Row(day, sales.orders, money(sales.amount), money(sales.refunded), money(sales.net))

    def _money(self, amount: Decimal) -> str:
        return format_money(amount, self.currency)


def recent_sales(request: HttpRequest) -> list[SalesOfCurrency] | None:
    """Return the sales of the last days, or None if this member of staff may not export orders and their amounts."""
    if not (request.user.has_perm("orders.export_order") and may_see(request, Order)):
        return None
    today = shop_date(timezone.now())
    found = daily_sales(today - timedelta(days=DAYS - 1), today)
    return [SalesOfCurrency(currency, days) for currency, days in found.items()]
