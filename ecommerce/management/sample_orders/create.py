"""Creates the sample customers and orders that are missing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F, Model
from django.utils import timezone

from accounts.models import User
from addresses.models import Address
from billing.models import BillingProfile, Card
from carts.models import Cart, CartItem
from carts.models.rates import Discount, TaxRate
from carts.pricing.rules import PricingRules
from ecommerce.management.sample_orders import people, plans
from ecommerce.management.sample_orders.follow_ups import past_payment, store_follow_ups
from ecommerce.management.sample_orders.placed import Sample, Shop, placed_samples
from orders.models import Mail, Order, OrderEvent, OrderItem, OrderWords, Payment, Refund
from products.models import Product, StockMovement
from stripe_simulator.history import History
from stripe_simulator.store import Store

CHUNK = 500
DATED = (
    BillingProfile, Address, Card, Cart, Order, Payment, Refund, OrderEvent, Mail, StockMovement, User,
)  # fmt: skip
TAXES = (("VAT", "GB", "20"), ("MwSt.", "DE", "19"), ("TVA", "FR", "20"))


@contextmanager
def _own_times() -> Iterator[None]:
    """Store the times that rows have. Django would set these columns to the time at which the row is stored."""
    names = ("auto_now", "auto_now_add")
    fields = [(field, name) for model in DATED for field in model._meta.fields for name in names]
    switched = [(field, name) for field, name in fields if getattr(field, name, False)]
    for field, name in switched:
        setattr(field, name, False)
    try:
        yield
    finally:
        for field, name in switched:
            setattr(field, name, True)


def create_customers(wanted: int, store: Store) -> int:
    """Add the customers that are missing until there are so many, and return how many were added."""
    known = {row.customer.number for row in people.stored_customers(range(wanted)).values()}
    numbers = [number for number in range(wanted) if number not in known]
    now, history = timezone.now(), History(store)
    with _own_times():
        for first in range(0, len(numbers), CHUNK):
            customers = [people.customer_of(number) for number in numbers[first : first + CHUNK]]
            with transaction.atomic(), store.transaction():
                people.store_customers(customers, now)
                for row in customers:
                    history.add_customer(row.customer_id, row.email, int(now.timestamp()), row.past_card)
    return len(numbers)


def create_orders(wanted: int, customers: int, store: Store) -> int:
    """Add the orders that are missing until there are so many, and return how many were added."""
    ids = {plans.order_id_of(number): number for number in range(wanted)}
    known = set(Order.objects.values_list("order_id", flat=True))
    numbers = [number for order_id, number in ids.items() if order_id not in known]
    buyers, shop, now = people.stored_customers(range(customers)), _shop(), timezone.now()
    with _own_times():
        for first in range(0, len(numbers), CHUNK):
            chunk = [
                plans.plan_of(number, customers, len(shop.products), now) for number in numbers[first : first + CHUNK]
            ]
            _create_chunk(chunk, buyers, shop, store)
    if numbers:
        _refresh_statistics()
    return len(numbers)


def _create_chunk(chunk: list[plans.Plan], buyers: dict[int, people.StoredCustomer], shop: Shop, store: Store) -> None:
    """Store orders here and at the simulator, which commits first: what only it knows is ignored."""
    history = History(store)
    with transaction.atomic(), store.transaction():
        samples = placed_samples(chunk, buyers, shop)
        placed = [sample for sample in samples if sample.plan.outcome != plans.OPEN]
        store_follow_ups(placed)
        _count_codes(placed)
        for sample in placed:
            history.add_payment(past_payment(sample))


def _count_codes(samples: list[Sample]) -> None:
    live = (sample.order.discount_id for sample in samples if sample.plan.outcome != plans.CANCELED)
    for pk, uses in Counter(pk for pk in live if pk).items():
        Discount.objects.filter(pk=pk).update(uses=F("uses") + uses)


def _shop() -> Shop:
    """Return what the orders need. Add the discount codes, and tax rates if the shop has none."""
    if not TaxRate.objects.exists():
        for title, country, percent in TAXES:
            TaxRate.objects.create(title=title, country=country, percent=Decimal(percent))
    values = {"WELCOME10": (Discount.Kind.PERCENT, 10), "SPRING5": (Discount.Kind.AMOUNT, 5)}
    codes = {
        code: Discount.objects.get_or_create(code=code, defaults={"kind": kind, "value": Decimal(value)})[0]
        for code, (kind, value) in values.items()
    }
    products = Product.objects.active().without_words().defer("description").order_by("pk")
    return Shop(list(products), PricingRules.from_database(), codes)


def has_products() -> bool:
    return Product.objects.active().exists()


def _refresh_statistics() -> None:
    """Let the planner know how many rows there are now."""
    models: list[type[Model]] = [*DATED, OrderItem, OrderWords, CartItem]
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def real_orders() -> int:
    """Return the number of placed orders that are not samples."""
    return Order.objects.placed().exclude(payment_intent_id__startswith="pi_seed").count()
