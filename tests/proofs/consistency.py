"""Independent checks of the shop's rows against Stripe's data. They share no code with the shop's audit.

They apply after reconcile, when no work is in progress. With TASK_ENGINE=database, waiting tasks run first.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core import mail
from django.db.models import Sum

from carts.models.rates import Discount
from core.money import minor_units
from orders.models import Dispute, Mail, Order, OrderEvent, OrderItem, Payment, Refund
from products.models import Product, StockMovement
from stripe_simulator.server import Simulator
from tests.workers import run_tasks

Problems = Iterator[tuple[str, str]]  # a column of the results table and a description
PAID = [Order.Status.PAID, Order.Status.SHIPPED]
LIVE = ("requires_payment_method", "requires_confirmation", "requires_action", "processing")
HOLDING = [Order.Status.PLACED, Order.Status.CANCELING, *PAID]


def all_problems(simulator: Simulator) -> Problems:
    """Yield every problem found by the independent checks and by the shop's audit."""
    yield from independent_problems(simulator)
    yield from _audit()


def independent_problems(simulator: Simulator) -> Problems:
    """Run the waiting tasks and yield every problem found by the independent checks."""
    run_tasks()
    yield from _money(simulator)
    yield from _disputes(simulator)
    yield from _unfinished(simulator)
    yield from _stock()
    yield from _codes()
    yield from _histories()
    yield from _emails()


def _money(simulator: Simulator) -> Problems:
    """Check that every charge pays one paid order in full, and that every paid order has one charge."""
    kept: dict[str, list[int]] = {}
    for charge in simulator.objects("charge"):
        if charge["status"] == "succeeded" and not charge["refunded"]:
            kept.setdefault(charge["metadata"].get("order_uuid", ""), []).append(charge["amount"])
    for order in Order.objects.placed():
        charged = kept.pop(str(order.uuid), [])
        if len(charged) > 1:
            yield "double_charges", f"order {order}: charged {len(charged)} times"
        if charged and order.status not in PAID:
            yield "lost_orders", f"order {order}: charged, but {order.status}"
        if order.status in PAID and charged[:1] != [minor_units(order.total, order.currency)]:
            yield "unexplained", f"order {order}: {order.status}, the total is {order.total}, charged was {charged}"
    for uuid in kept:
        yield "lost_orders", f"a charge for order {uuid}, which was never placed"


def _disputes(simulator: Simulator) -> Problems:
    """Check that each dispute at Stripe has a row with its state and an event, and that each order's loss is right."""
    lost: Counter[str] = Counter()
    for dispute in simulator.objects("dispute"):
        number = dispute["id"]
        row = Dispute.objects.filter(stripe_id=number).select_related("order").first()
        if row is None or row.status != dispute["status"]:
            yield "unexplained", f"dispute {number}: {dispute['status']} at Stripe, {row and row.status} here"
        elif minor_units(row.amount, row.currency) != dispute["amount"]:
            yield "unexplained", f"dispute {number}: {dispute['amount']} at Stripe, {row.amount} here"
        elif not row.order.events.filter(kind__in=["inquiry", "disputed"], text__contains=number).exists():
            yield "unexplained", f"dispute {number}: not in the history of order {row.order}"
        if dispute["status"] == "lost":
            lost[dispute["payment_intent"]] += dispute["amount"]
    for order in Order.objects.placed():
        if minor_units(order.amount_lost, order.currency) != lost[str(order.payment_intent_id)]:
            yield "unexplained", f"order {order}: {order.amount_lost} counted as lost"


def _unfinished(simulator: Simulator) -> Problems:
    """Check that no order, payment or refund is pending, and that a canceled order can never be charged."""
    live = {intent["id"] for intent in simulator.objects("payment_intent") if intent["status"] in LIVE}
    for order in Order.objects.filter(status=Order.Status.CANCELED, payment_intent_id__in=live):
        yield "unexplained", f"order {order}: canceled, but its intent can still be charged"
    for order in Order.objects.filter(status=Order.Status.CANCELING):
        yield "unexplained", f"order {order}: still canceling"
    for payment in Payment.objects.filter(status=Payment.Status.NEW):
        yield "unexplained", f"payment {payment}: still new"
    for refund in Refund.objects.filter(status=Refund.Status.REQUESTED):
        yield "unexplained", f"refund {refund.pk}: still requested"


def _stock() -> Problems:
    """Check that stock is not negative, equals the sum of its movements, and is held once per placed or paid order."""
    held = {(row.product_id, row.order.order_id): row.quantity for row in _items()}
    for product in Product.objects.exclude(stock=None):
        rows = list(StockMovement.objects.filter(product=product))
        had = sum(row.amount for row in rows if row.kind in ("opening", "adjusted"))
        sold = sum(quantity for (pk, _order), quantity in held.items() if pk == product.pk)
        sold -= sum(row.amount for row in rows if row.kind == "given_back" and (product.pk, row.order) in held)
        if sold > had or (product.stock or 0) < 0:
            yield "oversold", f"{product}: {sold} sold of {had}"
        if sum(row.amount for row in rows) != product.stock:
            yield "unexplained", f"{product}: stock {product.stock} is not the sum of its movements"
        for order in {row.order for row in rows if row.order and row.kind != "adjusted"}:
            moved = -sum(row.amount for row in rows if row.order == order)
            if moved != held.get((product.pk, order), 0) and not _is_refunded(order):
                yield "unexplained", f"{product}: order {order} holds {moved}"


def _items() -> list[OrderItem]:
    """Return the lines that hold stock. An unpaid order above the limits of its visitor holds none."""
    held = OrderItem.objects.filter(order__status__in=HOLDING, order__holds_stock=True)
    return list(held.select_related("order"))


def _is_refunded(number: str) -> bool:
    return Order.objects.filter(order_id=number, amount_refunded__gt=0).exists()


def _histories() -> Problems:
    """Check that each order was placed once, and paid or canceled once if that is its status."""
    final_kinds = {
        **dict.fromkeys([*PAID, Order.Status.REFUNDED], OrderEvent.Kind.PAID),
        "canceled": OrderEvent.Kind.CANCELED,
    }
    for order in Order.objects.placed():
        kinds = Counter(order.events.values_list("kind", flat=True))
        for kind in filter(None, (OrderEvent.Kind.PLACED, final_kinds.get(order.status))):
            if kinds[kind] != 1:
                yield "unexplained", f"order {order}: {kind} is in its history {kinds[kind]} times"
        yield from _sums(order)


def _sums(order: Order) -> Problems:
    """Check that the total is the sum of its parts, and that discount and tax match the lines and the shipping."""
    sums = order.items.aggregate(goods=Sum("total"), off=Sum("discount_total"), tax=Sum("tax_total"))
    on_top = 0 if order.is_tax_included else order.tax_total
    if (sums["goods"] or 0) + order.shipping_total + on_top - order.discount_total != order.total:
        yield "unexplained", f"order {order}: its parts do not add up to {order.total}"
    if ((sums["off"] or 0), (sums["tax"] or 0) + order.shipping_tax) != (order.discount_total, order.tax_total):
        yield "unexplained", f"order {order}: discount or tax differ from those of its lines"


def _codes() -> Problems:
    """Check that no discount code is used more often than its limit, and that each use belongs to an order."""
    for discount in Discount.objects.all():
        orders = Order.objects.placed().filter(discount=discount).exclude(status=Order.Status.CANCELED).count()
        if discount.uses_limit is not None and orders > discount.uses_limit:
            yield "oversold", f"code {discount}: {orders} orders, {discount.uses_limit} allowed"
        if orders != discount.uses:
            yield "unexplained", f"code {discount}: {orders} orders, {discount.uses} counted"


def _emails() -> Problems:
    """Check that each paid order, and no other, has one confirmation, and that each refund was reported once.

    A second confirmation is accepted only after a second attempt: the process died before it recorded the first one.
    """
    copies = _delivered()
    rows = Mail.objects.filter(kind=Mail.Kind.CONFIRMATION).select_related("order")
    for row in rows:
        if row.order.paid_at is None or not row.sent or not 1 <= copies[row.message_id] <= min(row.attempts, 2):
            yield "unexplained", f"order {row.order}: {copies[row.message_id]} messages in {row.attempts} attempts"
    confirmed = {row.order_id for row in rows}
    for order in Order.objects.filter(status__in=PAID).exclude(pk__in=confirmed):
        yield "lost_orders", f"order {order}: paid, but never confirmed"
    notified = Counter(Mail.objects.filter(kind=Mail.Kind.REFUNDED).values_list("about", flat=True))
    for refund in Refund.objects.filter(status=Refund.Status.DONE):
        if notified[str(refund.pk)] != 1:
            yield "unexplained", f"refund {refund.pk}: done, but reported {notified[str(refund.pk)]} times"


def _delivered() -> Counter[str]:
    """Return how often each Message-ID was sent."""
    sent = Counter(str(message.extra_headers.get("Message-ID")) for message in getattr(mail, "outbox", []))
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        for path in Path(settings.EMAIL_FILE_PATH).glob("*.log"):
            lines = path.read_text(encoding="utf-8").splitlines()
            sent.update(line.partition(": ")[2] for line in lines if line.startswith("Message-ID: "))
    return sent


def _audit() -> Problems:
    from orders.bookkeeping.audit import audit

    for finding in audit():
        yield "unexplained", f"audit {finding.rule}: {finding.text}"
