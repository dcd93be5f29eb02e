"""The visitor's unpaid orders, for the notice that every page with the cart's item count shows."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import cached_property

from core.database.prepared import PreparedQuery
from orders.models import Order, Payment
from orders.models.visitor import MAX_SESSION_ORDERS
from orders.views.order import payment_state_of


@dataclass(frozen=True)
class UnpaidOrder:
    """An unpaid order of the visitor: its payment state as on the order page, and what it reserves."""

    order: Order
    state: str
    product_ids: set[int | None] = field(default_factory=set)

    @property
    def reserved_until(self) -> datetime | None:
        """The time until which the order can be paid, or None if it has passed."""
        return None if self.order.is_hold_over else self.order.reserved_until


def _unpaid(**numbers: str) -> QuerySet[Order]:
    """Return the unpaid orders with these numbers, with `payment_status` and, once for each line, `product`."""
    last = Payment.objects.filter(order=OuterRef("pk")).order_by("-number").values("status")[:1]
    orders = Order.objects.unpaid().filter(order_id__in=numbers.values(), billing_profile__forgotten=None)
    return orders.order_by("-pk").annotate(payment_status=Subquery(last), product=F("items__product"))


NUMBERS = [f"number_{position}" for position in range(MAX_SESSION_ORDERS)]
UNPAID = PreparedQuery(_unpaid, **dict.fromkeys(NUMBERS, str))


class UnpaidOrders:
    """The unpaid orders that were placed in the visitor's session, newest first. They are read on first use.

    Visitors without an order in their session cost no query, others one.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def all(self) -> list[UnpaidOrder]:
        """All unpaid orders of the session."""
        numbers = Order.objects.numbers_in_session(self.request)[-MAX_SESSION_ORDERS:]
        numbers = [number for number in numbers if number != getattr(self.request, "paid_order", "")]
        found: dict[int, UnpaidOrder] = {}
        row: Any  # an order with the two annotations, once for each of its lines
        for row in UNPAID.rows(**dict(zip_longest(NUMBERS, numbers, fillvalue=""))) if numbers else []:
            unpaid = found.setdefault(row.pk, UnpaidOrder(row, payment_state_of(row, row.payment_status)))
            unpaid.product_ids.add(row.product)
        return list(found.values())

    @cached_property
    def shown(self) -> list[UnpaidOrder]:
        """All unpaid orders except that of this page, which shows its state itself."""
        return [unpaid for unpaid in self.all if unpaid.order.get_absolute_url() != self.request.path]

    @property
    def other_count(self) -> int:
        """The number of orders after the first."""
        return max(len(self.shown) - 1, 0)

    def reserving(self, product_id: int) -> Order | None:
        """Return the newest order that reserves units of this product, or None."""
        holding = (unpaid for unpaid in self.all if unpaid.order.holds_stock)
        return next((unpaid.order for unpaid in holding if product_id in unpaid.product_ids), None)

    def using(self, code: str) -> Order | None:
        """Return the newest order that uses this discount code, or None."""
        wanted = code.strip().upper()
        return next((unpaid.order for unpaid in self.all if wanted and unpaid.order.discount_code == wanted), None)
