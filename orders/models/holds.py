"""The limits on what unpaid orders hold, so that nobody keeps the shop's goods from others without paying.

An order within the limits reserves its items when it is placed. Any other order is placed too, but it reserves its
items only when it is paid. The limits count rows of orders. All but the third apply to each product with a limited
stock:

| counted | limit |
|---|---|
| units that all unpaid orders hold now | SHARE of the unsold units, or ALL_AT_LEAST if that is more |
| units that one visitor, or one IP address, held without paying in COUNTED_FOR | the same, or VISITOR_AT_LEAST |
| units of all products that one visitor, or one IP address, held without paying in COUNTED_FOR | IN_ALL_AT_MOST |
| the unit that makes the product sold out | held only if the visitor and the IP address held none in COUNTED_FOR |

docs/decisions/unpaid-holds.md explains the numbers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from billing.models.attempt import fingerprint
from carts.models import CartItem
from core.http import client_ip
from orders.models.item import OrderItem
from orders.models.order import Order
from orders.models.refund import Refund

SHARE = 10  # percent
ALL_AT_LEAST = 5  # units
VISITOR_AT_LEAST = 3  # units
IN_ALL_AT_MOST = 50  # units
COUNTED_FOR = timedelta(hours=1)
NOBODY = "-"  # no fingerprint
NONE: Counter[str] = Counter()


@dataclass(frozen=True)
class Placer:
    """Who places an order: the fingerprints of the IP address and of the session, or empty strings."""

    ip: str = ""
    session: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Placer":
        return cls(fingerprint(client_ip(request)), fingerprint(request.session.session_key or ""))


def may_hold(order: Order, lines: Iterable[CartItem]) -> bool:
    """Return whether an order that is being placed may hold the units of its lines until it is paid.

    Call this after the units were reserved, in the same transaction: the changed rows of the products make
    simultaneous orders wait, so that each of them counts the one before. One statement counts for all limits.
    """
    counted = [line for line in lines if line.product.stock is not None]
    if not counted:
        return True
    rows = {row.pop("product"): Counter(row) for row in _counts(order, since=timezone.now() - COUNTED_FOR)}
    in_all = sum(rows.values(), Counter(of_ip=0))
    most = max(in_all["of_ip"], in_all["of_visitor"]) + sum(line.quantity for line in counted)
    return most <= IN_ALL_AT_MOST and all(_is_within_limits(line, rows.get(line.product_id, NONE)) for line in counted)


def _is_within_limits(line: CartItem, units: Counter[str]) -> bool:
    held, own = units["held"], max(units["of_ip"], units["of_visitor"])
    left = line.product.stock or 0
    share = (left + line.quantity + held) * SHARE // 100
    return (
        held + line.quantity <= max(share, ALL_AT_LEAST)
        and own + line.quantity <= max(share, VISITOR_AT_LEAST)
        and (left > 0 or own == 0)
    )


def _counts(order: Order, since: datetime) -> Any:
    """Return the units of each product that other orders hold or held without being paid.

    A visitor is the session or the payer, because one session can have many guests, and one account many sessions.
    """
    unpaid = Q(order__status__in=Order.UNPAID_STATES)
    ended = Q(order__status=Order.Status.CANCELED, order__placed_at__gt=since)
    of_visitor = Q(order__placed_session=order.placed_session or NOBODY)
    of_visitor |= Q(order__billing_profile=order.billing_profile_id)
    # With a condition on the product, databases could read all lines that ever sold it.
    rows = OrderItem.objects.filter(unpaid | ended, order__holds_stock=True, product__stock__isnull=False).order_by()
    return rows.values("product").annotate(
        held=Sum("quantity", filter=unpaid, default=0),
        of_ip=Sum("quantity", filter=Q(order__placed_ip=order.placed_ip or NOBODY), default=0),
        of_visitor=Sum("quantity", filter=of_visitor, default=0),
    )


def can_reserve(order: Order) -> bool:
    """Return whether the order holds its items, or could reserve them now."""
    missing = Q(product__active=False) | Q(product__stock__lt=F("quantity"))
    return order.holds_stock or not order.items.filter(missing).exists()


def reserve_paid(order: Order) -> bool:
    """Reserve the items of an order that held none and is being marked as paid, in the caller's transaction.

    Return False if an item is sold out, or if another process found that first and refunds the charge. The caller
    then rolls the transaction back.
    """
    if Refund.objects.filter(payment__order=order, is_mismatch=True).exists():
        return False
    items = order.items.select_related("product").order_by("product_id")  # in this order to avoid deadlocks
    return all(item.product.reserve(item.quantity, order.order_id) for item in items)
