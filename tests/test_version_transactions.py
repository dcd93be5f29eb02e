"""Tests of the versions of pages with several products in one transaction, and with several transactions at a time."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from addresses.models import Address
from core.page_cache.versions import collect_touches, read_versions
from orders.models import Order
from orders.workflow.cancellation import cancel
from orders.workflow.placing import place
from products.models import Category, Product
from tests.admin_forms import open_form
from tests.makers import ADDRESS, make_category, make_open_order, make_product, shown_facts
from tests.moved_versions import moved_versions
from tests.threads import run_in_threads
from tests.visitors import count_queries

pytestmark = pytest.mark.slow
SECONDS = 3  # SQLite lets only one transaction write, so the other one never comes to the point to wait for.


def make_order(products: list[Product]) -> Order:
    """Return an open order for one unit of each product, ready to be placed."""
    order = make_open_order()
    assert order.cart
    order.cart.items.all().delete()
    for product in products:
        order.cart.set_quantity(product, 1)
    address = Address.objects.create(billing_profile=order.billing_profile, **ADDRESS)
    for kind in Address.Type:
        order.use_address(address, kind)
    return Order.objects.get(pk=order.pk)


# One transaction


@pytest.fixture
def last_units(db: None) -> list[Product]:
    return [make_product(title=f"Bowl {number}", stock=1) for number in range(2)]


@pytest.fixture
def order(last_units: list[Product]) -> Order:
    return make_order(last_units)


def place_order(products: list[Product], client: Client) -> None:
    order = Order.objects.get()
    assert place(order, shown_facts(order))


def place_and_cancel_order(products: list[Product], client: Client) -> None:
    place_order(products, client)
    cancel(Order.objects.get(), by="staff")


def edit_list(products: list[Product], client: Client) -> None:
    form = open_form(client, "/admin/products/product/?q=bowl")
    assert form.submit(**{"form-0-price": "7.00", "form-1-price": "8.00"}).status_code == 302


def edit_product(products: list[Product], client: Client) -> None:
    form = open_form(client, f"/admin/products/product/{products[0].pk}/change/")
    assert form.submit(title="Cup", stock_change="3").status_code == 302


def delete_selected(products: list[Product], client: Client) -> None:
    pks = [str(product.pk) for product in products]
    data = {"action": "delete_selected", "_selected_action": pks, "post": "yes"}
    assert client.post("/admin/products/product/", data).status_code == 302


@pytest.mark.parametrize(
    ("step", "times"),
    [(place_order, 1), (place_and_cancel_order, 2), (edit_list, 1), (edit_product, 1), (delete_selected, 1)],
)
def test_transaction_writes_versions_once_and_after_all_products(
    admin_client: Client,
    order: Order,
    last_units: list[Product],
    step: Callable[[list[Product], Client], None],
    times: int,
) -> None:
    with moved_versions() as moved, count_queries() as queries:
        step(last_units, admin_client)
    writes = [query for query in queries if not query.startswith("SELECT")]
    versions = [number for number, query in enumerate(writes) if "core_pageversion" in query]
    products = [number for number, query in enumerate(writes) if query.split('"')[1] == "products_product"]
    assert len(versions) == times
    assert products[-1] < versions[-1]
    assert "product:bowl-0" in moved
    if step is not edit_product:
        assert "product:bowl-1" in moved


# Several transactions


@pytest.mark.django_db(transaction=True)
def test_change_moves_versions_for_others_when_it_is_committed() -> None:
    product, written, read = make_product(title="Mug"), Event(), Event()

    def change() -> None:
        with transaction.atomic():
            Product.objects.filter(pk=product.pk).update(price=1)
            written.set()
            assert read.wait(SECONDS)

    def observe() -> list[dict[str, int]]:
        names, seen = ["products", "product:mug"], []
        seen.append(read_versions(names))
        start.set()
        assert written.wait(SECONDS)
        seen.append(read_versions(names))
        read.set()
        return seen

    start = Event()
    [before, during], _nothing = run_in_threads(observe, lambda: start.wait(SECONDS) and change())
    assert during == before
    assert set(read_versions(before).items()).isdisjoint(before.items())


@pytest.mark.django_db(transaction=True)
def test_orders_of_the_same_products_do_not_deadlock() -> None:
    first, second = make_product(stock=1), make_product(stock=2)
    holds_first, holds_second = Event(), Event()

    def reserve_both() -> None:
        with transaction.atomic(), collect_touches():
            first.reserve(1, "ORDER1")
            holds_first.set()
            holds_second.wait(SECONDS if connection.vendor == "postgresql" else 0)
            second.reserve(1, "ORDER1")

    def reserve_second() -> None:
        holds_first.wait(SECONDS)
        with transaction.atomic(), collect_touches():
            Product.objects.get(pk=second.pk).reserve(1, "ORDER2")
            holds_second.set()

    run_in_threads(reserve_both, reserve_second)
    assert [row.stock for row in Product.objects.order_by("pk")] == [0, 0]


@pytest.mark.django_db(transaction=True)
def test_orders_in_opposite_order_and_a_list_edit_all_succeed(admin_user: Any) -> None:
    products = [make_product(stock=20) for _number in range(3)]
    orders = [make_order(products[:: 1 if number % 2 else -1]) for number in range(4)]
    shown = [shown_facts(order) for order in orders]
    client = Client()
    client.force_login(admin_user)

    def sell_and_edit(number: int) -> bool:
        if number == len(orders):
            form = open_form(client, "/admin/products/product/")
            return form.submit(**{f"form-{row}-active": "on" for row in range(3)}).status_code == 302
        with transaction.atomic(), collect_touches():
            for product in sorted(products, key=lambda product: product.pk):
                Product.objects.get(pk=product.pk).reserve(4, f"RUN{number}")
        return place(orders[number], shown[number])

    steps = [lambda number=number: sell_and_edit(number) for number in range(len(orders) + 1)]
    assert run_in_threads(*steps) == [True] * 5
    assert {Product.objects.get(pk=product.pk).stock for product in products} == {0}


@pytest.mark.django_db(transaction=True)
def test_product_changed_while_its_category_moves_renews_the_new_outer_category() -> None:
    outer, mugs = make_category("Outer"), make_category("Mugs")
    product = make_product(category=mugs)
    moved, sold = Event(), Event()

    def move_category() -> None:
        with transaction.atomic():
            Category.objects.filter(pk=mugs.pk).update(parent=outer)
            moved.set()
            sold.wait(0.5)

    def change_product() -> None:
        moved.wait(SECONDS)
        Product.objects.filter(pk=product.pk).update(price=1)
        sold.set()

    before = read_versions(["category:outer"])
    run_in_threads(move_category, change_product)
    assert read_versions(["category:outer"]) != before
