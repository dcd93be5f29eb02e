"""The units of an order: which were refunded or shipped, and which are still to ship. Lines are named by their ids."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.money import round_money
from orders.models.item import LineUnits, OrderItem, by_line, lines_with
from orders.models.refund import Refund
from orders.models.shipping import Shipment
from orders.models.withdrawal import Withdrawal

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

Units = dict[int, int]  # units by order line id
SHOP = "shop"  # value of Withdrawal.closed_by if its refund closed it


def units_text(stored: Mapping[str, int]) -> str:
    """Return the units of a JSON column as a text, for a hidden field."""
    return ",".join(f"{line}:{stored[line]}" for line in sorted(stored)) or "none"


def refunded_units(refunds: Iterable[Refund]) -> Counter[int]:
    """Return the units of the refunds that did not fail. Refunds made in Stripe's dashboard have none."""
    units: Counter[int] = Counter()
    for row in refunds:
        if row.status != Refund.Status.FAILED and not row.is_mismatch:
            units.update(by_line(row.units))
    return units


def declared_units(withdrawal: Withdrawal, sold: Units, withdrawable: Units) -> Units:
    """Return the units of a withdrawal. One that staff closed without a refund has none.

    While a withdrawal from the whole order is open, lines without a right of withdrawal wait for the answer of staff.
    As soon as the others are refunded, they are to be shipped.
    """
    if withdrawal.closed_at and withdrawal.closed_by != SHOP:
        return {}
    if not withdrawal.is_whole_order:
        return dict(by_line(withdrawal.units))
    return withdrawable if withdrawal.closed_at else sold


def units_gone(
    sold: Units, withdrawable: Units, refunds: Iterable[Refund], withdrawals: Iterable[Withdrawal]
) -> Counter[int]:
    """Return the units that were refunded or withdrawn. Units of a withdrawal and of its refunds count once."""
    by_withdrawal: dict[int | None, Counter[int]] = {}
    for row in refunds:
        by_withdrawal.setdefault(row.withdrawal_id, Counter()).update(refunded_units([row]))
    gone = Counter[int]()
    for withdrawal in withdrawals:
        declared = Counter(declared_units(withdrawal, sold, withdrawable))
        gone += declared | by_withdrawal.pop(withdrawal.pk, Counter())
    return sum(by_withdrawal.values(), gone)


def units_left(sold: Units, *gone: Mapping[int, int]) -> Units:
    """Return the units that are left of those that were sold. A line that lost more units than it had has none left.

    That happens if units are refunded after they were shipped. Refunds and withdrawals take units that are not shipped
    yet before those that are: if two of three units are shipped and one is refunded, none is left.
    """
    return {line: max(units - sum(some.get(line, 0) for some in gone), 0) for line, units in sold.items()}


def value_of_units(item: OrderItem, units: int, before: int, is_tax_included: bool, currency: str) -> Decimal:
    """Return what the shopper paid for `units` of this line after the first `before` ones, with discount and tax.

    The values of parts of a line add up to the value of the line exactly, whatever the parts are.
    """
    paid = item.total - item.discount_total + (Decimal(0) if is_tax_included else item.tax_total)
    first, last = (round_money(paid * some / item.quantity, currency) for some in (before, before + units))
    return last - first


class OrderUnits(models.Model):
    """The part of the order model that counts units."""

    if TYPE_CHECKING:
        items: RelatedManager[OrderItem]
        withdrawals: RelatedManager[Withdrawal]
        shipments: RelatedManager[Shipment]
        amount_refunded: models.DecimalField[Any, Any]
        total: models.DecimalField[Any, Any]

        @property
        def is_paid(self) -> bool: ...

        @property
        def refundable(self) -> Decimal: ...

    delivery_days = models.PositiveSmallIntegerField(_("longest delivery time in days"), null=True, blank=True)

    # For lists, which cannot count units. Only `update_shipped` changes it.
    has_nothing_to_ship = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        abstract = True

    def units_sold(self) -> Units:
        """Return the number of units of each line. An order that is not paid has sold none."""
        return self._units_sold(self.items.all())

    def units_withdrawable(self) -> Units:
        """Return the units of each line that were sold with a right of withdrawal, whether or not its time is over."""
        return self._units_withdrawable(self.items.all())

    def units_refunded(self) -> Units:
        """Return the units that were refunded, or are being refunded. A refund of the whole total is of all units."""
        if self.amount_refunded >= self.total:
            return self.units_sold()
        return dict(refunded_units(self._refunds()))

    def refundable_units(self) -> Units:
        """Return the units of each line that can still be refunded, also after they were shipped."""
        return units_left(self.units_sold(), self.units_refunded())

    def units_to_ship(self) -> Units:
        """Return the units of each line that are still to be shipped.

        These are the units sold, minus those that were refunded or withdrawn, minus those shipped, see `units_left`.
        """
        items = list(self.items.all())
        sold = self._units_sold(items)
        if self.amount_refunded >= self.total:
            return dict.fromkeys(sold, 0)
        gone = units_gone(sold, self._units_withdrawable(items), self._refunds(), self.withdrawals.all())
        return units_left(sold, gone, self.shipped_units())

    def stored_units_to_ship(self) -> dict[str, int]:
        """Return the units that are still to be shipped as JSON stores them, without lines of which none are."""
        return {str(line): number for line, number in self.units_to_ship().items() if number}

    def has_units_to_ship(self) -> bool:
        """Return whether a unit is still to be shipped."""
        return any(self.units_to_ship().values())

    def is_to_ship(self) -> bool:
        """Return whether a unit is still to be shipped and something is left of the payment after lost disputes."""
        return bool(self.refundable) and self.has_units_to_ship()

    def shipped_units(self) -> Units:
        """Return the units of each line that were shipped: the sum over the shipments."""
        return dict(sum((shipment.units_by_line for shipment in self.shipments.all()), Counter[int]()))

    def lines_to_ship(self) -> list[LineUnits]:
        """Return the lines with units that are still to be shipped."""
        return lines_with(self.items.all(), self.units_to_ship())

    def _units_sold(self, items: Iterable[OrderItem]) -> Units:
        return {item.pk: item.quantity if self.is_paid else 0 for item in items}

    def _units_withdrawable(self, items: Iterable[OrderItem]) -> Units:
        return {item.pk: item.quantity if self.is_paid and item.withdrawal_days else 0 for item in items}

    def _refunds(self) -> models.QuerySet[Refund]:
        return Refund.objects.filter(payment__order=self.pk)
