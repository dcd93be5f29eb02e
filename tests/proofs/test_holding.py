"""Proof that nobody keeps the shop's goods from others without paying for them.

An attacker with eight IP addresses, and any number of sessions, guests and accounts, places orders for an hour and
never pays: each order waits for the bank's check, is canceled and placed again, or expires. No limit on card attempts
is in force. Honest shoppers from other IP addresses buy meanwhile.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, pairwise

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, holds
from products.models import Product
from stripe_simulator.server import Simulator
from tests.guests import pass_hours
from tests.makers import add_card, add_to_cart, make_product, make_user, place_order, submit_details
from tests.proofs.proof_report import ProofReport, scaled

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ADDRESSES = [f"192.0.2.{number}" for number in range(1, 9)]
BANK_CHECK = "tok_threeDSecure2Required"
MINUTES = scaled(quick=20, small=5, full=2)  # between two turns of the attacker
STOCK, MOST = 100, 10
_numbers = count(1)


def order(client: Client, product: Product, quantity: int, token: str = BANK_CHECK) -> Order | None:
    """Place an order through the pages. Return it unless the shop rejected it."""
    last = Order.objects.placed().values_list("pk", flat=True).order_by("-pk").first() or 0
    add_to_cart(client, product, quantity)
    submit_details(client, f"guest{next(_numbers)}@example.org")
    place_order(client, add_card(client, token).json().get("card", ""))
    return Order.objects.placed().filter(pk__gt=last).first()


def settle(client: Client, simulator: Simulator, placed: Order | None) -> str:
    """Pass the bank's check of this order. Return its payment state on its page."""
    if placed is None:
        return "rejected"
    if placed.status == Order.Status.PLACED:
        simulator.complete_3d_secure(str(placed.payment_intent_id), succeed=True)
    return str(client.get(placed.get_absolute_url()).context["payment_state"])


def held_units(product: Product) -> int:
    """Return the units that are reserved, but neither paid nor in stock."""
    moved = -sum(product.movements.exclude(order="").values_list("amount", flat=True))
    paid = Order.objects.filter(status=Order.Status.PAID, items__product=product)
    return moved - sum(paid.values_list("items__quantity", flat=True))


@dataclass
class Attacker:
    """Places orders from one IP address as fast as time passes, and never pays."""

    ip: str
    product: Product
    dice: random.Random
    clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        """Return a browser that was used before, that of another guest, or that of another account."""
        if self.clients and self.dice.random() < 0.3:
            return self.dice.choice(self.clients)
        self.clients.append(Client(REMOTE_ADDR=self.ip))
        if self.dice.random() < 0.2:
            self.clients[-1].force_login(make_user(f"user{next(_numbers)}@example.org"))
        return self.clients[-1]

    def move(self, quantities: list[int]) -> None:
        """Place an order. Sometimes cancel it to place it again."""
        client = self.client()
        placed = order(client, self.product, self.dice.choice(quantities))
        if placed and self.dice.random() < 0.3:
            client.post(reverse("orders:cancel", args=[placed.order_id]))


def turns(patch: pytest.MonkeyPatch, minutes: int) -> Iterator[int]:
    """Yield the number of each turn. Time passes between them, and unpaid orders expire."""
    for turn in range(minutes // MINUTES):
        yield turn
        pass_hours(patch, MINUTES / 60)
        reconcile()


def buy_as_honest(simulator: Simulator, product: Product, most: int, attackers: list[Attacker]) -> str:
    """Buy what is in stock, at most `most`, with a card that needs the bank's check. Meanwhile the attackers go on.

    Return what became of it. Staff restock the units.
    """
    client = Client(REMOTE_ADDR=f"198.51.100.{next(_numbers) % 250}")
    quantity = min(Product.objects.get(pk=product.pk).stock or 0, most)
    placed = order(client, product, quantity)
    for attacker in attackers:
        attacker.move([1, 5, 10])
    outcome = settle(client, simulator, placed)
    if outcome == "paid" and placed:
        assert placed.items.get().quantity == quantity
        assert Product.objects.get(pk=product.pk).adjust_stock(quantity, by="staff")
    return outcome


def test_attacker_with_eight_addresses_holds_a_tenth_and_rejects_nobody(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.name = "Holding: eight addresses for an hour"
    product, dice = make_product(stock=STOCK), random.Random(1)  # noqa: S311 - no secret
    attackers = [Attacker(ip, product, dice) for ip in ADDRESSES]
    most = 0
    for turn in turns(monkeypatch, 60):
        for attacker in attackers:
            attacker.move([1, 1, 1, 2, 3, 10, 99])
            report.count_try()
            most = max(most, held_units(product))
        for quantity, others in ((2, attackers[:2]), (80, attackers[:2]), (99, [])):
            outcome = buy_as_honest(simulator, product, quantity, others)
            report.expect(outcome == "paid", "lost_orders", f"turn {turn}: at most {quantity} units: {outcome}")
            most = max(most, held_units(product))
    report.expect(0 < most <= MOST, "unexplained", f"{most} of {STOCK} units were held")
    pass_hours(monkeypatch, 1)
    reconcile()
    left = Product.objects.get(pk=product.pk).stock or 0
    report.expect(left == STOCK, "unexplained", f"{left} units are in stock, {held_units(product)} are held")
    report.check_consistency(simulator)
    monkeypatch.setattr(holds, "_is_within_limits", lambda *args: True)
    order(Client(REMOTE_ADDR=ADDRESSES[0]), product, 99)
    report.record_control("limits on unpaid orders", held_units(product) > MOST)


@pytest.mark.parametrize("is_one_visitor", [False, True])
def test_last_unit_is_held_once_an_hour_by_each_address_and_visitor(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch, is_one_visitor: bool
) -> None:
    report.name = f"Holding: the last unit, {'one visitor' if is_one_visitor else 'eight addresses'}"
    product, starts = make_product(stock=1), dict[str, list[datetime]]()
    browser = Client()
    for turn in turns(monkeypatch, scaled(quick=80, small=120, full=120)):
        for ip in ADDRESSES:
            browser = browser if is_one_visitor else Client()
            browser.defaults["REMOTE_ADDR"] = ip
            placed = order(browser, product, 1)
            report.count_try()
            if placed and Product.objects.get(pk=product.pk).stock == 0:
                starts.setdefault("visitor" if is_one_visitor else ip, []).append(timezone.now())
            if placed and placed.is_payable:
                browser.post(reverse("orders:cancel", args=[placed.order_id]))
        outcome = buy_as_honest(simulator, product, 1, [])
        report.expect(outcome == "paid", "lost_orders", f"turn {turn}: the last unit: {outcome}")
    for who, times in starts.items():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        report.expect(not gaps or min(gaps) >= timedelta(hours=1), "unexplained", f"{who} held it at {times}")
    report.expect(bool(starts), "unexplained", "nobody held the last unit")
    report.check_consistency(simulator)


def test_shoppers_of_one_office_and_undecided_shoppers_are_never_rejected(
    simulator: Simulator, report: ProofReport
) -> None:
    report.name = "Holding: honest shoppers"
    product = make_product(stock=STOCK)
    for _shopper in range(scaled(quick=4, small=20, full=40)):
        client = Client(REMOTE_ADDR="203.0.113.1")
        outcome = settle(client, simulator, order(client, product, 2))
        report.count_try()
        report.expect(outcome == "paid", "lost_orders", f"an order of two units from the office: {outcome}")
    client = Client(REMOTE_ADDR="203.0.113.2")
    for quantity in (3, 2, 1, 4, 5):
        placed = order(client, product, quantity)
        report.expect(placed is not None, "lost_orders", "an order that was placed again")
        if placed:
            client.post(reverse("orders:cancel", args=[placed.order_id]))
    last = order(client, product, 1, "tok_chargeCustomerFail")
    assert last
    card = add_card(client, order=last.order_id).json()["card"]
    client.post(reverse("orders:pay", args=[last.order_id]), {"card": card})
    last.refresh_from_db()
    report.expect(last.is_paid, "lost_orders", f"paid with another card after a decline: {last.status}")
    report.check_consistency(simulator)
