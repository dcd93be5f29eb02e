"""Proof with a slow Stripe: every call takes 40 seconds.

The catalog and the cart stay as fast as before, and the checkout shows what is known.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from orders.models import Order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import make_product
from tests.proofs.hostile_client import Response
from tests.proofs.production_server import RetryingVisitor, Server, running_server
from tests.proofs.proof_report import ProofReport

PROOF = "Slow Stripe: 40 s per call"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
HELD, ALLOWED = 40.0, 20.0  # seconds: a call to Stripe, and the limit for a page that makes one
RATIO = 3  # limit for the ratio of the median page times with and without pending checkouts
THREADS, PLACING, PAYING = 8, 1, 2
HANGING = PLACING + PAYING  # as many calls as a process makes at the same time
CHECKING, NOT_NOW = "We are checking your payment", "Payment is not possible right now"


@pytest.fixture
def mug(transactional_db: None) -> Product:
    return make_product(title="Slow mug", stock=None)


@contextmanager
def stripe() -> Iterator[Simulator]:
    """Run a separate simulator, so that late calls do not reach the simulator of another test."""
    simulator = Simulator()
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.stop()


Submission = tuple[RetryingVisitor, str, dict[str, str]]  # visitor, path and form


def with_cart(server: Server, mug: Product) -> RetryingVisitor:
    person = RetryingVisitor(server.port)
    person.add(mug.pk)
    return person


def reach_place_order(server: Server, mug: Product, token: str) -> tuple[RetryingVisitor, dict[str, str]]:
    """Return a shopper and the completed form of the last checkout step."""
    person = with_cart(server, mug)
    person.submit_details()
    return person, person.pay_form() | {"card": str(person.add_card(token))}


def prepare_place_order(server: Server, mug: Product) -> Submission:
    """Prepare a Place order request for an order that is not known at Stripe yet."""
    person, form = reach_place_order(server, mug, "tok_visa")
    return person, "/cart/checkout/", form


def prepare_second_payment(server: Server, mug: Product) -> Submission:
    """Prepare a Pay request for an order whose payment at Stripe was declined."""
    person, form = reach_place_order(server, mug, "tok_chargeCustomerFail")
    person.post("/cart/checkout/", form)
    return person, f"/orders/{form['order']}/pay/", {"card": str(person.add_card())}


def timed(act: Callable[[], Response]) -> tuple[float, Response]:
    began = time.monotonic()
    response = act()
    return time.monotonic() - began, response


def submit_form(person: RetryingVisitor, path: str, form: dict[str, str]) -> list[tuple[float, Response]]:
    """Submit a form and follow the redirect. Return the seconds and the response of both requests."""
    posted = timed(lambda: person.post(path, form))
    return [posted, timed(lambda: person.get(posted[1].location))]


def browse(person: RetryingVisitor, path: str) -> float:
    """Return the seconds that a page took."""
    seconds, response = timed(lambda: person.get(path))
    assert response.status == 200
    assert "Slow mug" in response.text
    return seconds


def measure(slow: RetryingVisitor, control: RetryingVisitor, checkouts: list[Future[Any]]) -> dict[str, float]:
    """Request pages of both shops in turn while all checkouts are pending. Return the ratio of the medians by page."""
    taken: dict[str, tuple[list[float], list[float]]] = {path: ([], []) for path in ("/products/", "/cart/")}
    while not any(checkout.done() for checkout in checkouts):
        for path, (slow_times, control_times) in taken.items():
            slow_times.append(browse(slow, path))
            control_times.append(browse(control, path))
    assert all(len(slow_times) >= 10 for slow_times, _control_times in taken.values())
    return {path: median(slow_times) / median(control_times) for path, (slow_times, control_times) in taken.items()}


def test_slow_stripe_slows_only_payments(mug: Product, report: ProofReport, tmp_path: Path) -> None:
    with (
        stripe() as slow,
        stripe() as good,
        running_server(tmp_path / "slow", slow, 1, THREADS) as server,
        running_server(tmp_path / "good", good, 1, THREADS) as control,
        ThreadPoolExecutor(HANGING) as pool,
    ):
        jobs = [prepare_place_order(server, mug) for _shopper in range(PLACING)]
        jobs += [prepare_second_payment(server, mug) for _shopper in range(PAYING)]
        visitors = with_cart(server, mug), with_cart(control, mug)
        slow.add_fault("*", "delay", method="*", times=0, seconds=HELD)
        checkouts = [pool.submit(submit_form, *job) for job in jobs]
        for path, ratio in measure(*visitors, checkouts).items():
            report.count_try()
            report.expect(ratio < RATIO, "unexplained", f"{path} took {ratio:.1f} times as long as it should")
        for number, checkout in enumerate(checkouts):
            check_responses(report, checkout.result(), NOT_NOW if number < PLACING else CHECKING)
    held = Order.objects.filter(status=Order.Status.PLACED).count()
    report.expect(held == HANGING, "lost_orders", f"{held} of {HANGING} orders are placed")


def check_responses(report: ProofReport, responses: list[tuple[float, Response]], text: str) -> None:
    """Check that both responses are in time and that the final page contains `text`."""
    report.count_try(times=len(responses))
    for seconds, response in responses:
        report.expect(seconds < ALLOWED, "unexplained", f"a response took {seconds:.0f} s")
        report.expect(response.status in (200, 302), "server_errors", f"status {response.status}")
    report.expect(text in responses[-1][1].visible_text, "unexplained", f"the page does not say: {text}")
