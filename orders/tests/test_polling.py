"""Tests for pages that ask Stripe about an order: together, they ask once in two seconds."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.tests.test_webhook import deliver, event
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, Payment
from orders.models import order as order_module
from orders.workflow import payments
from stripe_simulator.server import Simulator
from tests.makers import buy, make_product
from tests.threads import run_in_threads

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
AUTHENTICATION = "tok_threeDSecure2Required"
PAGES = ["/orders/{}/status/", "/orders/{}/", "/cart/success/"]


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return an order whose bank waits for the shopper."""
    return buy(client, make_product(), AUTHENTICATION)


@pytest.fixture(autouse=True)
def pass_seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock of orders. Return a function that moves it."""
    times = [timezone.now()]
    monkeypatch.setattr(order_module, "timezone", SimpleNamespace(now=lambda: times[-1]))
    return lambda seconds: times.append(times[-1] + timedelta(seconds=seconds))


def reads(simulator: Simulator) -> int:
    """Return the number of reads of intents since the last call of this function."""
    found = sum(method == "GET" and "/payment_intents/" in path for method, path, _params, _key in simulator.requests)
    simulator.requests.clear()
    return found


def open_pages(client: Client, order: Order) -> list[Any]:
    return [client.get(path.format(order.order_id)) for path in PAGES]


@pytest.mark.parametrize("first", PAGES)
def test_pages_together_ask_stripe_once_in_two_seconds(
    client: Client, simulator: Simulator, order: Order, pass_seconds: Callable[[float], None], first: str
) -> None:
    reads(simulator)
    for _round in range(2):
        client.get(first.format(order.order_id))
        open_pages(client, order)
        pass_seconds(1.9)
        open_pages(client, order)
        assert reads(simulator) == 1
        pass_seconds(0.2)


def test_read_that_is_not_made_changes_nothing(client: Client, simulator: Simulator, order: Order) -> None:
    assert client.get(order.get_absolute_url()).context["payment_state"] == "action"
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    before = Order.objects.values().get(), Payment.objects.values().get()
    responses = open_pages(client, order)
    assert (Order.objects.values().get(), Payment.objects.values().get()) == before
    assert responses[0].json() == {"situation": "action", "url": order.get_absolute_url(), "is_known": False}
    assert responses[1].context["payment_state"] == "action"
    assert responses[2].url == order.get_absolute_url()


def test_page_without_the_secret_of_the_bank_check_refreshes_itself(
    client: Client, simulator: Simulator, order: Order
) -> None:
    first, second = (client.get(order.get_absolute_url()) for _time in range(2))
    assert ("data-next-action" in first.text, "Refresh" in first.headers) == (True, False)
    assert ("data-next-action" in second.text, "Refresh" in second.headers) == (False, True)
    assert "This page updates automatically." in second.text


def test_page_shows_what_a_webhook_stored_although_it_does_not_ask(
    client: Client, simulator: Simulator, order: Order
) -> None:
    client.get(order.get_absolute_url())
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    assert deliver(Client(), event(str(order.payment_intent_id))).status_code == 200
    assert client.get(f"/orders/{order.order_id}/status/").json()["situation"] == "paid"


def test_only_pages_are_limited(client: Client, simulator: Simulator, order: Order) -> None:
    """Check the webhook, reconcile and settling; the settling after Pay was not limited either."""
    reads(simulator)
    client.get(order.get_absolute_url())
    payments.settle(order)
    deliver(Client(), event(str(order.payment_intent_id)))
    Payment.objects.update(timestamp=timezone.now() - timedelta(minutes=3))
    reconcile()
    assert reads(simulator) == 4


def test_page_after_pay_asks_although_pay_has_just_asked(client: Client, simulator: Simulator, order: Order) -> None:
    """Check that the shopper gets the bank's check immediately."""
    assert client.get(order.get_absolute_url()).context["client_secret"]


def test_orders_do_not_limit_each_other(client: Client, simulator: Simulator, order: Order) -> None:
    other = buy(client, make_product(), AUTHENTICATION)
    reads(simulator)
    for one in (order, other):
        client.get(one.get_absolute_url())
    assert reads(simulator) == 2


def test_cancellation_is_repeated_by_pages_once_in_two_seconds(
    client: Client, simulator: Simulator, order: Order, pass_seconds: Callable[[float], None]
) -> None:
    simulator.add_fault("/v1/payment_intents/*/cancel", "drop_before", times=0)
    client.post(f"/orders/{order.order_id}/cancel/")
    simulator.requests.clear()
    simulator.clear_faults()
    simulator.add_fault("/v1/payment_intents/*/cancel", "error_500", times=0)
    open_pages(client, order)
    assert len(simulator.requests) == 1
    simulator.clear_faults()
    pass_seconds(2.1)
    assert client.get(order.get_absolute_url()).context["payment_state"] == "canceled"


def test_status_has_only_the_specified_values_if_stripe_was_asked(
    client: Client, simulator: Simulator, order: Order
) -> None:
    assert set(client.get(f"/orders/{order.order_id}/status/").json()) == {"situation", "url"}


@pytest.mark.parametrize(
    ("seconds", "may_ask"), [(-1, False), (-2.1, True), (1, False), (60, True)], ids=["past", "due", "ahead", "wrong"]
)
def test_wrong_clock_does_not_stop_questions_for_long(order: Order, seconds: float, may_ask: bool) -> None:
    Order.objects.update(asked_at=order_module.timezone.now() + timedelta(seconds=seconds))
    assert order.may_ask_stripe() == may_ask


def test_order_that_was_loaded_before_does_not_reset_the_time(order: Order) -> None:
    stale = Order.objects.get()
    assert order.may_ask_stripe()
    stale.save()
    assert not stale.may_ask_stripe()


@pytest.mark.django_db(transaction=True)
def test_one_of_many_requests_at_the_same_moment_asks(order: Order) -> None:
    rows = [Order.objects.get() for _request in range(6)]
    assert sorted(run_in_threads(*[row.may_ask_stripe for row in rows])) == [False] * 5 + [True]
