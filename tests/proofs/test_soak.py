"""Proof under load: workers are killed and one call to Stripe in ten fails. One reconcile repairs everything."""

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

from core.emails import outbox
from orders.models import Order
from stripe_simulator.faults import KINDS
from stripe_simulator.server import Simulator
from tests.makers import make_product
from tests.proofs import totals
from tests.proofs.processes import ChildEnvironment
from tests.proofs.production_server import RetryingVisitor, Server, running_server
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.recovery import age_and_reconcile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
CHECKOUTS = scaled(quick=20, small=30, full=2_000)
WORKERS, SHOPPERS = 8, 12
SECONDS = scaled(quick=2, small=4, full=20) / 10  # between two kills
CARDS = ["tok_visa", "tok_visa", "tok_chargeCustomerFail", "tok_threeDSecure2Required"]
CARDS += ["tok_threeDSecureRequiredChargeDeclined"]
PATIENCE = 20  # number of views of the order's page, and of attempts to enter a card


class Shopper:
    """A shopper who buys with a random card and makes random choices."""

    def __init__(self, number: int, port: int, simulator: Simulator, product_ids: list[int]) -> None:
        self.random, self.simulator, self.product_ids = Random(number), simulator, product_ids  # noqa: S311
        self.person = RetryingVisitor(port)
        self.order = ""

    def shop(self) -> str:
        """Place and pay for an order. Return the final payment state, "nothing" or "left"."""
        self.person.add(self.random.choice(self.product_ids), self.random.randint(1, 3))
        self.person.submit_details(f"guest{self.random.randrange(1000)}@example.org")
        card = self.enter_card("/billing/payment-processing/", self.random.choice(CARDS))
        form = self.person.pay_form() | {"card": card}
        self.order = form["order"]
        for _try in range(PATIENCE):
            if card and self.order:
                self.person.post("/cart/checkout/", form)
            if (situation := self.look()) != "nothing":
                return self.go_on(situation)
        return "left"

    def enter_card(self, path: str, token: str) -> str:
        """Return the id of the saved card, or an empty string if it was rejected or could not be checked."""
        for _try in range(PATIENCE):
            response = self.person.post(path, {"token": token})
            if response.status == 200:
                return str(response.json["card"])
        return ""

    def look(self) -> str:
        """Return the payment state on the order's page, or "nothing" if there is no page."""
        response = self.person.get(f"/orders/{self.order}/status/") if self.order else None
        return str(response.json["situation"]) if response and response.status == 200 else "nothing"

    def go_on(self, situation: str) -> str:
        """Follow the page until the order is paid or canceled. Return the final situation.

        Sometimes leave or cancel the order. Stop after PATIENCE page views.
        """
        for _view in range(PATIENCE):
            if situation in ("paid", "canceled") or self.random.random() < 0.05:
                break
            if self.random.random() < 0.05:
                self.person.post(f"/orders/{self.order}/cancel/")
            elif situation == "action":
                self.complete_3d_secure()
            elif situation in ("declined", "unpaid"):
                card = self.enter_card(f"/orders/{self.order}/card/", "tok_visa")
                self.person.post(f"/orders/{self.order}/pay/", {"card": card})
            situation = self.look()
        return situation

    def complete_3d_secure(self) -> None:
        """Complete the bank's dialog, successfully in four of five cases."""
        intent = Order.objects.values_list("payment_intent_id", flat=True).get(order_id=self.order)
        found = self.simulator.store.find("payment_intent", str(intent)) or {}
        if found.get("status") == "requires_action":
            self.simulator.complete_3d_secure(str(intent), succeed=self.random.random() < 0.8)


@contextmanager
def killing(server: Server) -> Iterator[list[int]]:
    """Kill a worker every SECONDS, or later if the server answers slowly. Yield a list with one item per killed worker.

    On a busy machine, a server whose workers are killed faster than they start would answer nothing.
    """
    is_over, random = threading.Event(), Random(1)  # noqa: S311
    killed: list[int] = []

    def run() -> None:
        answered = RetryingVisitor.answered
        while not is_over.wait(SECONDS):
            if RetryingVisitor.answered >= answered + 2 * WORKERS:
                killed.extend([1] * server.kill_one(random))
                answered = RetryingVisitor.answered

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield killed
    finally:
        is_over.set()
        thread.join()


def shop_all(server: Server, simulator: Simulator, product_ids: list[int]) -> list[Any]:
    """Run all shoppers, a dozen at a time. Return the final situation or the exception of each."""

    def one(number: int) -> Any:
        try:
            return Shopper(number, server.port, simulator, product_ids).shop()
        except Exception as error:  # the test records it in the report
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(SHOPPERS) as pool:
        return list(pool.map(one, range(CHECKOUTS)))


def test_shop_is_consistent_after_soak(
    simulator: Simulator, place: ChildEnvironment, report: ProofReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each killed worker can leave an email. One reconcile must send all of them, however slow this machine is.
    monkeypatch.setattr(outbox, "MAX_SEND_SECONDS", 3600.0)
    report.name = f"Soak: {WORKERS} workers, killed and failing"
    counted = [make_product(stock=CHECKOUTS // 3) for _product in range(4)]
    product_ids = [product.pk for product in [*counted, make_product(stock=None)]]
    with running_server(tmp_path, simulator, WORKERS, threads=2) as server, killing(server) as killed:
        simulator.add_random_faults(0.1, sorted(KINDS - {"delay"}), seed=7)
        outcomes = shop_all(server, simulator, product_ids)
    simulator.clear_faults()
    age_and_reconcile(minutes=10)
    report.count_try(times=len(outcomes))
    for error in (outcome for outcome in outcomes if isinstance(outcome, Exception)):
        report.expect(False, "server_errors", repr(error))
    report.expect(len(killed) > 1, "unexplained", "no worker was killed")
    report.expect(outcomes.count("paid") > CHECKOUTS // 3, "lost_orders", f"only {outcomes.count('paid')} were paid")
    for text in totals.charged_twice(simulator):
        report.expect(False, "double_charges", text)
    for text in (
        *totals.wrong_charges(simulator, {}),
        *totals.wrong_stock({row.pk: CHECKOUTS // 3 for row in counted}),
    ):
        report.expect(False, "unexplained", text)
    report.check_consistency(simulator)
    output = StringIO()
    call_command("audit", stdout=output)
    assert "No audit findings" in output.getvalue()
