"""Tests that declaring a withdrawal and asking for a link tell nobody whether an order exists, also not by the time."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

import pytest
from django.test import Client

from core import middleware
from core.background import after_response
from orders.models import Order, Withdrawal
from orders.workflow.withdrawals import declaring
from tests.makers import make_paid_order, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
TRIES = 220  # for each kind
# The share of pairs in which the known order takes longer. Without a difference, it is 0.5 with a standard deviation of
# 0.028 for 220 tries each, so the limits are four standard deviations away.
LOWEST, HIGHEST = 0.39, 0.61
Send = Callable[[Client, str, str], Any]


def withdraw(client: Client, number: str, email: str) -> Any:
    data = {"name": "Gia", "order_number": number, "email": email, "scope": "items", "items": "1 mug"}
    return client.post("/orders/withdraw/confirm/", data)


def review(client: Client, number: str, email: str) -> Any:
    data = {"name": "Gia", "order_number": number, "email": email, "scope": "items", "items": "1 mug"}
    return client.post("/orders/withdraw/", data)


def find(client: Client, number: str, email: str) -> Any:
    return client.post("/orders/find/", {"order_number": number, "email": email})


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Keep the work after responses, which no visitor waits for, until the test is over."""
    kept: list[Any] = []
    monkeypatch.setattr(middleware, "run_all", kept.extend)
    yield kept
    after_response.run_all(kept)


def targets() -> list[tuple[bool, str, str]]:
    """Return existing and unknown numbers, each with an email address of its own, in random order."""
    product = make_product(stock=10_000)
    found = []
    for number in range(TRIES):
        order = make_paid_order(product, email=f"known{number:04}@example.org")
        found += [(True, order.order_id, order.email), (False, f"Q{number:09}", f"other{number:04}@example.org")]
    random.shuffle(found)
    return found


def measure(send: Send) -> dict[bool, list[float]]:
    """Return the seconds that each request took, by whether the order exists."""
    client = Client()
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for index, (is_known, number, email) in enumerate(targets()):
        client.defaults["REMOTE_ADDR"] = f"10.0.{index // 250}.{index % 250}"
        began = time.perf_counter()
        response = send(client, number, email)
        seconds[is_known].append(time.perf_counter() - began)
        assert response.status_code in (200, 302)
    return seconds


def share_of_slower(seconds: dict[bool, list[float]]) -> float:
    """Return the share of all pairs in which the known order took longer. Outliers do not weigh more than others."""
    pairs = [(known > unknown) + (known == unknown) / 2 for known in seconds[True] for unknown in seconds[False]]
    return sum(pairs) / len(pairs)


@pytest.mark.slow
@pytest.mark.parametrize("send", [review, withdraw, find])
def test_known_and_unknown_orders_take_equal_time(later: list[Any], send: Send) -> None:
    seconds = measure(send)
    share = share_of_slower(seconds)
    medians = [f"{1000 * median(values):.2f} ms" for values in seconds.values()]
    assert LOWEST < share < HIGHEST, medians


@pytest.mark.slow
def test_measurement_finds_a_lookup_before_the_response(later: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "start", lambda task, pk: task.call(pk))
    assert share_of_slower(measure(withdraw)) > HIGHEST


@pytest.mark.parametrize("send", [review, withdraw, find])
def test_known_and_unknown_orders_get_the_same_words_and_queries(later: list[Any], send: Send) -> None:
    results = []
    order = make_paid_order()
    Client().get("/contact/")  # reads what is kept
    for number in (order.order_id, "UNKNOWN234"):
        client = Client()
        with ExitStack() as stack:
            queries = stack.enter_context(count_queries())
            response = send(client, number, "guest@example.org")
        page = client.get(response.url) if response.status_code == 302 else response
        results.append(([" ".join(query.split()[:3]) for query in queries], _words(page, number)))
    assert results[0] == results[1]
    assert Order.objects.get(pk=order.pk).events.count() == 0


def _words(page: Any, number: str) -> list[str]:
    """Return the words of the page without the typed number, the token and the reference of the withdrawal."""
    text = page.text.replace(number, "")
    for secret in [str(page.context["csrf_token"]), *Withdrawal.objects.values_list("number", flat=True)]:
        text = text.replace(secret, "")
    start = text.index("<main")
    return [word for word in text[start:].split() if ":" not in word]  # without times and tokens
