"""Sums over rows and the simulator that share no code with the audit: charges, stock and mails of a shop at rest."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from django.core import mail
from django.db.models import Sum

from core.money import minor_units
from orders.models import Order, OrderItem, Refund
from products.models import Product
from stripe_simulator.server import Simulator

HOLDING = [Order.Status.PLACED, Order.Status.CANCELING, *Order.PAID_STATES]


def charged_twice(simulator: Simulator) -> list[str]:
    """Orders with more than one good charge at Stripe, refunded or not; at no time may there be one."""
    good = (row for row in simulator.objects("charge") if row["status"] == "succeeded")
    return [uuid for uuid, times in Counter(row["metadata"]["order_uuid"] for row in good).items() if times > 1]


def wrong_charges(simulator: Simulator, agreed: dict[str, Decimal]) -> Iterator[str]:
    """Orders whose charge is not the total their shopper agreed to, or that are paid and not charged, or reversed."""
    charges = {
        row["metadata"]["order_uuid"]: row for row in simulator.objects("charge") if row["status"] == "succeeded"
    }
    for order in Order.objects.placed():
        charge = charges.pop(str(order.uuid), None)
        kept = charge["amount"] - charge["amount_refunded"] if charge else 0
        left = order.total - order.amount_refunded if order.is_paid else Decimal(0)
        if kept != minor_units(left, order.currency):
            yield f"{order} is {order.status}, and {kept} are kept of it at Stripe instead of {left}"
        if order.total != agreed.get(order.order_id, order.total):
            yield f"{order} was placed for {order.total}, and shown as {agreed[order.order_id]}"
        if charge and charge["amount"] != minor_units(order.total, order.currency):
            yield f"{order} was charged {charge['amount']} instead of {order.total}"
    yield from (f"a charge for {uuid}, which is no order" for uuid in charges)


def wrong_stock(had: dict[int, int]) -> Iterator[str]:
    """Products whose stock is not what there was (`had`, deliveries included), less what is sold and not put back."""
    sold: Counter[int] = Counter()
    for row in OrderItem.objects.filter(order__status__in=HOLDING).values("product").annotate(sum=Sum("quantity")):
        sold[row["product"]] += row["sum"]
    for refund in Refund.objects.filter(is_restocked=True):
        for line, units in refund.restock.items():
            sold[OrderItem.objects.get(pk=line).product_id] -= units
    for product in Product.objects.filter(pk__in=had):
        if product.stock != had[product.pk] - sold[product.pk]:
            yield f"{product} has {product.stock} in stock: there were {had[product.pk]}, {sold[product.pk]} are sold"


def wrong_mails(is_twice_allowed: bool) -> Iterator[str]:
    """Orders with another number of confirmations than one if paid, none if not."""
    sent = Counter(message.extra_headers["Message-ID"] for message in mail.outbox)
    for order in Order.objects.placed():
        copies = sum(number for name, number in sent.items() if name.startswith(f"<{order.uuid}.confirmation@"))
        if not (copies == order.is_paid or (is_twice_allowed and order.is_paid and copies == 2)):
            yield f"{order} is {order.status}, and {copies} confirmations went out"
