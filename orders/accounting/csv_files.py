"""The CSV files for the accountant: UTF-8 with a byte order mark, commas, and decimals with a point."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from addresses.countries import country_name
from core.times import in_shop_zone
from orders.accounting.entries import Entry

BYTE_ORDER_MARK = "\ufeff"  # Spreadsheets would read the file in another encoding without it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - wide signs too
ZERO = Decimal(0)


class _Line:
    """A file for the CSV writer that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def safe_text(text: object) -> str:
    """Return a text that a spreadsheet does not run as a formula."""
    plain = str(text)
    return f"'{plain}" if plain.lstrip(" ").startswith(FORMULA_STARTS) else plain


def csv_lines(rows: Iterable[list[Any]]) -> Iterator[str]:
    """Yield the lines of a file with these rows. Text is made safe; decimals are written as they are."""
    writer = csv.writer(_Line())
    for number, row in enumerate(rows):
        cells = [f"{cell:.2f}" if isinstance(cell, Decimal) else safe_text(cell) for cell in row]
        yield (BYTE_ORDER_MARK if number == 0 else "") + str(writer.writerow(cells))


def in_language(lines: Iterator[str], language: str) -> Iterator[str]:
    """Yield the lines, which are made in this language although the request is over."""
    while True:
        with translation.override(language):
            line = next(lines, None)
        if line is None:
            return
        yield line


def entry_rows(entries: Iterable[Entry]) -> Iterator[list[Any]]:
    """Yield a heading and a row for each entry."""
    yield [
        _("Date"), _("Time"), _("Type"), _("Order"), _("Stripe reference"), _("Country"), _("Tax"),
        _("Tax rate in percent"), _("Net"), _("Tax amount"), _("Gross"), _("Currency"), _("Discount code"),
    ]  # fmt: skip
    for entry in entries:
        moment, order, part = in_shop_zone(entry.moment), entry.order, entry.part
        yield [
            moment.date().isoformat(), moment.strftime("%H:%M:%S"), entry.kind, order.order_id,
            entry.reference or order.payment_intent_id or "", entry.country, order.tax_title if part.rate else "",
            rate_text(part.rate), part.net, part.tax, part.gross, order.currency.upper(), order.discount_code,
        ]  # fmt: skip


def rate_text(rate: Decimal) -> str:
    """Return a rate in percent without needless zeros, such as 20 or 8.875."""
    return f"{rate.normalize():f}"


@dataclass
class Total:
    """The sums of the entries of one country, currency and tax rate."""

    sales: Decimal = ZERO
    refunds: Decimal = ZERO
    net: Decimal = ZERO
    tax: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    def add(self, entry: Entry) -> None:
        part = entry.part
        self.net, self.tax = self.net + part.net, self.tax + part.tax
        if part.gross < 0:
            self.refunds += part.gross
        else:
            self.sales += part.gross


def totals(entries: Iterable[Entry]) -> dict[tuple[str, str, Decimal], Total]:
    """Return the sums by country, currency and tax rate, sorted."""
    found: dict[tuple[str, str, Decimal], Total] = {}
    for entry in entries:
        key = (entry.country, entry.order.currency.upper(), entry.part.rate)
        found.setdefault(key, Total()).add(entry)
    return dict(sorted(found.items()))


def total_rows(entries: Iterable[Entry]) -> Iterator[list[Any]]:
    """Yield a heading, a row for each country and tax rate, and a row with the sum for each currency."""
    yield [
        _("Country"), _("Country name"), _("Currency"), _("Tax rate in percent"), _("Sales"), _("Refunds"), _("Net"),
        _("Tax amount"), _("Gross"),
    ]  # fmt: skip
    sums: dict[str, list[Decimal]] = {}
    for (country, currency, rate), total in totals(entries).items():
        amounts = [total.sales, total.refunds, total.net, total.tax, total.gross]
        sums[currency] = [a + b for a, b in zip(sums.get(currency, [ZERO] * len(amounts)), amounts, strict=True)]
        name = country_name(country) if country else _("Unknown country")
        yield [country, name, currency, rate_text(rate), *amounts]
    for currency, amounts in sums.items():
        yield [_("Total"), "", currency, "", *amounts]
