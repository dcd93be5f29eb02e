"""What paid orders and their refunds add to the revenue of a time, by tax rate and country."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from core.money import allocate, round_money
from orders.accounting.destinations import destination
from orders.models import Order, Refund

ZERO = Decimal(0)
CHUNK = 500
ORDER, REFUND = _("order"), _("refund")


@dataclass(frozen=True)
class TaxPart:
    """The part of an amount that is taxed at one rate, in percent. `gross` includes the tax."""

    rate: Decimal
    gross: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True)
class Entry:
    """A row for the accountant: a part of an order, or of a refund, whose amounts are negative."""

    kind: object
    order: Order
    moment: datetime
    reference: str
    country: str
    part: TaxPart


def parts_of(order: Order) -> list[TaxPart]:
    """Return the parts of the order's total by tax rate. They add up to the total and its tax.

    Delivery without tax is a part with a rate of zero. The lines should be prefetched.
    """
    sums: dict[Decimal, list[Decimal]] = {}
    for item in order.items.all():
        _add(sums, item.tax_rate, item.total - item.discount_total, item.tax_total, order)
    if order.shipping_total:
        rate = order.tax_rate if order.shipping_tax else ZERO
        _add(sums, rate, order.shipping_total, order.shipping_tax, order)
    return [TaxPart(rate, gross, tax) for rate, (gross, tax) in sorted(sums.items())]


def _add(sums: dict[Decimal, list[Decimal]], rate: Decimal, amount: Decimal, tax: Decimal, order: Order) -> None:
    """Add an amount, to which tax is added unless the prices of the order include it."""
    gross = amount if order.is_tax_included else amount + tax
    before = sums.setdefault(rate, [ZERO, ZERO])
    sums[rate] = [before[0] + gross, before[1] + tax]


def refunded_parts(order: Order, before: Decimal, amount: Decimal) -> list[TaxPart]:
    """Return the parts of a refund of this amount, after refunds of the amount `before`.

    Each rate has the same share of the refund as of the order. The parts of all refunds of the whole order add up to
    the parts of the order, because each is the difference between two rounded sums.
    """
    pairs = zip(_share(order, before), _share(order, before + amount), strict=True)
    return [TaxPart(now.rate, now.gross - old.gross, now.tax - old.tax) for old, now in pairs]


def _share(order: Order, amount: Decimal) -> list[TaxPart]:
    """Return the parts of the first `amount` of the order's total."""
    parts = parts_of(order)
    shares = allocate(amount, [part.gross for part in parts], order.currency)
    return [
        TaxPart(part.rate, gross, round_money(part.tax * gross / part.gross, order.currency) if part.gross else ZERO)
        for part, gross in zip(parts, shares, strict=True)
    ]


def entries(start: datetime, end: datetime) -> Iterator[Entry]:
    """Yield the orders that were paid from `start` until before `end`, and then the refunds of this time."""
    yield from _order_entries(start, end)
    yield from _refund_entries(start, end)


def _order_entries(start: datetime, end: datetime) -> Iterator[Entry]:
    paid = Order.objects.filter(status__in=Order.PAID_STATES, paid_at__gte=start, paid_at__lt=end)
    for order in paid.order_by("paid_at", "pk").prefetch_related("items").iterator(CHUNK):
        if order.paid_at:
            country = destination(order)
            yield from (Entry(ORDER, order, order.paid_at, "", country, part) for part in parts_of(order))


def _refund_entries(start: datetime, end: datetime) -> Iterator[Entry]:
    """Yield the refunds that did not fail. A refund of a charge that no order expected was never revenue."""
    found = Refund.objects.of_revenue().filter(timestamp__gte=start, timestamp__lt=end).order_by("timestamp", "pk")
    related = found.select_related("payment__order").prefetch_related("payment__order__items", "payment__refunds")
    for refund in related.iterator(CHUNK):
        order = refund.payment.order
        before = _refunded_before(refund, refund.payment.refunds.all())
        for part in refunded_parts(order, before, refund.amount):
            negative = TaxPart(part.rate, -part.gross, -part.tax)
            yield Entry(REFUND, order, refund.timestamp, refund.stripe_id or "", destination(order), negative)


def _refunded_before(refund: Refund, others: Iterable[Refund]) -> Decimal:
    """Return the sum of the earlier refunds of the same order that did not fail."""
    earlier = (row for row in others if row.pk < refund.pk and not row.is_mismatch)
    return sum((row.amount for row in earlier if row.status != Refund.Status.FAILED), ZERO)
