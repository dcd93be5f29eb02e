"""A busy shop on a bad day: workers die, one call to Stripe in ten fails; after one reconcile all is well."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from orders.models import Order
from stripe_simulator.faults import KINDS
from stripe_simulator.server import Simulator
from tests.makers import make_product
from tests.proofs import sums
from tests.proofs.child import Place
from tests.proofs.ledger import Ledger, scaled
from tests.proofs.recoveries import tidy_up
from tests.proofs.served import Person, Server, served

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
CHECKOUTS = scaled(quick=20, small=30, full=2_000)
WORKERS, SHOPPERS, SECONDS = 8, 12, 2.0
CARDS = ["tok_visa", "tok_visa", "tok_chargeCustomerFail", "tok_threeDSecure2Required"]
CARDS += ["tok_threeDSecureRequiredChargeDeclined"]
PATIENCE = 6  # looks at the order's page, and tries to enter a card


class Shopper:
    """Goes all the way, with whatever card and mood the dice give."""

    def __init__(self, number: int, port: int, simulator: Simulator, goods: list[int]) -> None:
        self.dice, self.simulator, self.goods = Random(number), simulator, goods  # noqa: S311
        self.person = Person(port)
        self.order = ""

    def shop(self) -> str:
        """How it ended, in a word."""
        self.person.add(self.dice.choice(self.goods), self.dice.randint(1, 3))
        self.person.give_details(f"guest{self.dice.randrange(1000)}@example.org")
        card = self.enter_card("/billing/payment-processing/", self.dice.choice(CARDS))
        form = self.person.pay_form() | {"card": card}
        self.order = form["order"]
        for _try in range(PATIENCE):
            if card and self.order:
                self.person.post("/cart/checkout/", form)
            if (now := self.look()) != "nothing":
                return self.go_on(now)
        return "left"

    def enter_card(self, path: str, token: str) -> str:
        """The card's number here; empty if it was refused or could not be checked."""
        for _try in range(PATIENCE):
            answer = self.person.post(path, {"token": token})
            if answer.status == 200:
                return str(answer.json["card"])
        return ""

    def look(self) -> str:
        """What the order's page is about."""
        answer = self.person.get(f"/orders/{self.order}/status/") if self.order else None
        return str(answer.json["situation"]) if answer and answer.status == 200 else "nothing"

    def go_on(self, now: str) -> str:
        """Do what the page says, or something else, until it is paid or patience ends."""
        for _look in range(PATIENCE):
            if now in ("paid", "canceled") or self.dice.random() < 0.05:
                break
            if self.dice.random() < 0.05:
                self.person.post(f"/orders/{self.order}/cancel/")
            elif now == "action":
                self.answer_bank()
            elif now in ("declined", "unpaid"):
                card = self.enter_card(f"/orders/{self.order}/card/", "tok_visa")
                self.person.post(f"/orders/{self.order}/pay/", {"card": card})
            now = self.look()
        return now

    def answer_bank(self) -> None:
        """Mostly as the owner of the card."""
        intent = Order.objects.values_list("payment_intent_id", flat=True).get(order_id=self.order)
        found = self.simulator.store.find("payment_intent", str(intent)) or {}
        if found.get("status") == "requires_action":
            self.simulator.act(str(intent), succeed=self.dice.random() < 0.8)


@contextmanager
def killing(server: Server) -> Iterator[list[int]]:
    """Every two seconds a worker dies; a list of as many numbers as died."""
    is_over, dice = threading.Event(), Random(1)  # noqa: S311
    killed: list[int] = []

    def run() -> None:
        while not is_over.wait(SECONDS):
            killed.extend([1] * server.kill_one(dice))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield killed
    finally:
        is_over.set()
        thread.join()


def shop_all(server: Server, simulator: Simulator, goods: list[int]) -> list[Any]:
    """So many shoppers, a dozen at a time; how it ended for each, or what it met."""

    def one(number: int) -> Any:
        try:
            return Shopper(number, server.port, simulator, goods).shop()
        except Exception as error:  # for the ledger to judge
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(SHOPPERS) as pool:
        return list(pool.map(one, range(CHECKOUTS)))


def test_shop_is_whole_after_a_soak(simulator: Simulator, place: Place, ledger: Ledger, tmp_path: Path) -> None:
    ledger.name = f"Soak: {WORKERS} workers, killed and failing"
    counted = [make_product(stock=CHECKOUTS // 3) for _product in range(4)]
    goods = [product.pk for product in [*counted, make_product(stock=None)]]
    with served(tmp_path, simulator, WORKERS, threads=2) as server, killing(server) as killed:
        simulator.storm(0.1, sorted(KINDS - {"delay"}), seed=7)
        ends = shop_all(server, simulator, goods)
    simulator.clear_faults()
    tidy_up(minutes=10)
    ledger.tried(times=len(ends))
    for error in (end for end in ends if isinstance(end, Exception)):
        ledger.expect(False, "server_errors", repr(error))
    ledger.expect(len(killed) > 1, "unexplained", "no worker was killed")
    ledger.expect(ends.count("paid") > CHECKOUTS // 3, "lost_orders", f"only {ends.count('paid')} were paid")
    for text in sums.charged_twice(simulator):
        ledger.expect(False, "double_charges", text)
    for text in (*sums.wrong_charges(simulator, {}), *sums.wrong_stock({row.pk: CHECKOUTS // 3 for row in counted})):
        ledger.expect(False, "unexplained", text)
    ledger.check_books(simulator)
    said = StringIO()
    call_command("audit", stdout=said)
    assert "No audit findings" in said.getvalue()
