"""What follows the placing of sample orders: payments, refunds, stock movements, histories and sent emails."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from core.emails.messages import message_id_domain
from core.money import minor_units, round_money
from ecommerce.management.sample_orders.placed import Sample
from ecommerce.management.sample_orders.plans import CANCELED, PART_REFUNDED, REFUNDED
from orders.emails.queue import EXPIRY
from orders.models import Mail, Order, OrderEvent, Payment, Refund, Shipment
from orders.models.history import event_texts
from products.models import StockMovement
from stripe_simulator.history import PastPayment

STAFF = "seed"
DECLINED = "Your card was declined. Please use another card."
Kind = OrderEvent.Kind
MINUTE = timedelta(minutes=1)


def store_follow_ups(samples: list[Sample]) -> None:
    """Store all other rows of placed orders."""
    payments = Payment.objects.bulk_create(_payment(sample) for sample in samples)
    for sample, payment in zip(samples, payments, strict=True):
        sample.payment = payment
    shipped = [sample for sample in samples if sample.plan.is_shipped]
    for sample, shipment in zip(shipped, Shipment.objects.bulk_create(map(_shipment, shipped)), strict=True):
        sample.shipment = shipment
    refunded = [sample for sample in samples if sample.plan.outcome in (PART_REFUNDED, REFUNDED)]
    for sample, refund in zip(refunded, Refund.objects.bulk_create(map(_refund, refunded)), strict=True):
        sample.refund = refund
        sample.order.amount_refunded = refund.amount
    Order.objects.bulk_update([sample.order for sample in refunded], ["amount_refunded"])
    StockMovement.objects.bulk_create(_movements(samples))
    OrderEvent.objects.bulk_create(event for sample in samples for event in _events(sample))
    Mail.objects.bulk_create(mail for sample in samples for mail in _mails(sample))


def _payment(sample: Sample) -> Payment:
    order, card = sample.order, sample.buyer.card
    payment = Payment(
        order=order, number=1, card=card, stripe_pm=card.stripe_id, amount=order.total, currency=order.currency,
        status=Payment.Status.SUCCEEDED, timestamp=sample.plan.placed, updated=sample.plan.placed,
    )  # fmt: skip
    if sample.plan.outcome == CANCELED:
        payment.status, payment.message = Payment.Status.FAILED, DECLINED
        payment.code, payment.decline_code = "card_declined", "generic_decline"
    return payment


def _shipment(sample: Sample) -> Shipment:
    """Return the only shipment of the order, with all its units."""
    units = {str(item.pk): item.quantity for item in sample.items}
    plan = sample.plan
    return Shipment(
        order=sample.order, number=1, units=units, tracking=plan.tracking, shipped_at=plan.ended, by=STAFF
    )  # fmt: skip


def _refund(sample: Sample) -> Refund:
    """Return the refund of the whole order, or of one unit. Most units are back in stock."""
    plan, order = sample.plan, sample.order
    first, units = sample.items[0], {item.pk: item.quantity for item in sample.items}
    amount = order.total
    if plan.outcome == PART_REFUNDED:
        one = (first.total - first.discount_total) / first.quantity
        amount, units = round_money(min(one or order.total, order.total / 2), order.currency), {first.pk: 1}
    is_restocked = plan.is_restocked
    return Refund(
        payment=sample.payment, amount=amount, currency=order.currency, stripe_id=f"re_{plan.key}", reason=plan.reason,
        restock={str(line): count for line, count in units.items()} if is_restocked else {},
        is_restocked=is_restocked, status=Refund.Status.DONE, by=STAFF, timestamp=plan.ended, asked_at=plan.ended,
    )  # fmt: skip


def _movements(samples: list[Sample]) -> list[StockMovement]:
    """Return the movements of stock. The units that these orders keep were delivered before, so no stock changes."""
    rows: list[StockMovement] = []
    kept: Counter[int] = Counter()
    limited = {}
    for sample in samples:
        for item in sample.items:
            is_limited = item.product.stock is not None
            back = _units_back(sample, item.pk, item.quantity) if is_limited else 0
            common = {"product": item.product, "order": sample.order.order_id}
            reserved = -item.quantity if is_limited else 0
            kind = StockMovement.Kind
            rows.append(StockMovement(kind=kind.RESERVED, amount=reserved, at=sample.plan.placed, **common))
            if back:
                reason = {"kind": kind.RETURNED, "by": STAFF} if sample.refund else {"kind": kind.RELEASED}
                rows.append(StockMovement(amount=back, at=sample.plan.ended, **common, **reason))
            if is_limited:
                kept[item.product_id] += item.quantity - back
                limited[item.product_id] = item.product
    adjusted = [
        StockMovement(
            product=limited[pk], kind=StockMovement.Kind.ADJUSTED, amount=units, by=STAFF, at=samples[0].plan.placed
        )
        for pk, units in kept.items()
        if units
    ]
    return adjusted + rows


def _units_back(sample: Sample, line: int, quantity: int) -> int:
    """Return how many units of a line were released: all after a cancellation, otherwise what a refund restocked."""
    if sample.plan.outcome == CANCELED:
        return quantity
    return int(sample.refund.restock.get(str(line), 0)) if sample.refund else 0


def _events(sample: Sample) -> Iterator[OrderEvent]:
    """Yield the history of an order, oldest event first."""
    plan, order, card = sample.plan, sample.order, sample.buyer.card

    def event(kind: str, at: datetime, text: object = "", by: str = "") -> OrderEvent:
        return OrderEvent(order=order, kind=kind, at=at, by=by, **event_texts(text, order.language))

    yield event(Kind.PLACED, plan.placed)
    yield event(Kind.PAYING, plan.placed, card)
    if plan.outcome == CANCELED:
        yield event(Kind.DECLINED, plan.placed, DECLINED)
        yield event(Kind.CANCELING, plan.placed + 30 * MINUTE, by=EXPIRY)
        yield event(Kind.CANCELED, plan.placed + 30 * MINUTE)
        return
    yield event(Kind.PAID, plan.placed)
    yield event(Kind.MAILED, plan.placed)
    if order.attention:
        yield event(Kind.ALERTED, plan.placed, order.attention)
    if sample.shipment:
        yield event(Kind.SHIPPED, sample.shipment.shipped_at, sample.shipment.tracking, STAFF)
    if sample.refund:
        yield event(Kind.REFUNDING, plan.ended, sample.refund, STAFF)
        yield event(Kind.REFUNDED, plan.ended, sample.refund, STAFF)


def _mails(sample: Sample) -> Iterator[Mail]:
    """Yield the emails about an order, which are marked as sent."""
    plan, order = sample.plan, sample.order

    def mail(kind: str, at: datetime, about: str = "") -> Mail:
        to = settings.STAFF_EMAIL if kind in Mail.FOR_STAFF else order.email
        name = ".".join(filter(None, [str(order.uuid), kind, about]))
        return Mail(
            order=order, kind=kind, about=about, to=to, message_id=f"<{name}@{message_id_domain()}>", attempts=1,
            tried_at=at, sent=at, timestamp=at,
        )  # fmt: skip

    if plan.outcome == CANCELED:
        yield mail(Mail.Kind.CANCELED, plan.placed + 30 * MINUTE)
        return
    yield mail(Mail.Kind.CONFIRMATION, plan.placed)
    if settings.STAFF_EMAIL:
        yield mail(Mail.Kind.NEW_ORDER, plan.placed)
    if sample.shipment:
        yield mail(Mail.Kind.SHIPPED, sample.shipment.shipped_at, about=str(sample.shipment.pk))
    if sample.refund:
        yield mail(Mail.Kind.REFUNDED, plan.ended, about=str(sample.refund.pk))


def past_payment(sample: Sample) -> PastPayment:
    """Return the payment of an order as Stripe knows it."""
    order, refund = sample.order, sample.refund
    units = minor_units(order.total if isinstance(order.total, Decimal) else Decimal(order.total), order.currency)
    refunds = []
    if refund:
        amount, created = minor_units(refund.amount, refund.currency), int(sample.plan.ended.timestamp())
        refunds = [(str(refund.stripe_id), amount, {"refund": str(refund.pk)}, created)]
    return PastPayment(
        id=sample.plan.intent_id,
        card=sample.buyer.customer.past_card,
        amount=units,
        currency=order.currency,
        metadata={"order_id": order.order_id, "order_uuid": str(order.uuid)},
        created=int(sample.plan.placed.timestamp()),
        is_charged=sample.plan.outcome != CANCELED,
        refunds=refunds,
    )
