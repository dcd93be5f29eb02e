"""Checks of charges, stock and email for a shop with no work in progress.

They read database rows and the simulator and share no code with the audit.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core import mail
from django.db.models import Sum

from billing.models import Card
from core.money import minor_units
from orders.models import Order, OrderItem, Refund
from products.models import Product
from stripe_simulator.server import Simulator

HOLDING = [Order.Status.PLACED, Order.Status.CANCELING, *Order.PAID_STATES]


def charged_twice(simulator: Simulator) -> list[str]:
    """Return the UUIDs of orders with more than one successful charge at Stripe, refunded or not.

    This list must be empty at all times.
    """
    good = (row for row in simulator.objects("charge") if row["status"] == "succeeded")
    return [uuid for uuid, times in Counter(row["metadata"]["order_uuid"] for row in good).items() if times > 1]


def wrong_charges(simulator: Simulator, agreed: dict[str, Decimal]) -> Iterator[str]:
    """Yield a text for each mismatch between orders and charges.

    A mismatch is a charge that differs from the total the shopper agreed to, a paid order without a charge, an unpaid
    order with a charge that was not refunded, or a charge without an order. `agreed` maps order numbers to totals.
    """
    charges = {
        row["metadata"]["order_uuid"]: row for row in simulator.objects("charge") if row["status"] == "succeeded"
    }
    for order in Order.objects.placed():
        charge = charges.pop(str(order.uuid), None)
        kept = charge["amount"] - charge["amount_refunded"] - _lost(simulator, charge) if charge else 0
        left = order.total - order.amount_refunded - order.amount_lost if order.is_paid else Decimal(0)
        if kept != minor_units(left, order.currency):
            yield f"{order} is {order.status}, and Stripe keeps {kept} instead of {left}"
        if order.total != agreed.get(order.order_id, order.total):
            yield f"{order} was placed for {order.total}, but the page showed {agreed[order.order_id]}"
        if charge and charge["amount"] != minor_units(order.total, order.currency):
            yield f"{order} was charged {charge['amount']} instead of {order.total}"
    yield from (f"a charge for {uuid}, which is not an order" for uuid in charges)


def _lost(simulator: Simulator, charge: dict[str, Any]) -> int:
    rows = [row for row in simulator.objects("dispute") if row["charge"] == charge["id"]]
    return sum(row["amount"] for row in rows if row["status"] == "lost")


def wrong_cards(simulator: Simulator) -> Iterator[str]:
    """Yield a text for each card at Stripe that no shopper chose to save, and for each saved card that is missing."""
    attached = {card["id"] for card in simulator.objects("card") if card["customer"]}
    chosen = set(Card.objects.filter(active=True, is_saved=True).values_list("stripe_id", flat=True))
    yield from (f"{card} is at Stripe, but nobody saved it" for card in attached - chosen)
    yield from (f"{card} is saved, but not at Stripe" for card in chosen - attached)
    for card in Card.objects.unsaved():
        yield f"{card.stripe_id} is not saved, and still active"
    for card in Card.objects.filter(is_saved=True, is_save_requested=True):
        if not card.payments.filter(status="succeeded").exists():
            yield f"{card.stripe_id} is saved, but never paid"


def wrong_stock(had: dict[int, int]) -> Iterator[str]:
    """Yield a text for each product whose stock is not the initial stock minus the units sold and not restocked.

    `had` maps product ids to the initial stock, including later deliveries.
    """
    sold: Counter[int] = Counter()
    held = OrderItem.objects.filter(order__status__in=HOLDING, order__holds_stock=True)
    for row in held.values("product").annotate(sum=Sum("quantity")):
        sold[row["product"]] += row["sum"]
    for refund in Refund.objects.filter(is_restocked=True):
        for line, units in refund.restock.items():
            sold[OrderItem.objects.get(pk=line).product_id] -= units
    for product in Product.objects.filter(pk__in=had):
        if product.stock != had[product.pk] - sold[product.pk]:
            yield f"{product} has {product.stock} in stock: initially {had[product.pk]}, {sold[product.pk]} sold"


def wrong_emails(is_twice_allowed: bool) -> Iterator[str]:
    """Yield a text for each order with a wrong number of confirmation messages: one if it is paid, otherwise none.

    Two confirmations of a paid order are accepted if `is_twice_allowed`.
    """
    sent = Counter(message.extra_headers["Message-ID"] for message in mail.outbox)
    for order in Order.objects.placed():
        copies = sum(number for name, number in sent.items() if name.startswith(f"<{order.uuid}.confirmation@"))
        if not (copies == order.is_paid or (is_twice_allowed and order.is_paid and copies == 2)):
            yield f"{order} is {order.status}, and {copies} confirmations were sent"
