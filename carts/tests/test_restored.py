"""Tests for lines that come back from canceled orders, and for the sentence that says so."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from carts.models import Cart
from orders.emails.messages import build
from orders.emails.sending import send_waiting
from orders.models import Order
from orders.workflow import cancellation
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_discount, make_product, make_user, payment_form_data
from tests.visitors import make_request, sign_in

pytestmark = pytest.mark.django_db
EXPIRED = "Order {} was cancelled because it was not paid in time. Its items are back in your cart."
CANCELED = "Order {} was cancelled. Its items are back in your cart."
Quantities = dict[Product, int]


def make_cart(quantities: Quantities, **fields: Any) -> Cart:
    cart = Cart.objects.create(**{"session_key": "session"} | fields)
    for product, quantity in quantities.items():
        cart.set_quantity(product, quantity)
    return cart


def quantities_in(cart: Cart) -> Quantities:
    return {line.product: line.quantity for line in cart.lines()}


def restore(cart: Cart, *closed: Cart) -> Quantities:
    """Restore these closed carts, and return the quantities of the active cart."""
    for number, each in enumerate(closed):
        Cart.objects.restore(each, f"ORDER{number}")
    return quantities_in(cart)


def expire(order: Order) -> None:
    cancellation.cancel(order, by="expiry")


def shown_quantities(client: Client) -> list[int]:
    return [line.quantity for line in client.get(reverse("carts:home")).context["quote"].lines]


@pytest.fixture
def lamp() -> Product:
    return make_product(title="Lamp")


# Quantities


@pytest.mark.parametrize(("ordered", "added", "expected"), [(2, 2, 2), (2, 1, 2), (1, 3, 3), (99, 99, 99), (5, 0, 5)])
def test_restored_line_takes_the_larger_quantity(ordered: int, added: int, expected: int) -> None:
    product = make_product(stock=None)
    cart = make_cart({product: added})
    assert restore(cart, make_cart({product: ordered}, active=False)) == {product: expected}


def test_two_orders_that_end_one_after_the_other_add_nothing(lamp: Product) -> None:
    jug = make_product()
    cart = make_cart({})
    closed = [make_cart({lamp: 2}, active=False), make_cart({lamp: 3, jug: 1}, active=False)]
    assert restore(cart, *closed) == {lamp: 3, jug: 1}


def test_restored_lines_keep_the_choices_of_the_cart() -> None:
    cart = make_cart({}, discount_code="OWN", country="DE")
    restore(cart, make_cart({make_product(): 1}, active=False, discount_code="OLD", country="GB", region="Kent"))
    assert Cart.objects.values_list("discount_code", "country", "region").get(pk=cart.pk) == ("OWN", "DE", "")


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_two_carts_restore_to_the_maximum_of_each_line(data: st.DataObject) -> None:
    quantities = st.lists(st.integers(0, 99), min_size=4, max_size=4)
    with transaction.atomic():
        products = [make_product(stock=None) for _number in range(4)]
        own, ordered = (dict(zip(products, data.draw(quantities), strict=True)) for _cart in range(2))
        expected = {product: max(own[product], ordered[product], 0) for product in products}
        cart, closed = make_cart(own), make_cart(ordered, active=False)
        first = restore(cart, closed)
        assert first == {product: quantity for product, quantity in expected.items() if quantity}
        assert restore(cart, closed) == first
        transaction.set_rollback(True)


# Sign-in


def sign_in_with(user: User, cart: Cart) -> Quantities:
    """Merge this session cart at sign-in, and return the quantities of the user's cart."""
    Cart.objects.merge_on_login(make_request(user, cart_id=cart.pk), user)
    return quantities_in(Cart.objects.get(user=user, active=True))


def test_restored_cart_takes_the_larger_quantity_at_sign_in(lamp: Product) -> None:
    alice = make_user()
    make_cart({lamp: 2}, user=alice, session_key="")
    cart = make_cart({})
    restore(cart, make_cart({lamp: 2}, active=False))
    assert sign_in_with(alice, cart) == {lamp: 2}


def test_cart_filled_by_hand_meets_a_restored_cart_at_sign_in(lamp: Product) -> None:
    alice = make_user()
    closed = make_cart({lamp: 2}, user=alice, session_key="", active=False)
    Cart.objects.restore(closed, "ORDER1")
    assert sign_in_with(alice, make_cart({lamp: 3})) == {lamp: 3}


def test_line_changed_by_hand_after_it_came_back_is_added_at_sign_in(lamp: Product) -> None:
    alice = make_user()
    make_cart({lamp: 2}, user=alice, session_key="")
    cart = make_cart({})
    restore(cart, make_cart({lamp: 2}, active=False))
    cart.set_quantity(lamp, 3)
    assert sign_in_with(alice, cart) == {lamp: 5}


@pytest.mark.slow
def test_cancel_after_sign_in_takes_the_larger_quantity(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail", quantity=2)
    sign_in(client, make_user())
    add_to_cart(client, lamp, 2)
    client.post(reverse("orders:cancel", args=[order.order_id]))
    assert shown_quantities(client) == [2]
    assert client.session["cart_items"] == 2


@pytest.mark.slow
def test_guest_order_that_expires_after_sign_in_returns_to_the_users_cart(
    client: Client, simulator: Simulator, lamp: Product
) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail", quantity=2)
    sign_in(client, make_user())
    expire(order)
    page = client.get(reverse("carts:home"))
    assert [line.quantity for line in page.context["quote"].lines] == [2]
    assert EXPIRED.format(order.order_id) in page.text


@pytest.mark.slow
def test_sign_in_leaves_the_cart_of_a_paid_order(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp)
    sign_in(client, make_user())
    assert order.cart
    order.cart.refresh_from_db()
    assert order.cart.user is None


# The sentence


@pytest.mark.slow
def test_refilled_cart_says_once_that_the_lines_came_back(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail", quantity=2)
    add_to_cart(client, lamp, 2)
    expire(order)
    first, second = (client.get(reverse("carts:home")) for _visit in range(2))
    assert EXPIRED.format(order.order_id) in first.text
    assert [line.quantity for line in first.context["quote"].lines] == [2]
    assert order.order_id not in second.text


@pytest.mark.slow
def test_empty_cart_says_that_the_lines_came_back(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    expire(order)
    assert EXPIRED.format(order.order_id) in client.get(reverse("carts:home")).text


@pytest.mark.slow
def test_order_canceled_by_staff_is_not_called_unpaid(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    cancellation.cancel(order, by="boss@example.org")
    text = client.get(reverse("carts:home")).text
    assert CANCELED.format(order.order_id) in text
    assert "in time" not in text


@pytest.mark.slow
def test_two_expired_orders_are_both_named(client: Client, simulator: Simulator, lamp: Product) -> None:
    orders = [buy(client, lamp, "tok_chargeCustomerFail", quantity=2) for _number in range(2)]
    for order in orders:
        expire(order)
    page = client.get(reverse("carts:home"))
    assert [EXPIRED.format(order.order_id) in page.text for order in orders] == [True, True]
    assert [line.quantity for line in page.context["quote"].lines] == [2]


@pytest.mark.slow
def test_cancellation_by_the_shopper_is_confirmed_by_one_message(
    client: Client, simulator: Simulator, lamp: Product
) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    client.post(reverse("orders:cancel", args=[order.order_id]))
    assert client.get(reverse("carts:home")).text.count(f"Order {order.order_id}") == 1


@pytest.mark.slow
def test_head_request_does_not_use_up_the_sentence(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    expire(order)
    client.head(reverse("carts:home"))
    assert EXPIRED.format(order.order_id) in client.get(reverse("carts:home")).text


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "?details"])
def test_checkout_says_that_lines_came_back_before_they_are_ordered(
    client: Client, simulator: Simulator, lamp: Product, query: str
) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    add_to_cart(client, make_product(title="Jug"))
    expire(order)
    pages = [client.get(reverse("carts:checkout") + query).text for _ in range(2)]
    assert [EXPIRED.format(order.order_id) in page for page in pages] == [True, False]
    assert EXPIRED.format(order.order_id) not in client.get(reverse("carts:home")).text


@pytest.mark.slow
def test_order_that_expires_on_the_payment_step_of_the_next_one_is_named(
    client: Client, simulator: Simulator, lamp: Product
) -> None:
    first = buy(client, lamp, "tok_chargeCustomerFail")
    add_to_cart(client, make_product(title="Jug"))
    card = add_card(client).json()["card"]
    shown = payment_form_data(client) | {"card": card}
    expire(first)
    page = client.post(reverse("carts:checkout"), shown, follow=True).text
    assert "Your cart now has 1 × Lamp." in page
    assert EXPIRED.format(first.order_id) in page
    assert Order.objects.placed().count() == 1


def test_order_that_ends_while_the_page_is_shown_is_named_next_time(lamp: Product) -> None:
    cart = make_cart({})
    restore(cart, make_cart({lamp: 1}, active=False))
    shown = Cart.objects.get(pk=cart.pk)
    Cart.objects.restore(make_cart({lamp: 1}, active=False), "LATER")
    shown.remove_restored_orders(shown.restored_orders.split())
    assert Cart.objects.get(pk=cart.pk).restored_orders.split()[-1] == "LATER"


@pytest.mark.slow
def test_sentence_survives_sign_in(client: Client, simulator: Simulator, lamp: Product) -> None:
    alice = make_user()
    make_cart({lamp: 1}, user=alice, session_key="")
    order = buy(client, lamp, "tok_chargeCustomerFail")
    expire(order)
    sign_in(client, alice)
    assert EXPIRED.format(order.order_id) in client.get(reverse("carts:home")).text


@pytest.mark.slow
def test_stock_limit_is_said_as_for_any_line(client: Client, simulator: Simulator, lamp: Product) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail", quantity=2)
    expire(order)
    Product.objects.update(stock=1)
    text = client.get(reverse("carts:home")).text
    assert "Only 1 left" in text
    assert EXPIRED.format(order.order_id) in text


@pytest.mark.slow
def test_emptied_cart_does_not_say_that_the_lines_are_in_it(
    client: Client, simulator: Simulator, lamp: Product
) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    expire(order)
    add_to_cart(client, lamp, action="remove")
    assert order.order_id not in client.get(reverse("carts:home")).text
    add_to_cart(client, lamp)
    assert order.order_id not in client.get(reverse("carts:home")).text


@pytest.mark.slow
def test_many_orders_keep_the_newest_numbers(lamp: Product) -> None:
    cart = make_cart({})
    for number in range(12):
        Cart.objects.restore(make_cart({lamp: 1}, active=False), f"ORDER{number:05}")
    cart.refresh_from_db()
    assert cart.restored_orders.split() == [f"ORDER{number:05}" for number in range(3, 12)]


# The email


def cancellation_email(order: Order) -> str:
    message = build(order.mails.get(kind="canceled"))
    assert message
    return f"{message.body} {message.alternatives[0][0]}"


@pytest.mark.slow
def test_email_about_an_expired_order_says_where_the_items_are(
    client: Client, simulator: Simulator, lamp: Product
) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    expire(order)
    text = cancellation_email(order)
    assert text.count("Its items are back in your cart, in the browser you ordered with.") == 2
    assert "You can add them to your cart again" not in text
    assert "/cart/" in text


@pytest.mark.slow
def test_email_to_a_member_says_that_the_items_are_in_the_cart(
    client: Client, simulator: Simulator, lamp: Product
) -> None:
    sign_in(client, make_user())
    order = buy(client, lamp, "tok_chargeCustomerFail")
    cancellation.cancel(order, by="boss@example.org")
    assert "Its items are back in your cart. They are no longer reserved for you:" in cancellation_email(order)


@pytest.mark.slow
def test_email_about_an_order_without_a_cart_does_not_mention_it(
    client: Client, simulator: Simulator, lamp: Product, mailoutbox: Any
) -> None:
    order = buy(client, lamp, "tok_chargeCustomerFail")
    Cart.objects.filter(pk=order.cart_id).delete()
    expire(Order.objects.get(pk=order.pk))
    send_waiting()
    assert "You can add them to your cart again" in mailoutbox[-1].body
    assert "back in your cart" not in mailoutbox[-1].body


@pytest.mark.slow
def test_code_of_the_order_returns_to_a_new_cart(client: Client, simulator: Simulator, lamp: Product) -> None:
    make_discount("TEN")
    order = buy(client, lamp, "tok_chargeCustomerFail")
    Cart.objects.filter(pk=order.cart_id).update(discount_code="TEN")
    expire(Order.objects.get(pk=order.pk))
    assert client.get(reverse("carts:home")).context["quote"].discount_code == "TEN"
