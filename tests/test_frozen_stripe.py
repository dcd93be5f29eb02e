"""Test of a whole process while Stripe is frozen: it accepts connections and answers nothing."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from billing import gateway
from billing.stripe_calls import time_limits
from orders.bookkeeping.audit import audit
from orders.models import Order
from products.models import Product
from tests.makers import make_product
from tests.proofs.hostile_client import Response
from tests.proofs.production_server import RetryingVisitor, Server, running_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
THREADS, PAYERS = 8, 12
PAGE_SECONDS, PAYMENT_SECONDS = 1.0, 20.0
NOT_NOW = "Payment is not possible right now. Nothing was charged"
SIMULATOR = """
import signal
from stripe_simulator.server import Simulator
simulator = Simulator()
simulator.start()
print(simulator.url, flush=True)
signal.pause()
"""


@dataclass
class StripeProcess:
    """A simulator in a process of its own, which can be frozen."""

    url: str
    pid: int

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture
def stripe_process(settings: Any) -> Iterator[StripeProcess]:
    command = [sys.executable, "-c", SIMULATOR]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=django_settings.BASE_DIR) as process:
        assert process.stdout
        settings.STRIPE_API_BASE = process.stdout.readline().strip()
        yield StripeProcess(settings.STRIPE_API_BASE, process.pid)
        process.kill()


@dataclass
class Payer:
    """A shopper at the last step of the checkout."""

    visitor: RetryingVisitor
    form: dict[str, str]

    def place(self) -> tuple[float, Response]:
        """Press Place order. Return the seconds that it took, and the page that follows."""
        began = time.monotonic()
        response = self.visitor.post("/cart/checkout/", self.form)
        return time.monotonic() - began, self.visitor.get(response.location)

    def pay_until_paid(self) -> None:
        """Press Pay again until the order is paid."""
        path, deadline = f"/orders/{self.form['order']}/", time.monotonic() + 60
        while self.visitor.post(f"{path}pay/", {"card": self.form["card"]}).location != "/cart/success/":
            assert time.monotonic() < deadline


def make_payer(server: Server, mug: Product) -> Payer:
    visitor = RetryingVisitor(server.port)
    visitor.add(mug.pk)
    visitor.submit_details()
    return Payer(visitor, visitor.pay_form() | {"card": str(visitor.add_card())})


def slowest_page(visitor: RetryingVisitor, pending: list[Future[Any]]) -> float:
    """Request the catalog and the cart until nothing is pending, at least ten times. Return the longest time."""
    taken: list[float] = []
    while len(taken) < 20 or not all(one.done() for one in pending):
        for path in ("/products/", "/cart/"):
            began = time.monotonic()
            assert visitor.get(path).status == 200
            taken.append(time.monotonic() - began)
    return max(taken)


def test_frozen_stripe_stops_payments_and_nothing_else(stripe_process: StripeProcess, tmp_path: Path) -> None:
    mug = make_product(title="Cold mug", stock=None)
    simulator: Any = stripe_process
    with running_server(tmp_path, simulator, 1, THREADS) as server, ThreadPoolExecutor(PAYERS) as pool:
        payers = [make_payer(server, mug) for _payer in range(PAYERS)]
        visitor = RetryingVisitor(server.port)
        visitor.add(mug.pk)
        usual = slowest_page(visitor, [])
        stripe_process.freeze()
        presses = [pool.submit(payer.place) for payer in payers]
        assert slowest_page(visitor, presses) < PAGE_SECONDS + usual
        for seconds, page in (press.result() for press in presses):
            assert seconds < PAYMENT_SECONDS
            assert NOT_NOW in page.visible_text
        assert set(Order.objects.placed().values_list("status", "payments")) == {(Order.Status.PLACED, None)}
        stripe_process.thaw()
        list(pool.map(Payer.pay_until_paid, payers))
    orders = Order.objects.placed()
    assert Counter(order.status for order in orders) == {Order.Status.PAID: PAYERS}
    with time_limits.long_timeouts():
        charged = Counter(intent.order_uuid for intent in gateway.list_intents(since=mug.timestamp) if intent.received)
        assert charged == {str(order.uuid): 1 for order in orders}
        assert audit() == []
