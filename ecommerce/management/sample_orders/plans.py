"""What happens in each sample order: who buys what, when, and how it ends."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from orders.models import Order
from orders.numbers import ALPHABET

DAYS = 365
CODES = ("WELCOME10", "SPRING5")
OPEN, CANCELED, PAID, SHIPPED, PART_REFUNDED, REFUNDED = (
    "open", "canceled", "paid", "shipped", "part refunded", "refunded",
)  # fmt: skip
NEW_DAYS = 3  # Orders of these days are mostly not shipped yet.
REASONS = ("Broken on arrival", "Does not fit", "Ordered twice", "Arrived too late", "Missing part")


@dataclass(frozen=True)
class Plan:
    """An order before its rows exist. `items` has the position of each product and its quantity."""

    number: int
    order_id: str
    uuid: uuid.UUID
    customer: int
    items: tuple[tuple[int, int], ...]
    code: str
    outcome: str
    placed: datetime
    ended: datetime
    tracking: str
    reason: str
    needs_attention: bool
    is_restocked: bool

    @property
    def key(self) -> str:
        """The end of the ids of this order at Stripe."""
        return f"seed{self.number:08d}"

    @property
    def intent_id(self) -> str:
        return f"pi_{self.key}"

    @property
    def status(self) -> str:
        of_outcomes = {
            OPEN: Order.Status.OPEN, CANCELED: Order.Status.CANCELED, PAID: Order.Status.PAID,
            REFUNDED: Order.Status.REFUNDED,
        }  # fmt: skip
        return of_outcomes.get(self.outcome, Order.Status.SHIPPED)

    @property
    def is_shipped(self) -> bool:
        return self.outcome in (SHIPPED, PART_REFUNDED)


def order_id_of(number: int) -> str:
    """Return the number by which the shop knows the order with this number."""
    random = Random(f"order id {number}")  # noqa: S311 - the same each time
    return "".join(random.choice(ALPHABET) for _ in range(10))


def plan_of(number: int, customers: int, products: int, now: datetime) -> Plan:
    """Return the plan of the order with this number, for so many customers and products."""
    random = Random(f"order {number}")  # noqa: S311
    age = timedelta(minutes=1 + int(random.random() * DAYS * 24 * 60))
    picks = random.sample(range(products), min(products, random.choice((1, 1, 1, 2, 2, 3, 5))))
    outcome = _outcome(random, age)
    if outcome == OPEN:
        age /= 30  # Older carts are pruned.
    ended = age * random.uniform(0, 0.9) if age < timedelta(days=14) else age - timedelta(days=random.uniform(1, 12))
    return Plan(
        number=number,
        order_id=order_id_of(number),
        uuid=uuid.UUID(int=random.getrandbits(128), version=4),
        customer=_customer(random, customers),
        items=tuple((pick, random.choice((1, 1, 1, 2, 3))) for pick in picks),
        code=random.choice(CODES) if random.random() < 0.15 else "",
        outcome=outcome,
        placed=now - age,
        ended=now - ended,
        tracking=f"RM{random.randrange(10**9):09d}GB" if random.random() < 0.9 else "",
        reason=random.choice(REASONS),
        needs_attention=random.random() < 0.003,
        is_restocked=random.random() < 0.7,
    )


def _customer(random: Random, customers: int) -> int:
    """Return the number of a customer. Some order much more often than others."""
    return int(customers * random.random() ** 1.5)


def _outcome(random: Random, age: timedelta) -> str:
    chance = random.random()
    if chance < 0.02:
        return OPEN
    if chance < 0.10:
        return CANCELED
    if age < timedelta(days=NEW_DAYS):
        return PAID if chance < 0.9 else SHIPPED
    if chance < 0.18:
        return PART_REFUNDED
    return REFUNDED if chance < 0.25 else SHIPPED
