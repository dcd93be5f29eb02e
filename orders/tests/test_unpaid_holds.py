"""Tests for the limits on what unpaid orders hold, and for orders that reserve their items when they are paid."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from addresses.models import Address
from billing.models import BillingProfile, CardAttempt
from carts.models import Cart
from core.money import minor_units
from orders.bookkeeping.audit import audit, reserved_stock
from orders.bookkeeping.pruning import prune
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, Payment, Refund, holds
from orders.models.holds import COUNTED_FOR, Placer
from orders.workflow import cancellation, payments
from orders.workflow.placing import place
from products.models import Product
from stripe_simulator.server import Simulator
from tests.guests import pass_hours
from tests.makers import (
    ADDRESS,
    add_card,
    add_to_cart,
    buy,
    make_product,
    place_order,
    shown_facts,
    submit_details,
)

pytestmark = pytest.mark.django_db
BANK_CHECK = "tok_threeDSecure2Required"
FROM_A, FROM_B = Placer("a", "session-a"), Placer("b", "session-b")


def open_order(payer: BillingProfile | None, *lines: tuple[Product, int]) -> Order:
    """Create an open order of a new guest, or of this payer, for these products and quantities."""
    payer = payer or BillingProfile.objects.create(email="guest@example.org")
    cart = Cart.objects.create(session_key=uuid4().hex)
    for product, quantity in lines:
        cart.set_quantity(Product.objects.get(pk=product.pk), quantity)
    address = Address.objects.create(billing_profile=payer, **ADDRESS)
    return Order.objects.create(
        billing_profile=payer, cart=cart, email=payer.email, shipping_address=address, billing_address=address
    )


def order_of(product: Product, quantity: int, placer: Placer = FROM_A, payer: BillingProfile | None = None) -> Order:
    """Place an order of a new guest, or of this payer, without Stripe. Return it unpaid."""
    order = open_order(payer, (product, quantity))
    place_unpaid(order, placer)
    return Order.objects.get(pk=order.pk)


def place_unpaid(order: Order, placer: Placer = FROM_A) -> None:
    """Place an order as a request does in which it is not paid."""
    assert place(order, shown_facts(order), placer=placer)
    holds.limit_hold(order)


def visit(product: Product, quantity: int, token: str = BANK_CHECK, ip: str = "192.0.2.1") -> tuple[Client, Order]:
    """Place an order through the pages, as a new guest at this IP address."""
    client = Client(REMOTE_ADDR=ip)
    add_to_cart(client, product, quantity)
    submit_details(client)
    place_order(client, add_card(client, token).json()["card"])
    return client, Order.objects.latest("pk")


def stock_of(product: Product) -> int | None:
    return Product.objects.get(pk=product.pk).stock


def sell(product: Product, units: int) -> None:
    """Let someone else buy these units."""
    assert Product.objects.get(pk=product.pk).reserve(units, "")


# Which orders hold their items


@pytest.mark.parametrize(("stock", "most"), [(100, 10), (29, 3), (4, 3), (2, 1)])
def test_one_address_holds_a_tenth_of_the_units_or_three(stock: int, most: int) -> None:
    product = make_product(stock=stock)
    held = [order_of(product, 1, Placer("a", f"s{number}")).holds_stock for number in range(most + 2)]
    assert held == [True] * most + [False] * 2
    assert stock_of(product) == stock - most


@pytest.mark.slow
@pytest.mark.parametrize(("stock", "most"), [(100, 10), (20, 5), (6, 5)])
def test_all_addresses_together_hold_a_tenth_of_the_units_or_five(stock: int, most: int) -> None:
    product = make_product(stock=stock)
    held = [order_of(product, 1, Placer(f"ip{number}", f"s{number}")).holds_stock for number in range(most + 2)]
    assert held == [True] * most + [False] * 2
    assert stock_of(product) == stock - most


@pytest.mark.parametrize("quantity", [11, 99])
def test_order_above_the_limit_is_placed_without_holding_its_items(quantity: int) -> None:
    product = make_product(stock=100)
    order = order_of(product, quantity)
    assert (order.status, order.holds_stock, stock_of(product)) == ("placed", False, 100)
    assert sum(product.movements.filter(order=order.order_id).values_list("amount", flat=True)) == 0
    assert audit(with_stripe=False) == []


def test_large_order_within_a_tenth_of_the_units_holds_its_items() -> None:
    assert order_of(make_product(stock=500), 50).holds_stock


def test_order_above_the_limit_lets_only_its_own_visitor_hold_nothing_afterwards() -> None:
    product = make_product(stock=100)
    order_of(product, 99)
    assert not order_of(product, 1).holds_stock
    assert order_of(product, 10, FROM_B).holds_stock


def test_one_line_above_the_limit_leaves_all_lines_unreserved() -> None:
    product, other = make_product(stock=100), make_product(stock=100)
    order = open_order(None, (product, 1), (other, 50))
    place_unpaid(order)
    assert (stock_of(product), stock_of(other)) == (100, 100)


@pytest.mark.parametrize("again", [Placer("a", "other"), Placer("other", "session-a")])
def test_one_address_or_visitor_holds_few_units_of_all_products_together(
    monkeypatch: pytest.MonkeyPatch, again: Placer
) -> None:
    monkeypatch.setattr(holds, "IN_ALL_AT_MOST", 4)
    products = [make_product(stock=1) for _number in range(8)]
    assert order_of(products[0], 1, FROM_A).holds_stock
    cancellation.cancel(order_of(products[1], 1, FROM_A), by="shopper")
    lines = [(product, 1) for product in products]
    small, large = open_order(None, *lines[2:4]), open_order(None, *lines[4:7])
    place_unpaid(small, again)
    assert small.holds_stock
    place_unpaid(large, again)
    assert not large.holds_stock
    assert not order_of(products[7], 1, again).holds_stock
    assert order_of(products[7], 1, FROM_B).holds_stock


def test_unlimited_stock_is_never_above_the_limit() -> None:
    assert order_of(make_product(stock=None), 99).holds_stock


@pytest.mark.parametrize("status", ["paid", "shipped", "refunded"])
def test_paid_orders_of_the_same_address_do_not_count(status: str) -> None:
    product = make_product(stock=100)
    for _shopper in range(4):
        Order.objects.filter(pk=order_of(product, 5).pk).update(status=status)
    assert order_of(product, 8).holds_stock


def test_canceled_units_count_for_an_hour() -> None:
    product = make_product(stock=100)
    for _try in range(2):
        cancellation.cancel(order_of(product, 5), by="shopper")
    assert not order_of(product, 1).holds_stock
    assert order_of(product, 1, FROM_B).holds_stock  # nobody holds them now
    Order.objects.filter(status="canceled").update(placed_at=timezone.now() - COUNTED_FOR)
    assert order_of(product, 1).holds_stock


def test_units_of_an_order_that_is_being_canceled_count_until_it_is_canceled() -> None:
    product = make_product(stock=100)
    order = order_of(product, 10)
    long_ago = timezone.now() - timedelta(days=1)
    Order.objects.filter(pk=order.pk).update(status="canceling", placed_at=long_ago)
    assert not order_of(product, 1, FROM_B).holds_stock


def test_one_session_with_many_addresses_and_guests_is_one_visitor() -> None:
    product = make_product(stock=20)
    held = [order_of(product, 1, Placer(f"ip{number}", "session")).holds_stock for number in range(4)]
    assert held == [True, True, True, False]


def test_one_payer_with_many_sessions_and_addresses_is_one_visitor() -> None:
    product, payer = make_product(stock=20), BillingProfile.objects.create(email="guest@example.org")
    held = [order_of(product, 1, Placer(f"ip{n}", f"s{n}"), payer).holds_stock for n in range(4)]
    assert held == [True, True, True, False]


@pytest.mark.parametrize("again", [Placer("a", "other"), Placer("other", "session-a")])
def test_last_unit_is_held_once_an_hour_by_an_address_or_a_visitor(again: Placer) -> None:
    product = make_product(stock=1)
    cancellation.cancel(order_of(product, 1), by="shopper")
    order = order_of(product, 1, again)
    assert (order.holds_stock, stock_of(product)) == (False, 1)
    cancellation.cancel(order, by="shopper")
    Order.objects.filter(status="canceled").update(placed_at=timezone.now() - COUNTED_FOR)
    assert order_of(product, 1, again).holds_stock


def test_last_unit_is_held_for_another_address() -> None:
    product = make_product(stock=1)
    cancellation.cancel(order_of(product, 1), by="shopper")
    assert order_of(product, 1, FROM_B).holds_stock


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_simultaneous_orders_of_one_address_hold_no_more_than_one_after_the_other() -> None:
    product = make_product(stock=29)
    orders = [open_order(None, (product, 1)) for _number in range(6)]
    facts, ready = shown_facts(orders[0]), Barrier(len(orders))

    def place_one(order: Order) -> bool:
        try:
            ready.wait(10)
            place(order, facts, placer=Placer("a", str(order.pk)))
            holds.limit_hold(order)
            return order.holds_stock
        finally:
            connection.close()

    with ThreadPoolExecutor(len(orders)) as pool:
        held = list(pool.map(place_one, orders))
    assert (sum(held), stock_of(product)) == (3, 26)


@pytest.mark.slow
# Holding the items while the order is paid
def test_every_order_holds_its_items_while_it_is_paid() -> None:
    """Shoppers who buy at the same moment are told that a product is sold out, before a card is charged."""
    product = make_product(stock=100)
    for number in range(50):
        order = open_order(None, (product, 2))
        assert place(order, shown_facts(order), placer=Placer("one address", str(number)))
        assert order.holds_stock
    assert stock_of(product) == 0


def test_process_that_dies_while_an_order_is_paid_lets_it_hold_too_much_for_two_minutes(simulator: Simulator) -> None:
    product = make_product(stock=100)
    order = open_order(None, (product, 99))
    assert place(order, shown_facts(order), placer=FROM_A)
    assert stock_of(product) == 1
    Order.objects.update(placed_at=timezone.now() - timedelta(minutes=3))
    assert reconcile()["holds limited"] == 1
    assert stock_of(product) == 100
    assert audit() == []


def test_order_that_lost_its_hold_after_it_was_loaded_is_reserved_when_it_is_paid(simulator: Simulator) -> None:
    product = make_product(stock=100)
    _client, order = visit(product, 5)
    loaded = Order.objects.get(pk=order.pk)
    Order.objects.filter(pk=order.pk).update(is_hold_checked=False)
    order_of(product, 9, FROM_B)
    holds.limit_hold(order)
    assert (order.holds_stock, loaded.holds_stock) == (False, True)
    simulator.complete_3d_secure(str(order.payment_intent_id), succeed=True)
    payments.settle(loaded)
    assert (loaded.status, stock_of(product)) == ("paid", 86)
    assert audit() == []


@pytest.mark.parametrize("status", ["canceling", "canceled"])
def test_order_that_is_canceled_while_it_is_paid_counts(status: str) -> None:
    product = make_product(stock=100)
    order = open_order(None, (product, 99))
    assert place(order, shown_facts(order), placer=FROM_A)
    Order.objects.filter(pk=order.pk).update(status="canceling")
    if status == "canceled":
        cancellation.finish_cancellation(Order.objects.get(pk=order.pk))
    holds.limit_hold(order)
    assert stock_of(product) == 100
    assert not order_of(product, 1).holds_stock
    assert order_of(product, 1, FROM_B).holds_stock


def test_limit_does_not_touch_a_paid_order(simulator: Simulator) -> None:
    product = make_product(stock=100)
    _client, order = visit(product, 99, "tok_visa")
    holds.limit_hold(order)
    assert (Order.objects.get(pk=order.pk).holds_stock, stock_of(product)) == (True, 1)


# Paying an order that holds nothing


def test_large_order_is_reserved_when_it_is_paid(simulator: Simulator) -> None:
    product = make_product(stock=100)
    _client, order = visit(product, 99, "tok_visa")
    assert (order.status, order.holds_stock, stock_of(product)) == ("paid", True, 1)
    assert audit() == []


def test_large_order_is_reserved_after_the_bank_check(simulator: Simulator) -> None:
    product = make_product(stock=100)
    client, order = visit(product, 99)
    assert (order.status, stock_of(product)) == ("placed", 100)
    page = client.get(order.get_absolute_url()).text
    assert "reserved for you as soon as you have paid" in page
    assert "Your items are reserved until" not in page
    Order.objects.update(asked_at=None)  # two seconds later, a page may ask Stripe again
    simulator.complete_3d_secure(str(order.payment_intent_id), succeed=True)
    assert client.get(order.get_absolute_url()).context["payment_state"] == "paid"
    assert stock_of(product) == 1
    assert audit() == []


def test_large_order_is_paid_with_another_card_after_a_decline(simulator: Simulator) -> None:
    product = make_product(stock=100)
    client, order = visit(product, 99, "tok_chargeCustomerFail")
    page = client.get(order.get_absolute_url())
    assert (page.context["payment_state"], stock_of(product)) == ("declined", 100)
    assert "reserved for you as soon as you have paid" in page.text
    card = add_card(client, order=order.order_id).json()["card"]
    client.post(f"{order.get_absolute_url()}pay/", {"card": card})
    order.refresh_from_db()
    assert (order.status, stock_of(product)) == ("paid", 1)


def test_order_within_the_limits_says_until_when_its_items_are_reserved(simulator: Simulator) -> None:
    client, order = visit(make_product(stock=100), 2, "tok_chargeCustomerFail")
    page = client.get(order.get_absolute_url()).text
    assert "Your items are reserved until" in page
    assert "reserved for you as soon as" not in page


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"stock": 98}, {"active": False}])
def test_order_whose_items_are_gone_is_not_charged(simulator: Simulator, change: dict[str, Any]) -> None:
    product = make_product(stock=100)
    client, order = visit(product, 99, "tok_chargeCustomerFail")
    Product.objects.filter(pk=product.pk).update(**change)
    card = add_card(client, order=order.order_id).json()["card"]
    response = client.post(f"{order.get_absolute_url()}pay/", {"card": card}, follow=True)
    assert "Someone else has bought items of this order" in response.text
    assert [payment.status for payment in order.payments.all()] == [Payment.Status.FAILED]
    client.post(f"{order.get_absolute_url()}cancel/")
    assert Order.objects.get(pk=order.pk).status == "canceled"


def test_charge_for_items_that_were_sold_during_the_bank_check_is_refunded(simulator: Simulator) -> None:
    product = make_product(stock=100)
    client, order = visit(product, 99)
    sell(product, 2)
    simulator.complete_3d_secure(str(order.payment_intent_id), succeed=True)
    page = client.get(order.get_absolute_url())
    order.refresh_from_db()
    assert (order.status, stock_of(product)) == ("canceled", 98)
    assert "The payment we received is being refunded to your card." in page.text
    [refund] = Refund.objects.all()
    assert (refund.is_mismatch, refund.amount, refund.status) == (True, order.total, "done")
    [charge] = simulator.objects("charge")
    assert charge["amount_refunded"] == minor_units(order.total, order.currency)
    assert "sold out" in order.attention


def test_charge_that_is_being_refunded_never_pays_the_order(simulator: Simulator) -> None:
    """A process that died after it stored the refund leaves the order placed, and the items can be back by then."""
    product = make_product(stock=100)
    _client, order = visit(product, 99)
    payment = order.payments.get()
    simulator.complete_3d_secure(str(order.payment_intent_id), succeed=True)
    Refund.objects.create(payment=payment, amount=order.total, currency=order.currency, is_mismatch=True, by="shop")
    payments.settle(order)
    assert (order.status, stock_of(product), Refund.objects.count()) == ("canceled", 100, 1)


def test_order_that_holds_nothing_expires(simulator: Simulator) -> None:
    product = make_product(stock=100)
    _client, order = visit(product, 99)
    Order.objects.update(placed_at=timezone.now() - timedelta(minutes=31))
    reconcile()
    order.refresh_from_db()
    assert (order.status, stock_of(product)) == ("canceled", 100)
    assert audit() == []


def test_sold_out_product_does_not_name_an_order_that_holds_nothing(simulator: Simulator) -> None:
    product = make_product(stock=100)
    client, order = visit(product, 99)
    sell(product, 100)
    assert order.order_id not in client.get(product.get_absolute_url()).content.decode().partition("<main")[2]


@pytest.mark.parametrize("holds", [True, False])
def test_audit_finds_reservations_that_differ_from_the_row(holds: bool) -> None:
    order = order_of(make_product(stock=100), 1 if not holds else 99)
    Order.objects.filter(pk=order.pk).update(holds_stock=holds)
    assert [finding.rule for finding in reserved_stock()] == ["I4"]


# Where an order was placed


def test_placed_order_has_the_fingerprints_of_its_card_attempt_until_it_is_paid(simulator: Simulator) -> None:
    _client, order = visit(make_product(stock=100), 1)
    attempt = CardAttempt.objects.filter(kind="pay").get()
    assert (order.placed_ip, order.placed_session) == (attempt.address, attempt.session)
    assert len(order.placed_ip) == len(order.placed_session) == 40
    simulator.complete_3d_secure(str(order.payment_intent_id), succeed=True)
    payments.settle(order)
    assert (order.status, order.placed_ip, order.placed_session) == ("paid", "", "")


def test_fingerprints_of_unpaid_orders_are_forgotten_after_a_day() -> None:
    product = make_product(stock=100)
    old, new = order_of(product, 1), order_of(product, 1)
    Order.objects.filter(pk=old.pk).update(placed_at=timezone.now() - CardAttempt.KEPT_FOR - timedelta(minutes=1))
    assert prune()[0]["visitors of unpaid orders pruned"] == 1
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.placed_ip, old.placed_session) == ("", "")
    assert (new.placed_ip, new.placed_session) == ("a", "session-a")


# An unfinished bank check


def attempt_results() -> list[bool | None]:
    return list(CardAttempt.objects.filter(kind="pay").order_by("pk").values_list("ok", flat=True))


def test_bank_check_that_is_not_finished_stays_in_progress(simulator: Simulator) -> None:
    visit(make_product(), 1)
    assert attempt_results() == [None]


@pytest.mark.parametrize("passed", [True, False])
def test_result_of_the_bank_check_is_the_result_of_the_attempt(simulator: Simulator, passed: bool) -> None:
    client, order = visit(make_product(), 1)
    simulator.complete_3d_secure(str(order.payment_intent_id), succeed=passed)
    client.get(order.get_absolute_url())
    assert attempt_results() == [passed]


def test_canceled_order_counts_its_unfinished_bank_check_as_declined(simulator: Simulator) -> None:
    client, order = visit(make_product(), 1)
    client.post(f"{order.get_absolute_url()}cancel/")
    assert attempt_results() == [False]


def test_expired_order_counts_its_unfinished_bank_check_as_declined(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit(make_product(), 1)
    pass_hours(monkeypatch, 0.6)
    reconcile()
    assert attempt_results() == [False]


@pytest.mark.slow
def test_canceled_order_without_a_bank_check_leaves_other_attempts(simulator: Simulator, client: Client) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    attempt = CardAttempt.objects.create(kind="pay", billing_profile=order.billing_profile, address="a")
    cancellation.cancel(order, by="shopper")
    attempt.refresh_from_db()
    assert attempt.ok is None


def test_unfinished_bank_checks_exhaust_the_limit_of_a_visitor(simulator: Simulator, settings: Any) -> None:
    """An attacker is stopped after as many unfinished checks as declined cards. An honest shopper still buys."""
    settings.CARD_TRIES = {"profile": 10, "session": 10, "address": 3, "shop": 200}
    product = make_product(stock=100)
    numbers = [visit(product, 1)[1].pk for _try in range(4)]
    assert Order.objects.filter(pk__in=numbers, status="placed").count() == 3
    assert visit(product, 2, "tok_visa", ip="192.0.2.9")[1].status == "paid"
