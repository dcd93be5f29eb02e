"""The limits on what unpaid orders hold, so that nobody keeps the shop's goods from others without paying.

An order reserves its items when it is placed, and is paid in the same request. If it is not paid then, because the card
was declined or the bank checks, it keeps them if it is within the limits. Otherwise it releases them, and reserves them
again when it is paid. The limits count rows of orders whose request is over. All but the third apply to each product
with a limited stock:

| counted | limit |
|---|---|
| units that all unpaid orders hold now | SHARE of the unsold units, or ALL_AT_LEAST if that is more |
| units that one visitor, or one IP address, held without paying in COUNTED_FOR | the same, or VISITOR_AT_LEAST |
| units of all products that one visitor, or one IP address, held without paying in COUNTED_FOR | IN_ALL_AT_MOST |
| the unit that makes the product sold out | held only if the visitor and the IP address held none in COUNTED_FOR |

A visitor or an IP address that exceeded a limit in COUNTED_FOR does not hold its next order while it is paid, either.
docs/decisions/unpaid-holds.md explains the numbers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from billing.models.attempt import fingerprint
from carts.models import CartItem
from core.http import client_ip
from core.page_cache.versions import collect_touches
from orders.models.item import OrderItem
from orders.models.order import Order
from orders.models.refund import Refund
from products.models import Product

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


def may_hold_while_paying(order: Order, lines: Iterable[CartItem]) -> bool:
    """Return whether an order that is being placed may hold the units of its lines while it is paid.

    One statement counts for all limits.
    """
    wanted = {line.product_id: line.quantity for line in lines if line.product.stock is not None}
    stock = {line.product_id: (line.product.stock or 0) - line.quantity for line in lines}
    return not wanted or _is_within_limits(order, wanted, stock, "tried")


@transaction.atomic
def limit_hold(order: Order) -> None:
    """Let an order that was not paid when it was placed keep its items only within the limits. Do this once."""
    unchecked = Order.objects.filter(pk=order.pk, status__in=Order.UNPAID_STATES, is_hold_checked=False)
    with collect_touches():
        if not unchecked.update(is_hold_checked=True):
            return
        order.refresh_from_db(fields=["holds_stock"])
        items = list(order.items.order_by("product_id"))
        # Locked rows make simultaneous orders wait, so that each of them counts the one before.
        rows = Product.objects.select_for_update().filter(pk__in=[item.product_id for item in items]).order_by("pk")
        products = {product.pk: product for product in rows if product.stock is not None}
        wanted = {item.product_id: item.quantity for item in items if item.product_id in products}
        stock = {pk: product.stock or 0 for pk, product in products.items()}
        if not order.holds_stock or not wanted or _is_within_limits(order, wanted, stock, "held"):
            return
        order.holds_stock = False
        Order.objects.filter(pk=order.pk).update(holds_stock=False)
        for product in products.values():
            product.release(order.order_id)


def _is_within_limits(order: Order, wanted: dict[int, int], stock: dict[int, int], by: str) -> bool:
    """Return whether the order may hold these units, by product. `stock` is what is left without them.

    Count what others and this visitor hold (`by` = "held"), or what this visitor tried to hold ("tried"). Without an
    earlier try, any number of units may be held while the order is paid.
    """
    rows = {row.pop("product"): Counter(row) for row in _counts(order, since=timezone.now() - COUNTED_FOR)}
    in_all = sum(rows.values(), Counter(nothing=0))
    most = max(in_all[f"{by}_of_ip"], in_all[f"{by}_of_visitor"])
    if by == "tried" and most == 0:
        return True
    return most + sum(wanted.values()) <= IN_ALL_AT_MOST and all(
        _is_product_within_limits(rows.get(pk, NONE), units, stock[pk], by) for pk, units in wanted.items()
    )


def _is_product_within_limits(counted: Counter[str], units: int, left: int, by: str) -> bool:
    held, own = counted["held"], max(counted[f"{by}_of_ip"], counted[f"{by}_of_visitor"])
    share = (left + units + held) * SHARE // 100
    return (
        (by == "tried" or held + units <= max(share, ALL_AT_LEAST))
        and own + units <= max(share, VISITOR_AT_LEAST)
        and (left > 0 or own == 0)
    )


def _counts(order: Order, since: datetime) -> Any:
    """Return for each product the units of other orders that were not paid in their request.

    `held` is what they hold now. A visitor is the session or the payer, because one session can have many guests, and
    one account many sessions.
    """
    unpaid = Q(order__status__in=Order.UNPAID_STATES)
    ended = Q(order__status=Order.Status.CANCELED, order__placed_at__gt=since)
    of_visitor = Q(order__placed_session=order.placed_session or NOBODY)
    of_visitor |= Q(order__billing_profile=order.billing_profile_id)
    of = {"ip": Q(order__placed_ip=order.placed_ip or NOBODY), "visitor": of_visitor}
    is_held = Q(order__holds_stock=True)
    # With a condition on the product, databases could read all lines that ever sold it.
    # An order that is canceled while it is paid is never checked.
    is_over = Q(order__is_hold_checked=True) | Q(order__status__in=[Order.Status.CANCELING, Order.Status.CANCELED])
    rows = OrderItem.objects.filter(unpaid | ended, is_over, product__stock__isnull=False)
    rows = rows.exclude(order=order.pk).order_by()
    tried = {f"tried_of_{who}": Sum("quantity", filter=condition, default=0) for who, condition in of.items()}
    held = {f"held_of_{who}": Sum("quantity", filter=condition & is_held, default=0) for who, condition in of.items()}
    return rows.values("product").annotate(held=Sum("quantity", filter=unpaid & is_held, default=0), **tried, **held)


def held_units() -> dict[int, int]:
    """Return the units that unpaid orders hold now, by the id of the product. Read only lines of unpaid orders."""
    rows = OrderItem.objects.filter(order__status__in=Order.UNPAID_STATES, order__holds_stock=True).order_by()
    return dict(rows.values_list("product").annotate(Sum("quantity")))


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
