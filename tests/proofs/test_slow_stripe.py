"""Every call to Stripe takes 40 seconds: the catalogue and the cart answer as ever, the checkout says what is known."""

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
from tests.proofs.attacker import Answer
from tests.proofs.ledger import Ledger
from tests.proofs.served import Person, Server, served

PROOF = "Slow Stripe: 40 s a call"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]
HELD, ALLOWED = 40.0, 20.0  # seconds of a call to Stripe, and of a page that makes one
RATIO = 3  # of the medians, as slow as pages beside hanging checkouts may be
THREADS, HANGING = 8, 4
CHECKING, NOT_NOW = "We are checking your payment", "Payment is not possible right now"


@pytest.fixture
def mug(transactional_db: None) -> Product:
    return make_product(title="Slow mug", stock=None)


@contextmanager
def stripe() -> Iterator[Simulator]:
    """A Stripe of our own, so that no late call reaches another test's."""
    simulator = Simulator()
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.stop()


Job = tuple[Person, str, dict[str, str]]  # who presses which button with what


def with_cart(server: Server, mug: Product) -> Person:
    person = Person(server.port)
    person.add(mug.pk)
    return person


def come_to_the_button(server: Server, mug: Product, token: str) -> tuple[Person, dict[str, str]]:
    """A shopper with the filled form of the last step."""
    person = with_cart(server, mug)
    person.give_details()
    return person, person.pay_form() | {"card": str(person.add_card(token))}


def about_to_place(server: Server, mug: Product) -> Job:
    """Nothing of the order is known at Stripe yet."""
    person, form = come_to_the_button(server, mug, "tok_visa")
    return person, "/cart/checkout/", form


def about_to_pay_again(server: Server, mug: Product) -> Job:
    """The order's payment is there at Stripe and was declined."""
    person, form = come_to_the_button(server, mug, "tok_chargeCustomerFail")
    person.post("/cart/checkout/", form)
    return person, f"/orders/{form['order']}/pay/", {"card": str(person.add_card())}


def timed(act: Callable[[], Answer]) -> tuple[float, Answer]:
    began = time.monotonic()
    answer = act()
    return time.monotonic() - began, answer


def press(person: Person, path: str, form: dict[str, str]) -> list[tuple[float, Answer]]:
    """The answer to the form, and the page it leads to."""
    posted = timed(lambda: person.post(path, form))
    return [posted, timed(lambda: person.get(posted[1].location))]


def browse(person: Person, path: str) -> float:
    """Seconds that a page took."""
    seconds, answer = timed(lambda: person.get(path))
    assert answer.status == 200
    assert "Slow mug" in answer.text
    return seconds


def measure(slow: Person, control: Person, checkouts: list[Future[Any]]) -> dict[str, float]:
    """Pages of both shops in turn while all checkouts hang; the ratio of the medians by page."""
    taken: dict[str, tuple[list[float], list[float]]] = {path: ([], []) for path in ("/products/", "/cart/")}
    while not any(checkout.done() for checkout in checkouts):
        for path, (ours, theirs) in taken.items():
            ours.append(browse(slow, path))
            theirs.append(browse(control, path))
    assert all(len(ours) >= 10 for ours, _theirs in taken.values())
    return {path: median(ours) / median(theirs) for path, (ours, theirs) in taken.items()}


def test_slow_stripe_slows_nobody_but_who_pays(mug: Product, ledger: Ledger, tmp_path: Path) -> None:
    with (
        stripe() as slow,
        stripe() as good,
        served(tmp_path / "slow", slow, 1, THREADS) as server,
        served(tmp_path / "good", good, 1, THREADS) as control,
        ThreadPoolExecutor(HANGING) as pool,
    ):
        jobs = [about_to_place(server, mug) for _shopper in range(HANGING // 2)]
        jobs += [about_to_pay_again(server, mug) for _shopper in range(HANGING // 2)]
        visitors = with_cart(server, mug), with_cart(control, mug)
        slow.add_fault("*", "delay", method="*", times=0, seconds=HELD)
        checkouts = [pool.submit(press, *job) for job in jobs]
        for path, ratio in measure(*visitors, checkouts).items():
            ledger.tried()
            ledger.expect(ratio < RATIO, "unexplained", f"{path} took {ratio:.1f} times as long as it should")
        for number, checkout in enumerate(checkouts):
            judge(ledger, checkout.result(), NOT_NOW if number < HANGING // 2 else CHECKING)
    held = Order.objects.filter(status=Order.Status.PLACED).count()
    ledger.expect(held == HANGING, "lost_orders", f"{held} of {HANGING} orders are kept")


def judge(ledger: Ledger, answers: list[tuple[float, Answer]], words: str) -> None:
    """Both the answer to the form and the page it leads to come in time, and the page says what is known."""
    ledger.tried(times=len(answers))
    for seconds, answer in answers:
        ledger.expect(seconds < ALLOWED, "unexplained", f"an answer took {seconds:.0f} s")
        ledger.expect(answer.status in (200, 302), "server_errors", f"answered {answer.status}")
    ledger.expect(words in answers[-1][1].words, "unexplained", f"the page does not say: {words}")
