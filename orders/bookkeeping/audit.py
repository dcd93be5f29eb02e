"""Checks of the invariants of docs/money.md for all rows; the Stripe ledger is compared in stripe_ledger.py.

I12, I13 and I20 are about requests, which leave no rows. Tests check them.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing.models import StripeEvent
from carts.models import Cart
from carts.pricing.totals import add_up, tax_of_charges
from core.money import has_excess_decimals, minimum_charge
from core.text.card_numbers import CARD_NUMBER, has_card_number
from orders.bookkeeping import discount_usage, stripe_ledger
from orders.bookkeeping.audits.cards import unsaved_cards
from orders.bookkeeping.audits.disputes import lost_disputes
from orders.bookkeeping.audits.findings import AuditFinding, order_finding
from orders.bookkeeping.audits.units import shipping_emails, units
from orders.bookkeeping.audits.withdrawals import withdrawals
from orders.bookkeeping.checksum import is_intact
from orders.models import Dispute, Mail, Order, OrderEvent, OrderItem, Payment, Refund
from orders.workflow.erasure import profiles_with_customer_to_delete
from products.models import Product, StockMovement

LATE = timedelta(hours=1)  # longer than reconcile needs if it runs every few minutes
PLACED = Order.objects.placed  # all except open orders, to which no invariant applies
CHUNK = 500


def audit(with_stripe: bool = True, stripe_since: datetime | None = None) -> list[AuditFinding]:
    """Return a finding for each violated invariant. The list is empty for a healthy shop.

    The Stripe ledger is compared from `stripe_since`, or from the first order. Our own rows are always checked from
    the first order. Raise GatewayError if Stripe does not answer.
    """
    found = [finding for check in CHECKS for finding in check()]
    return found + (stripe_ledger.compare(stripe_since) if with_stripe else [])


def paid_orders() -> Iterator[AuditFinding]:
    """Check I1, I2 and I3: an order is paid if and only if one attempt was charged with the frozen total."""
    matching = Q(
        payments__amount=F("total"), payments__currency=F("currency"), payments__status=Payment.Status.SUCCEEDED
    )
    paid = Order.objects.filter(status__in=Order.PAID_STATES)
    counted: QuerySet[Any] = paid.annotate(matching=Count("payments", filter=matching)).exclude(matching=1)
    for order in counted:
        yield order_finding(order, "I2", f"is {order.status}, but {order.matching} payments match its total")
    for order in paid.filter(Q(paid_at=None) | Q(payment_intent_id=None)):
        yield order_finding(order, "I2", f"is {order.status}, but has no payment time or no payment at Stripe")
    mismatch = Refund.objects.filter(payment=OuterRef("pk"), is_mismatch=True)
    charged = Payment.objects.filter(status=Payment.Status.SUCCEEDED).exclude(order__status__in=Order.PAID_STATES)
    for payment in charged.filter(~Exists(mismatch)).select_related("order"):
        yield order_finding(
            payment.order, "I3", f"is {payment.order.status}, but was charged, and no refund was requested"
        )
    for refund in Refund.objects.owed().select_related("payment__order"):
        yield order_finding(refund.payment.order, "I3", f"has a mismatched charge, and its refund failed ({refund})")


def stock() -> Iterator[AuditFinding]:
    """Check I4: the stock of a product, unless unlimited, is the sum of its movements."""
    counted = Product.objects.filter(stock__isnull=False).annotate(moved=Coalesce(Sum("movements__amount"), 0))
    wrong: QuerySet[Any] = counted.exclude(stock=F("moved"))
    for product in wrong:
        text = f"has a stock of {product.stock}, its movements add up to {product.moved}"
        yield AuditFinding("I4", f"product {product.sku}", text)


def reserved_stock() -> Iterator[AuditFinding]:
    """Check I4: a payable or paid order holds each of its units once, and a canceled order holds none.

    An order that may not hold its items before it is paid holds none until then, and reserves them a second time.
    """
    back, moved = _restocked(), _movements()
    lines = OrderItem.objects.exclude(order__status=Order.Status.OPEN).select_related("order")
    for item in lines.iterator(CHUNK):
        movement = moved.pop((item.order.order_id, item.product_id), NO_MOVEMENTS)
        held, text = -movement["sum"], f"{item.quantity} x {item.sku}"
        if item.order.status == Order.Status.CANCELED or not item.order.holds_stock:
            if held and not movement["uncounted"]:
                yield order_finding(item.order, "I4", f"{_without_hold(item.order)} reserves {held} of {text}")
        elif not _is_held_once(item, movement, back[item.pk]):
            times = movement["reservations"]
            yield order_finding(item.order, "I4", f"reserves {held} of {text}, reserved {times} times")
    for number, product in moved:
        yield AuditFinding(
            "I4", f"product {product}", f"has a stock movement of order {number}, which has no line for it"
        )


def _without_hold(order: Order) -> str:
    return "is canceled but still" if order.status == Order.Status.CANCELED else "is not to hold its items yet but"


def _is_held_once(item: OrderItem, movement: dict[str, Any], back: int) -> bool:
    """Return whether the line holds its units, except those that are back in stock, and reserved them once.

    An order that released them because of the limits on unpaid orders reserved them twice.
    """
    is_all_held = -movement["sum"] == item.quantity - back or not movement["reserved"]
    return is_all_held and movement["reservations"] in ((1, 2) if item.order.is_hold_checked else (1,))


NO_MOVEMENTS: dict[str, Any] = {"sum": 0, "reserved": 0, "reservations": 0, "uncounted": 0}


def _movements() -> dict[tuple[str, int], dict[str, Any]]:
    """Return the stock movements by order and product, in one query. A subquery per line takes minutes on SQLite."""
    reserved, released = Q(kind=StockMovement.Kind.RESERVED), Q(kind__in=StockMovement.BACK)
    rows = StockMovement.objects.exclude(order="").order_by().values("order", "product_id")
    sums = rows.annotate(
        sum=Sum("amount"),
        reserved=Coalesce(Sum("amount", filter=reserved), 0),
        reservations=Count("pk", filter=reserved),
        uncounted=Count("pk", filter=released & Q(amount=0)),  # released to stock that is no longer counted
    )
    return {(row["order"], row["product_id"]): dict(row) for row in sums}


def _restocked() -> Counter[int]:
    """Return the number of units that refunds restocked, by order line id."""
    back: Counter[int] = Counter()
    for refund in Refund.objects.filter(is_restocked=True):
        back.update({int(line): units for line, units in refund.restock.items()})
    return back


def frozen_orders() -> Iterator[AuditFinding]:
    """Check I5, I6 and I14: a placed order is unchanged and complete, and its amounts are exact and payable."""
    for order in PLACED().prefetch_related("items").iterator(CHUNK):
        lines = sum((item.total for item in order.items.all()), Decimal(0))
        parts = add_up(order)
        if not is_intact(order):
            yield order_finding(order, "I5", "was changed after it was placed: a line, an amount, an address or a text")
        if lines != order.subtotal or parts != order.total:
            yield order_finding(
                order, "I6", f"has a total of {order.total}, but its parts add up to {parts} and its lines to {lines}"
            )
        elif has_excess_decimals(order.total, order.currency) or order.total < minimum_charge(order.currency):
            yield order_finding(
                order, "I6", f"has a total of {order.total}, which cannot be charged in {order.currency}"
            )
        yield from _shares(order)
        if any(item.total != item.unit_price * item.quantity for item in order.items.all()):
            yield order_finding(order, "I6", "has a line whose total is not price times quantity")
        if not (order.items.all() and order.placed_at and order.shipping_address_text and order.billing_address_text):
            yield order_finding(order, "I14", "was placed without lines, a time or addresses")


def _shares(order: Order) -> Iterator[AuditFinding]:
    """Check I6: the discounts of the lines, and the taxes of the lines and shipping, add up to those of the order."""
    items = order.items.all()
    if sum((item.discount_total for item in items), Decimal(0)) != order.discount_total:
        yield order_finding(order, "I6", f"has a discount of {order.discount_total}, which is not the sum of its lines")
    if sum((item.tax_total for item in items), tax_of_charges(order)) != order.tax_total:
        yield order_finding(
            order, "I6", f"has a tax of {order.tax_total}, which is not the sum of its lines and its shipping"
        )


def discount_codes() -> Iterator[AuditFinding]:
    """Check I21: a discount code has as many uses as there are orders with it that are not canceled."""
    for discount in discount_usage.miscounted_codes():
        yield AuditFinding(
            "I21", f"discount code {discount}", f"counts {discount.uses} uses, but {discount.live} orders use it"
        )


def attempts() -> Iterator[AuditFinding]:
    """Check I7, I8 and I11: attempts have the order's total, use a card of its payer and end with the order.

    The order's postal addresses belong to its payer too.
    """
    rows = Payment.objects.select_related("order")
    for payment in rows.exclude(amount=F("order__total"), currency=F("order__currency")):
        yield order_finding(
            payment.order, "I7", f"attempt {payment.number} was for {payment.amount} {payment.currency}"
        )
    for payment in rows.filter(status__in=Payment.OPEN).exclude(order__status__in=["placed", "canceling"]):
        yield order_finding(
            payment.order, "I8", f"is {payment.order.status}, but attempt {payment.number} is still open"
        )
    for payment in rows.filter(card__isnull=False).exclude(card__billing_profile=F("order__billing_profile")):
        yield order_finding(payment.order, "I11", f"attempt {payment.number} used another shopper's card")
    for name in ("shipping_address", "billing_address"):
        others = PLACED().exclude(**{name: None}).exclude(**{f"{name}__billing_profile": F("billing_profile")})
        for order in others:
            yield order_finding(order, "I11", "uses an address of another shopper")


def confirmations() -> Iterator[AuditFinding]:
    """Check I9: paid orders, and only those, have a confirmation, and each shipment has an email message."""
    kind = Mail.Kind.CONFIRMATION
    mail = Mail.objects.filter(order=OuterRef("pk"), kind=kind)
    for order in Order.objects.filter(~Exists(mail), status__in=Order.PAID_STATES):
        yield order_finding(order, "I9", "is paid, but has no confirmation email")
    for row in Mail.objects.filter(kind=kind).exclude(order__status__in=Order.PAID_STATES).select_related("order"):
        yield order_finding(row.order, "I9", f"is {row.order.status}, but has a confirmation email")
    yield from shipping_emails()


def refunds() -> Iterator[AuditFinding]:
    """Check I10: the refunded amount is the sum of the refunds, and fully refunded orders have that status."""
    moved = Q(payments__refunds__isnull=False) | ~Q(amount_refunded=0) | Q(status=Order.Status.REFUNDED)
    for order in PLACED().filter(moved).distinct().prefetch_related("payments__refunds"):
        rows = [row for payment in order.payments.all() for row in payment.refunds.all() if not row.is_mismatch]
        live = sum((row.amount for row in rows if row.status != Refund.Status.FAILED), Decimal(0))
        done = sum((row.amount for row in rows if row.status == Refund.Status.DONE), Decimal(0))
        if order.amount_refunded != live:
            yield order_finding(
                order, "I10", f"counts {order.amount_refunded} as refunded, but its refunds add up to {live}"
            )
        if (order.status == Order.Status.REFUNDED) != (done == order.total):
            yield order_finding(order, "I10", f"is {order.status}, with {done} of {order.total} refunded")
    yield from _unnamed_refunds()


def _unnamed_refunds() -> Iterator[AuditFinding]:
    """Check I10: pending and completed refunds have the id of their Stripe refund."""
    unnamed = Refund.objects.filter(status__in=[Refund.Status.PENDING, Refund.Status.DONE], stripe_id=None)
    for refund in unnamed.select_related("payment__order"):
        yield order_finding(
            refund.payment.order, "I10", f"refund {refund.pk} is {refund.status}, but has no Stripe refund"
        )


def histories() -> Iterator[AuditFinding]:
    """Check I14 and I15: every step left an event, and an order that was paid did not become unpaid."""
    for kind, orders in {
        OrderEvent.Kind.PLACED: PLACED(),
        OrderEvent.Kind.PAID: Order.objects.filter(status__in=Order.PAID_STATES),
        OrderEvent.Kind.CANCELED: Order.objects.filter(status=Order.Status.CANCELED),
        OrderEvent.Kind.SHIPPED: Order.objects.filter(status=Order.Status.SHIPPED),
        OrderEvent.Kind.ERASED: PLACED().filter(email=""),
    }.items():
        line = OrderEvent.objects.filter(order=OuterRef("pk"), kind=kind)
        for order in orders.filter(~Exists(line)):
            yield order_finding(order, "I14", f"is {order.status}, but its history has no event '{kind}'")
    was_paid = OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.PAID)
    for order in Order.objects.filter(Exists(was_paid)).exclude(status__in=Order.PAID_STATES):
        yield order_finding(order, "I15", f"was paid, but is {order.status}")


def carts() -> Iterator[AuditFinding]:
    """Check I16: an active cart has one owner, and the cart of a placed order is closed."""
    for cart in Cart.objects.filter(active=True, user=None, session_key=""):
        yield AuditFinding("I16", f"cart {cart}", "has no owner")
    for order in PLACED().filter(cart__active=True):
        yield order_finding(order, "I16", "is placed, but its cart is still open")


# I18: Stripe keys and possible card numbers in text fields.
KEY = r"((sk|rk)_(live|test)_|whsec_)[A-Za-z0-9]"


def secrets_in_texts() -> Iterator[AuditFinding]:
    """Check I18: no text field contains a card number or a Stripe key."""
    for model, fields in {
        OrderEvent: ["text"],
        Payment: ["message", "code"],
        Refund: ["reason", "message"],
        Dispute: ["reason"],
        StripeEvent: ["error"],
        Order: ["attention", "shipping_address_text", "billing_address_text", "buyer_note", "gift_message"],
    }.items():
        for field in fields:
            suspects = model._default_manager.filter(**{f"{field}__regex": f"{KEY}|{CARD_NUMBER}"})
            if model is OrderEvent:
                suspects = suspects.exclude(kind__in=OrderEvent.WITH_TRACKING)  # It can look like a card number.
            for pk, text in suspects.values_list("pk", field):
                if re.search(KEY, text) or has_card_number(text):
                    yield AuditFinding(
                        "I18", f"{model._meta.verbose_name} {pk}", f"'{field}' looks like a card number or a key"
                    )


def overdue_work() -> Iterator[AuditFinding]:
    """Check I19: nothing waits longer than reconcile needs. Otherwise reconcile is not running or fails."""
    late = timezone.now() - LATE
    for payment in Payment.objects.filter(status__in=Payment.OPEN, timestamp__lt=late).select_related("order"):
        if payment.order.status == Order.Status.PLACED and payment.status != Payment.Status.PROCESSING:
            yield order_finding(
                payment.order, "I19", f"attempt {payment.number} has been {payment.status} for more than an hour"
            )
    began = OrderEvent.objects.filter(order=OuterRef("pk"), kind=OrderEvent.Kind.CANCELING, at__gte=late)
    for order in Order.objects.filter(~Exists(began), status=Order.Status.CANCELING):
        yield order_finding(order, "I19", "has been in cancellation for more than an hour")
    unpaid = late - timedelta(minutes=settings.ORDER_HOLD_MINUTES)
    for order in Order.objects.filter(status=Order.Status.PLACED, placed_at__lt=unpaid):
        yield order_finding(order, "I19", "has been unpaid for too long and still reserves its items")
    for refund in Refund.objects.filter(status=Refund.Status.REQUESTED, timestamp__lt=late).select_related(
        "payment__order"
    ):
        yield order_finding(refund.payment.order, "I19", f"refund {refund.pk} was requested more than an hour ago")
    for event in StripeEvent.objects.filter(processed=None, received__lt=late):
        yield AuditFinding("I19", f"event {event.stripe_id}", "was never processed")
    for mail in Mail.objects.filter(sent=None, dropped=None, timestamp__lt=late).select_related("order"):
        yield order_finding(mail.order, "I19", f"email '{mail.kind}' has been waiting for more than an hour")


def erased_profiles() -> Iterator[AuditFinding]:
    """Check I19: erased profiles no longer have a customer at Stripe, unless a dispute is open."""
    late = timezone.now() - LATE
    for profile in profiles_with_customer_to_delete().filter(forgotten__lt=late):
        yield AuditFinding(
            "I19", f"profile {profile}", "was erased more than an hour ago, but still has a customer at Stripe"
        )


def cards() -> Iterator[AuditFinding]:
    """Check I23: a card that its shopper did not choose to save is removed with its order."""
    return unsaved_cards(timezone.now() - LATE)


CHECKS = [
    paid_orders, stock, reserved_stock, frozen_orders, attempts, confirmations, refunds, lost_disputes, histories,
    carts, discount_codes, secrets_in_texts, overdue_work, erased_profiles, cards, units, withdrawals,
]  # fmt: skip
__all__ = ["CHECKS", "AuditFinding", "audit"]
