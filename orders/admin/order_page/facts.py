"""What is known about one order. The page reads all of it in a constant number of queries."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Prefetch, prefetch_related_objects

from orders.models import (
    Correction,
    Dispute,
    Mail,
    Order,
    OrderEvent,
    OrderItem,
    OrderNote,
    Payment,
    Refund,
    Shipment,
    Withdrawal,
)  # fmt: skip
from orders.models.units import Units, declared_units
from orders.workflow import disputes
from orders.workflow.refunds import returnable_units

ITEMS = Prefetch("items", OrderItem.objects.select_related("product").order_by("pk"))


@dataclass(frozen=True)
class ItemUnits:
    """A line of the order and what became of its units."""

    item: OrderItem
    refunded: int
    withdrawn: int
    shipped: int
    to_ship: int


class OrderFacts:
    """An order and its rows. Each of them is read when it is first used."""

    def __init__(self, order: Order) -> None:
        prefetch_related_objects([order], ITEMS, "withdrawals", "disputes", "shipments__carrier")
        self.order = order

    @cached_property
    def lines(self) -> list[ItemUnits]:
        """The lines with their units."""
        order = self.order
        units = (order.units_refunded(), self._units_withdrawn(), order.shipped_units(), order.units_to_ship())
        return [ItemUnits(item, *(some.get(item.pk, 0) for some in units)) for item in order.items.all()]

    def _units_withdrawn(self) -> Units:
        """Return the units of each line in withdrawals that staff did not close without a refund."""
        sold, withdrawable = self.order.units_sold(), self.order.units_withdrawable()
        declared = Counter[int]()
        for withdrawal in self.withdrawals:
            declared.update(declared_units(withdrawal, sold, withdrawable))
        return {line: min(units, sold.get(line, 0)) for line, units in declared.items()}

    @property
    def withdrawals(self) -> list[Withdrawal]:
        return list(self.order.withdrawals.all())

    @property
    def disputes(self) -> list[Dispute]:
        return list(self.order.disputes.all())

    @cached_property
    def payments(self) -> list[Payment]:
        return list(self.order.payments.select_related("card").order_by("number"))

    @cached_property
    def refunds(self) -> list[Refund]:
        rows = Refund.objects.filter(payment__order=self.order.pk)
        return list(rows.select_related("payment", "withdrawal").order_by("pk"))

    @cached_property
    def emails(self) -> list[Mail]:
        return list(self.order.mails.order_by("pk"))

    @cached_property
    def events(self) -> list[OrderEvent]:
        return list(self.order.events.order_by("pk"))

    @cached_property
    def refund_obstacle(self) -> str:
        """Why disputes prevent refunds, or an empty string. Most orders have no dispute that could."""
        could_be = any(not row.is_closed or row.currency != self.order.currency for row in self.disputes)
        return disputes.refund_obstacle(self.order) if could_be else ""

    @property
    def units_to_ship(self) -> int:
        """The number of units that are left to ship."""
        return sum(line.to_ship for line in self.lines)

    @property
    def has_units_to_restock(self) -> bool:
        """Whether units were refunded that are not back in stock."""
        return any(returnable_units(self.order, self.refunds).values())

    @property
    def is_erased(self) -> bool:
        return not self.order.email

    @property
    def shipments(self) -> list[Shipment]:
        """The shipments, oldest first."""
        return list(self.order.shipments.all())

    @cached_property
    def notes(self) -> list[OrderNote]:
        """The notes of staff, newest first."""
        return list(self.order.notes.all())

    @cached_property
    def corrections(self) -> list[Correction]:
        """What staff corrected, newest first."""
        return list(self.order.corrections.all())
