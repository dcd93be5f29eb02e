"""Tests for races between threads, each with a separate connection to the file database of the tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from addresses.models import Address
from billing.stripe_calls import admission
from carts.models import Cart
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from orders.workflow import cancellation
from orders.workflow.erasure import OrdersInProgress, delete_account
from stripe_simulator.server import Simulator
from tests.makers import (
    add_card,
    add_to_cart,
    buy,
    make_discount,
    make_product,
    make_user,
    payment_form_data,
    submit_details,
)

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8


@pytest.fixture(autouse=True)
def slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all threads call Stripe at the same time, so that they race."""
    monkeypatch.setattr(admission, "slots", admission.Slots(THREADS, wait_seconds=10))


def run_in_parallel(work: Callable[[int], Any]) -> list[Any]:
    """Call `work` in THREADS threads that start at the same moment. Return the results."""
    ready = Barrier(THREADS)

    def run(number: int) -> Any:
        try:
            ready.wait(10)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def copy_of(client: Client) -> Client:
    """Return a client that acts as another tab of the same browser."""
    tab = Client()
    tab.cookies = client.cookies.copy()
    return tab


def succeeded(simulator: Simulator) -> int:
    return sum(charge["status"] == "succeeded" for charge in simulator.objects("charge"))


@pytest.mark.slow
def test_parallel_writers_all_succeed() -> None:
    products = [make_product(stock=100) for _number in range(THREADS)]

    def shop(number: int) -> list[int]:
        visitor = Client()
        return [add_to_cart(visitor, products[number]).status_code for _click in range(10)]

    assert run_in_parallel(shop) == [[302] * 10] * THREADS
    assert sorted(cart.count_items() for cart in Cart.objects.all()) == [10] * THREADS


@pytest.mark.slow
def test_parallel_adds_of_one_session_go_to_one_cart(client: Client) -> None:
    first, product = make_product(), make_product(stock=50)
    add_to_cart(client, first)
    run_in_parallel(lambda number: add_to_cart(copy_of(client), product))
    assert Cart.objects.get(active=True).count_items() == 1 + THREADS


def test_parallel_first_adds_of_one_session_create_one_cart(client: Client) -> None:
    session = client.session
    session["began"] = True
    session.save()
    product = make_product(stock=50)
    run_in_parallel(lambda number: add_to_cart(copy_of(client), product))
    assert Cart.objects.get().count_items() == THREADS


def test_parallel_clicks_on_place_order_create_one_order_and_one_charge(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    data = payment_form_data(client)
    responses = run_in_parallel(lambda number: copy_of(client).post(reverse("carts:checkout"), data | {"card": card}))
    assert {response.status_code for response in responses} == {302}
    assert succeeded(simulator) == 1
    assert Order.objects.placed().get().status == Order.Status.PAID


@pytest.mark.slow
def test_parallel_clicks_on_pay_charge_once(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    card = add_card(client).json()["card"]
    url = reverse("orders:pay", args=[order.order_id])
    run_in_parallel(lambda number: copy_of(client).post(url, {"card": card}))
    order.refresh_from_db()
    assert (order.status, succeeded(simulator)) == (Order.Status.PAID, 1)
    assert sorted(order.mails.values_list("kind", flat=True)) == ["confirmation", "new_order"]


@pytest.mark.slow
def test_last_item_is_sold_once_to_eight_shoppers(simulator: Simulator) -> None:
    product = make_product(stock=1)
    shoppers, forms = [Client() for _number in range(THREADS)], []
    for shopper in shoppers:
        add_to_cart(shopper, product)
        submit_details(shopper)
        data = payment_form_data(shopper)
        forms.append(data | {"card": add_card(shopper).json()["card"]})
    run_in_parallel(lambda number: shoppers[number].post(reverse("carts:checkout"), forms[number]))
    product.refresh_from_db()
    assert (Order.objects.placed().count(), product.stock, succeeded(simulator)) == (1, 0, 1)


@pytest.mark.slow
def test_last_use_of_a_code_goes_to_one_of_eight_shoppers(simulator: Simulator) -> None:
    product, discount = make_product(stock=None), make_discount("LAST", uses_limit=1)
    shoppers, forms = [Client() for _number in range(THREADS)], []
    for shopper in shoppers:
        add_to_cart(shopper, product)
        shopper.post(reverse("carts:discount"), {"code": "LAST"})
        submit_details(shopper)
        data = payment_form_data(shopper)
        forms.append(data | {"card": add_card(shopper).json()["card"]})
    run_in_parallel(lambda number: shoppers[number].post(reverse("carts:checkout"), forms[number]))
    discount.refresh_from_db()
    assert (Order.objects.placed().filter(discount=discount).count(), discount.uses) == (1, 1)
    assert (Order.objects.placed().count(), succeeded(simulator)) == (1, 1)


@pytest.mark.slow
def test_parallel_cancel_and_pay_have_a_consistent_outcome(client: Client, simulator: Simulator) -> None:
    product = make_product(stock=1)
    order = buy(client, product, "tok_chargeCustomerFail")
    card = add_card(client).json()["card"]
    urls = [reverse(f"orders:{name}", args=[order.order_id]) for name in ("pay", "cancel")]
    run_in_parallel(lambda number: copy_of(client).post(urls[number % 2], {"card": card}))
    cancellation.finish_cancellation(order)
    product.refresh_from_db()
    outcome = (order.status, succeeded(simulator), product.stock)
    assert outcome in [(Order.Status.PAID, 1, 0), (Order.Status.CANCELED, 0, 1)]


def place_while_adding(client: Client, card: int, product: Any, other: Any) -> list[int]:
    """Place the order in half of the threads, and add another product to its cart in the others.

    Return the status codes of the responses.
    """
    add_to_cart(client, product)
    data = payment_form_data(client)

    def act(number: int) -> Any:
        if number % 2:
            return add_to_cart(copy_of(client), other)
        return copy_of(client).post(reverse("carts:checkout"), data | {"card": card})

    return [response.status_code for response in run_in_parallel(act)]


@pytest.mark.slow
def test_adding_while_placing_waits_instead_of_failing(client: Client, simulator: Simulator) -> None:
    """Check that both write the cart and the order in the same sequence, which avoids deadlocks."""
    product, other = make_product(stock=50), make_product(stock=50)
    add_to_cart(client, product)
    submit_details(client)
    card = add_card(client).json()["card"]
    for _round in range(4):
        assert place_while_adding(client, card, product, other) == [302] * THREADS
    assert succeeded(simulator) == Order.objects.filter(status=Order.Status.PAID).count()


@pytest.mark.slow
def test_parallel_erasure_and_placing_leave_a_consistent_outcome(client: Client, simulator: Simulator) -> None:
    """Check that neither blocks the other, and that no order is placed for a person who is already erased."""
    user = make_user()
    client.force_login(user)
    add_to_cart(client, make_product())
    submit_details(client, user.email)
    card = add_card(client).json()["card"]
    data = payment_form_data(client)

    def act(number: int) -> Any:
        if number % 2:
            return copy_of(client).post(reverse("carts:checkout"), data | {"card": card}).status_code
        with suppress(OrdersInProgress):
            return delete_account(User.objects.get(pk=user.pk)) if User.objects.filter(pk=user.pk).exists() else None

    statuses = {status for status in run_in_parallel(act) if status}
    assert not [status for status in statuses if status >= 500]
    placed = Order.objects.placed().count()
    assert (placed, placed) == (succeeded(simulator), Order.objects.filter(status=Order.Status.PAID).count())
    reconcile()
    assert audit() == []
    if not User.objects.exists():
        assert not Order.objects.filter(status=Order.Status.OPEN).exists()
        assert not Address.objects.exists()


@pytest.mark.slow
def test_cards_added_in_parallel_are_all_kept_with_one_default(client: Client, simulator: Simulator) -> None:
    user = make_user()
    client.force_login(user)
    responses = run_in_parallel(lambda number: add_card(copy_of(client)))
    cards = user.billing_profile.cards
    assert {response.status_code for response in responses} == {200}
    assert (cards.count(), cards.filter(default=True).count()) == (THREADS, 1)
