"""The cart's page, and whose cart it is before and after signing in and out."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from carts.models import Cart
from ecommerce.tests.makers import add_to_cart, make_product, make_user
from ecommerce.tests.visitors import count_queries, fill_cart, sign_in
from products.models import Product

pytestmark = pytest.mark.django_db


def shown(client: Client) -> dict[str, int]:
    """Title and quantity of the lines on the cart's page."""
    lines = client.get("/cart/").context["quote"].lines
    return {line.product.title: line.quantity for line in lines}


def test_cart_page_shows_lines_shipping_and_total(client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"), 2)
    page = client.get("/cart/").text
    for text in ("Teal mug", "£32.00", "£4.95", "£36.95", "£43.00 more and delivery is free."):
        assert text in page


def test_cart_page_gives_the_template_the_cart(client: Client) -> None:
    add_to_cart(client, make_product())
    assert client.get("/cart/").context["cart"] == Cart.objects.get()


def test_empty_cart_page_has_a_way_on_and_makes_nothing(client: Client) -> None:
    answer = client.get("/cart/")
    assert "Your cart is empty." in answer.text
    assert 'href="/products/">See all products' in answer.text
    assert not answer.cookies
    assert (Session.objects.count(), Cart.objects.count()) == (0, 0)


@pytest.mark.parametrize("count", [3, 30])
def test_cart_page_asks_three_queries(client: Client, count: int) -> None:
    fill_cart(client, count)
    with count_queries() as queries:
        assert len(shown(client)) == count
    assert len(queries) == 3


@pytest.mark.parametrize("count", [3, 30])
def test_cart_page_of_a_signed_in_visitor_asks_one_query_more(client: Client, count: int) -> None:
    sign_in(client, make_user())
    fill_cart(client, count)
    with count_queries() as queries:
        client.get("/cart/")
    assert len(queries) == 4


def test_cart_page_shows_todays_price(client: Client) -> None:
    add_to_cart(client, make_product())
    Product.objects.update(price="20.00")
    assert "£24.95" in client.get("/cart/").text


def test_cart_page_says_what_cannot_be_bought_and_hides_the_checkout(client: Client) -> None:
    add_to_cart(client, make_product(), 5)
    Product.objects.update(stock=2)
    page = client.get("/cart/").text
    assert "Only 2 left" in page
    assert ">Checkout<" not in page


def test_cart_page_mends_a_wrong_badge(client: Client) -> None:
    product = make_product()
    add_to_cart(client, product, 5)
    product.delete()
    assert "data-cart-items>0<" in client.get("/cart/").text


def test_cart_page_is_kept_out_of_caches(client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"))
    answer = client.get("/cart/")
    assert "Teal mug" in answer.text
    assert {"no-store", "private"} <= set(answer.headers["Cache-Control"].split(", "))


def test_cart_page_of_a_stranger_shows_nothing_of_it(client: Client, other_client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"))
    assert shown(other_client) == {}
    add_to_cart(other_client, make_product(title="Jug"))
    assert (shown(client), shown(other_client)) == ({"Teal mug": 1}, {"Jug": 1})


def test_sign_in_keeps_what_a_visitor_put_into_the_cart(client: Client) -> None:
    add_to_cart(client, make_product(title="Mug"), 2)
    sign_in(client, make_user())
    assert shown(client) == {"Mug": 2}
    assert Cart.objects.get(active=True).user.email == "alice@example.org"


def test_sign_in_pours_the_sessions_cart_into_the_users(client: Client, other_client: Client) -> None:
    alice, mug = make_user(), make_product(title="Mug", stock=None)
    sign_in(other_client, alice)
    add_to_cart(other_client, mug, 60)
    add_to_cart(client, mug, 60)
    add_to_cart(client, make_product(title="Jug"))
    sign_in(client, alice)
    assert shown(client) == shown(other_client) == {"Mug": 99, "Jug": 1}
    assert "data-cart-items>100<" in client.get("/").text


def test_sign_in_twice_adds_nothing_twice(client: Client) -> None:
    alice = make_user()
    add_to_cart(client, make_product(title="Mug"), 2)
    for _ in range(2):
        sign_in(client, alice)
        client.post("/accounts/logout/")
    sign_in(client, alice)
    assert shown(client) == {"Mug": 2}


def test_logout_keeps_the_users_cart_and_empties_the_browsers(client: Client) -> None:
    alice = make_user()
    sign_in(client, alice)
    add_to_cart(client, make_product(title="Mug"), 2)
    client.post("/accounts/logout/")
    assert shown(client) == {}
    assert "data-cart-items>0<" in client.get("/").text
    sign_in(client, alice)
    assert shown(client) == {"Mug": 2}


def test_next_user_of_the_browser_gets_nothing_of_the_cart(client: Client) -> None:
    sign_in(client, make_user())
    add_to_cart(client, make_product(title="Mug"), 2)
    client.post("/accounts/logout/")
    sign_in(client, make_user("bob@example.org"))
    assert shown(client) == {}


def test_users_cart_is_out_of_reach_of_a_session_that_names_it(client: Client, other_client: Client) -> None:
    sign_in(client, make_user())
    add_to_cart(client, make_product(title="Mug"))
    add_to_cart(other_client, make_product(title="Jug"))
    session = other_client.session
    session["cart_id"] = Cart.objects.get(user__email="alice@example.org").pk
    session.save()
    assert shown(other_client) == {"Jug": 1}
