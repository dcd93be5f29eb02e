"""The orders that wait for staff."""

from typing import Self

from orders.models.open_order import OpenOrderQuerySet
from orders.models.visitor import Row


class WorkQuerySet(OpenOrderQuerySet[Row]):
    """The part of the order queryset that finds the work of staff."""

    def to_ship(self) -> Self:
        """Return the paid orders with units left to ship, including those that need attention.

        An order of whose payment nothing is left after a lost dispute is not among them, because it cannot be shipped.
        """
        return self.filter(status="paid", has_nothing_to_ship=False)

    def needing_attention(self) -> Self:
        """Return the placed orders with an alert that staff have not acknowledged."""
        return self.exclude(attention="").exclude(status="open")
