"""The rows of sample orders as placing freezes them, with the prices and rules of now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from carts.models import Cart, CartItem
from carts.models.rates import Discount
from carts.pricing.agreement import format_address
from carts.pricing.quotes import Destination, Quote, quote
from carts.pricing.rules import PricingRules
from ecommerce.management.sample_orders.people import StoredCustomer
from ecommerce.management.sample_orders.plans import CANCELED, OPEN, Plan
from orders.bookkeeping.checksum import checksum_of
from orders.models import Order, OrderItem, OrderWords, Payment, Refund, Shipment
from orders.models.columns import FROM_QUOTE
from orders.search.words import words_of_order
from products.models import Product


@dataclass
class Sample:
    """A sample order with its rows. Those that follow placing are added later."""

    plan: Plan
    buyer: StoredCustomer
    quote: Quote
    order: Order
    items: list[OrderItem] = field(default_factory=list)
    payment: Payment | None = None
    shipment: Shipment | None = None
    refund: Refund | None = None

    @property
    def tracking(self) -> list[str]:
        """The tracking numbers of the order."""
        return [self.plan.tracking] if self.plan.is_shipped else []


@dataclass(frozen=True)
class Shop:
    """What all sample orders need: the products on sale, the rules of pricing and the discount codes."""

    products: Sequence[Product]
    rules: PricingRules
    codes: dict[str, Discount]


def placed_samples(plans: Iterable[Plan], buyers: dict[int, StoredCustomer], shop: Shop) -> list[Sample]:
    """Store the orders of these plans with their lines, checksums and words, or with their carts if they are open."""
    samples = [_new_sample(plan, buyers[plan.customer], shop) for plan in plans]
    _store_carts([sample for sample in samples if sample.plan.outcome == OPEN])
    orders = Order.objects.bulk_create(sample.order for sample in samples)
    for sample, order in zip(samples, orders, strict=True):
        sample.order = order
    placed = [sample for sample in samples if sample.plan.outcome != OPEN]
    for sample in placed:
        sample.items = _lines(sample)
        sample.order.checksum = checksum_of(sample.order, items=sample.items)
    OrderItem.objects.bulk_create(item for sample in placed for item in sample.items)
    Order.objects.bulk_update([sample.order for sample in placed], ["checksum"])
    OrderWords.objects.bulk_create(
        OrderWords(order=row.order, words=words_of_order(row.order, row.items, row.tracking)) for row in placed
    )
    return samples


def _new_sample(plan: Plan, buyer: StoredCustomer, shop: Shop) -> Sample:
    address = buyer.customer.address
    lines = [CartItem(product=shop.products[position], quantity=quantity) for position, quantity in plan.items]
    place = Destination(address["country"], address["state"])
    priced = quote(lines, place, None, shop.codes.get(plan.code), shop.rules)
    if priced.amount_problem:  # too little or too much for a charge
        lines = [CartItem(product=max(shop.products, key=lambda product: product.price), quantity=1)]
        priced = quote(lines, place, rules=shop.rules)
    return Sample(plan, buyer, priced, _new_order(plan, buyer, priced))


def _new_order(plan: Plan, buyer: StoredCustomer, priced: Quote) -> Order:
    order = Order(
        order_id=plan.order_id, uuid=plan.uuid, billing_profile=buyer.profile, email=buyer.profile.email,
        language=buyer.customer.country.language, shipping_address=buyer.address, billing_address=buyer.address,
        subtotal=priced.subtotal, total=priced.subtotal, currency=settings.CURRENCY, status=plan.status,
        timestamp=plan.placed, updated=plan.placed,
    )  # fmt: skip
    if plan.outcome == OPEN:
        return order
    for name in FROM_QUOTE:
        setattr(order, name, getattr(priced, name))
    order.shipping_address_text = format_address(buyer.address, order.language)
    order.billing_address_text = order.shipping_address_text
    order.placed_at, order.active = plan.placed, plan.outcome != CANCELED
    order.payment_intent_id, order.updated = plan.intent_id, plan.ended
    if plan.outcome != CANCELED:
        order.paid_at = plan.placed
    if plan.is_shipped:
        order.shipped_at = plan.ended
    if plan.needs_attention and order.paid_at:
        order.attention = "Sample: the bank asked about this payment"
    return order


def _lines(sample: Sample) -> list[OrderItem]:
    priced = sample.quote
    return [
        OrderItem(
            order=sample.order, product=line.product, sku=line.product.sku, title=line.product.title,
            unit_price=line.product.price, quantity=line.quantity, discount_total=amounts.discount,
            tax_rate=priced.tax_rate, tax_total=amounts.tax, total=line.total,
        )
        for line, amounts in zip(priced.lines, priced.line_amounts, strict=True)
    ]  # fmt: skip


def _store_carts(samples: list[Sample]) -> None:
    """Store the carts of open orders, as those of visitors without an account."""
    carts = Cart.objects.bulk_create(
        Cart(
            billing_profile=sample.buyer.profile, session_key=sample.plan.key, subtotal=sample.quote.subtotal,
            total=sample.quote.subtotal, country=sample.buyer.customer.country.code, timestamp=sample.plan.placed,
            updated=sample.plan.placed,
        )
        for sample in samples
    )  # fmt: skip
    for sample, cart in zip(samples, carts, strict=True):
        sample.order.cart = cart
        for line in sample.quote.lines:
            line.cart, line.seen_price = cart, line.product.price
    CartItem.objects.bulk_create(line for sample in samples for line in sample.quote.lines)
