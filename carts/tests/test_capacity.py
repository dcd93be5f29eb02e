"""Tests for the limit of lines in a cart: adding, setting, merging at sign-in, and lines that come back."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from carts.models import Cart, CartItem, capacity
from carts.models.capacity import MAX_LINES, CartFull
from orders.workflow import cancellation
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import add_to_cart, buy, make_product, make_user
from tests.visitors import make_request, sign_in

pytestmark = pytest.mark.django_db
LEFT_OUT = "Your cart can have at most 3 different products, so"
FULL = "Your cart is full: it can have at most 3 different products."


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[Product]:
    """Let a cart have three lines. Return six products."""
    monkeypatch.setattr(capacity, "MAX_LINES", 3)
    return [make_product(title=f"Mug {number}", stock=50) for number in range(1, 7)]


def titles(cart: Cart | None = None) -> list[str]:
    lines = CartItem.objects.filter(cart__active=True) if cart is None else cart.items.all()
    return list(lines.order_by("pk").values_list("product__title", flat=True))


def make_cart(products: list[Product], **fields: object) -> Cart:
    cart = Cart.objects.create(**{"session_key": "session"} | fields)
    CartItem.objects.bulk_create(CartItem(cart=cart, product=product, quantity=2) for product in products)
    return cart


def test_a_cart_has_at_most_a_hundred_lines() -> None:
    numbers = range(MAX_LINES + 1)
    products = [Product(title=f"Mug {n}", slug=f"mug-{n}", sku=f"M{n}", price=5) for n in numbers]
    Product.objects.bulk_create(products)
    cart = make_cart(products[:MAX_LINES])
    with pytest.raises(CartFull):
        cart.set_quantity(products[-1], 1)
    assert MAX_LINES == 100
    assert cart.items.count() == 100


def test_adding_a_line_too_many_is_rejected_with_a_message(client: Client, small: list[Product]) -> None:
    for product in small[:3]:
        add_to_cart(client, product)
    before = Cart.objects.get().total
    page = client.post(
        reverse("carts:update"), {"product_id": small[3].pk}, headers={"Sec-Fetch-Site": "same-origin"}, follow=True
    )
    assert f"{FULL} Remove one to add another." in page.text
    assert (titles(), Cart.objects.get().total) == (["Mug 1", "Mug 2", "Mug 3"], before)
    assert client.session["cart_items"] == 3


@pytest.mark.parametrize("action", ["add", "set"])
def test_lines_of_a_full_cart_still_change(client: Client, small: list[Product], action: str) -> None:
    for product in small[:3]:
        add_to_cart(client, product)
    add_to_cart(client, small[2], 2, action="set")
    assert CartItem.objects.get(product=small[2]).quantity == 2
    assert "is full" in message_text(add_to_cart(client, small[3], action=action))
    add_to_cart(client, small[0], 0, action="remove")
    add_to_cart(client, small[3], action=action)
    assert titles() == ["Mug 2", "Mug 3", "Mug 4"]


def message_text(response: object) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))  # type: ignore[attr-defined]


def test_sign_in_keeps_the_lines_that_fit_and_says_so(client: Client, small: list[Product]) -> None:
    user = make_user()
    cart = make_cart(small[:2], user=user, session_key="")
    for product in small[1:4]:
        add_to_cart(client, product)
    page = client.get(sign_in(client, user).url)
    assert f"{LEFT_OUT} 1 more was left out." in page.text
    assert titles(cart) == ["Mug 1", "Mug 2", "Mug 3"]
    assert "left out" not in client.get(reverse("carts:home")).text


def test_merge_adds_quantities_of_lines_that_need_no_room(small: list[Product]) -> None:
    user = make_user()
    own = make_cart(small[:3], user=user, session_key="")
    other = make_cart([small[3], small[2]], session_key="other")
    Cart.objects.merge_on_login(make_request(user, cart_id=other.pk), user)
    assert list(own.items.order_by("pk").values_list("quantity", flat=True)) == [2, 2, 4]
    assert Cart.objects.get(pk=own.pk).left_out == 1


def test_restored_lines_that_do_not_fit_are_counted(small: list[Product]) -> None:
    cart = make_cart(small[:2])
    Cart.objects.restore(make_cart(small[2:5], active=False, session_key="session"), "ORDER1")
    assert titles(cart) == ["Mug 1", "Mug 2", "Mug 3"]
    assert "2 more were left out." in Cart.objects.get(pk=cart.pk).take_left_out()
    assert Cart.objects.get(pk=cart.pk).take_left_out() == ""


def test_cart_page_says_that_lines_of_an_expired_order_did_not_fit(
    client: Client, simulator: Simulator, small: list[Product]
) -> None:
    add_to_cart(client, small[0])
    order = buy(client, small[1], "tok_chargeCustomerFail")
    for product in small[2:5]:
        add_to_cart(client, product)
    cancellation.cancel(order, by="expiry")
    assert f"{LEFT_OUT} 2 more were left out." in client.get(reverse("carts:home")).text
    assert "left out" not in client.get(reverse("carts:home")).text
