"""What the shoppers of a drill may have seen, and what must be true of orders and charges afterwards."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import requests

from tests.drill.installation import Installation
from tests.drill.shoppers import NO_RESPONSE, Answer, Record

GRACE = 6.0  # seconds in which a part that is back answers again
CATALOG_SECONDS = 1.0


@dataclass(frozen=True)
class Disturbance:
    """What was done to a part, from `began` to `ended`, in seconds of the drill's clock."""

    kind: str
    part: str
    began: float
    ended: float

    def meets(self, answer: Answer) -> bool:
        """Return whether the request was open during this disturbance or the grace after it."""
        return answer.began <= self.ended + GRACE and answer.ended >= self.began


def allows(disturbance: Disturbance, answer: Answer) -> bool:
    """Return whether this disturbance excuses a response of 503, or none at all."""
    if not disturbance.meets(answer):
        return False
    if disturbance.part == "nginx":
        return True
    if answer.status == NO_RESPONSE:
        return False
    if disturbance.part == "PostgreSQL":
        return True
    if disturbance.kind == "lock":
        return answer.method == "POST"
    return disturbance.kind == "kill" and disturbance.part.startswith("web") and answer.method == "POST"


def unexcused(record: Record, disturbances: list[Disturbance]) -> Iterator[str]:
    """Yield a sentence for each response that nothing excuses. Those of one page within ten seconds are the same."""
    for answer in record.answers:
        if answer.status not in (NO_RESPONSE, 503) and answer.status < 500:
            continue
        pages = answer.path.split("/")[1] or "home"
        text = f"{answer.method} {pages} after {answer.began // 10 * 10:.0f} s: {answer.status or 'no response'}"
        if answer.status not in (NO_RESPONSE, 503):
            yield text
        elif answer.status == 503 and not answer.retry_after:
            yield f"{text} without Retry-After"
        elif not any(allows(disturbance, answer) for disturbance in disturbances):
            yield text


def slow_pages(record: Record, disturbances: list[Disturbance]) -> Iterator[str]:
    """Yield a sentence for each page of the catalog that took long while Stripe or Redis was frozen."""
    frozen = [d for d in disturbances if d.kind == "freeze" and d.part in ("simulator", "Redis")]
    for answer in record.answers:
        if answer.is_catalog and answer.seconds > CATALOG_SECONDS:
            for disturbance in frozen:
                if disturbance.began <= answer.began and answer.ended <= disturbance.ended:
                    yield f"{answer.path} took {answer.seconds:.1f} s while {disturbance.part} was frozen"


def lost_orders(installation: Installation, record: Record) -> list[str]:
    """Return the orders that a page called paid and that are not paid, and those that are gone."""
    with psycopg.connect(installation.database) as connection:
        states = dict(connection.execute("SELECT order_id, status FROM orders_order").fetchall())
    gone = [order for order in record.placed if order not in states]
    return gone + [order for order in record.paid if states.get(order) not in ("paid", "shipped", "refunded")]


def double_charges(installation: Installation) -> list[str]:
    """Return the orders with more than one succeeded charge at Stripe."""
    headers = {"Authorization": f"Bearer {installation.shop.variables['STRIPE_SECRET_KEY']}"}
    counts: Counter[str] = Counter()
    after: dict[str, str] = {}
    while True:
        url, limit = f"{installation.simulator}/v1/payment_intents", {"limit": "100"}
        page = requests.get(url, params=limit | after, headers=headers, timeout=30).json()
        counts.update(row["metadata"]["order_id"] for row in page["data"] if row["status"] == "succeeded")
        if not page["has_more"]:
            return [order for order, number in counts.items() if number > 1]
        after = {"starting_after": page["data"][-1]["id"]}


def unsent_confirmations(installation: Installation) -> int:
    """Return how many paid orders have no confirmation that was sent."""
    query = """
        SELECT count(*) FROM orders_order o WHERE o.status = 'paid' AND NOT EXISTS (
            SELECT 1 FROM orders_mail m WHERE m.order_id = o.id AND m.kind = 'confirmation' AND m.sent IS NOT NULL)
    """
    with psycopg.connect(installation.database) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
