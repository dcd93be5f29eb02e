"""The parts of a total, declared once for quotes, placed orders, the audit, pages and emails."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.money import format_percent


class Totals(Protocol):
    """The amounts and texts of a quote or of an order, in its currency. Both use the same names."""

    @property
    def subtotal(self) -> Decimal: ...
    @property
    def discount_total(self) -> Decimal: ...
    @property
    def discount_code(self) -> str: ...
    @property
    def shipping_total(self) -> Decimal: ...
    @property
    def shipping_title(self) -> str: ...
    @property
    def shipping_tax(self) -> Decimal: ...
    @property
    def tax_total(self) -> Decimal: ...
    @property
    def tax_title(self) -> str: ...
    @property
    def tax_rate(self) -> Decimal: ...
    @property
    def is_tax_included(self) -> bool: ...


@dataclass(frozen=True)
class TotalEntry:
    """One entry of a total: a signed amount, and what it is called.

    `label` is translated. `title` was entered by staff, so it is in the shop's language. `percent` is a tax rate.
    `zero_text` replaces an amount of zero. Entries that are not `is_shown` still count in the total. `tax` is the tax
    on a charge that is not in the lines, such as delivery.
    """

    label: str | Promise
    amount: Decimal
    title: str = ""
    percent: Decimal | None = None
    zero_text: str | Promise = ""
    is_shown: bool = True
    tax: Decimal = Decimal(0)

    def __str__(self) -> str:
        """Return the label, the title and the rate as plain text, for example "VAT 20%"."""
        rate = "" if self.percent is None else format_percent(self.percent)
        return " ".join(filter(None, [str(self.label), self.title, rate]))


def charges(totals: Totals) -> Iterator[TotalEntry]:
    """Yield the entries of the total except the tax."""
    yield TotalEntry(_("Subtotal"), totals.subtotal)
    yield TotalEntry(
        _("Discount"), -totals.discount_total, title=totals.discount_code, is_shown=bool(totals.discount_total)
    )
    yield TotalEntry(
        "",
        totals.shipping_total,
        title=totals.shipping_title,
        zero_text=_("Free"),
        is_shown=bool(totals.shipping_title),
        tax=totals.shipping_tax,
    )


def total_entries(totals: Totals) -> Iterator[TotalEntry]:
    """Yield the entries whose amounts add up to the total. Tax that prices already include is left out."""
    yield from charges(totals)
    if not totals.is_tax_included:
        yield TotalEntry(
            "", totals.tax_total, title=totals.tax_title, percent=totals.tax_rate, is_shown=bool(totals.tax_total)
        )


def shown_entries(totals: Totals) -> list[TotalEntry]:
    """Return the entries to show above the total."""
    return [entry for entry in total_entries(totals) if entry.is_shown]


def tax_of_charges(totals: Totals) -> Decimal:
    """Return the tax on what is charged in addition to the lines. With the tax of the lines it is the whole tax."""
    return sum((entry.tax for entry in charges(totals)), Decimal(0))


def add_up(totals: Totals) -> Decimal:
    """Return the total: the sum of all its entries."""
    return sum((entry.amount for entry in total_entries(totals)), Decimal(0))
