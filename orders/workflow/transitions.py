"""The conditional updates of the steps P1, P2, P3 and S. A row that another request has changed first is left alone."""

from typing import Any

from django.utils import timezone

from carts.models import Cart
from core.database.prepared import PreparedQuery, PreparedUpdate
from orders.models import Order, Payment

# P1
CLOSE_CART = PreparedUpdate(lambda cart: Cart.objects.filter(pk=cart, active=True), "active", cart=int)
PLACE = PreparedUpdate(
    lambda order: Order.objects.filter(pk=order, status=Order.Status.OPEN, active=True),
    *("status", "placed_at", "updated", "placed_ip", "placed_session"),
    order=int,
)
# P2
STORE_INTENT = PreparedUpdate(
    lambda order: Order.objects.filter(pk=order, status=Order.Status.PLACED, payment_intent_id=None),
    "payment_intent_id",
    order=int,
)
# P3
LOCK_PLACED = PreparedUpdate(
    lambda order: Order.objects.filter(pk=order, status=Order.Status.PLACED), "updated", order=int
)
LAST_NUMBER: PreparedQuery[Any] = PreparedQuery(
    lambda order: Payment.objects.filter(order=order).order_by("-number").values_list("number")[:1], order=int
)
# S
PAID_COLUMNS = ("status", "paid_at", "placed_ip", "placed_session")
PAY_HELD = PreparedUpdate(
    lambda order: Order.objects.filter(pk=order, status__in=Order.UNPAID_STATES, holds_stock=True),
    *PAID_COLUMNS,
    order=int,
)
PAY = PreparedUpdate(
    lambda order: Order.objects.filter(pk=order, status__in=Order.UNPAID_STATES),
    *(*PAID_COLUMNS, "holds_stock"),
    order=int,
)
CLOSE_ATTEMPT = PreparedUpdate(
    lambda order, attempt: Payment.objects.filter(order=order, pk=attempt, status__in=Payment.OPEN),
    *("status", "code", "message"),
    order=int,
    attempt=int,
)


def mark_paid(order: Order) -> bool:
    """Change the status from placed or canceling to paid, and read it into `order`. Return False if it was neither.

    Only `settle` calls this function. If `holds_stock` is False afterwards, the order did not hold its items, and
    settle reserves them. Nobody counts a paid order as a hold, so the order forgets where it was placed.
    """
    values = {"status": Order.Status.PAID, "paid_at": timezone.now(), "placed_ip": "", "placed_session": ""}
    # Both are conditional, because limit_hold can change the column at the same time.
    order.holds_stock = bool(PAY_HELD.run(values, order=order.pk))
    if not order.holds_stock and not PAY.run(values | {"holds_stock": True}, order=order.pk):
        return False
    for name, value in values.items():
        setattr(order, name, value)
    return True
