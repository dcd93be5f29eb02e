"""Tests for the cart page, and for the cart before and after sign-in and logout."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from carts.models import Cart
from products.models import Product
from tests.budgets import LARGE_CART
from tests.makers import add_to_cart, make_discount, make_product, make_user
from tests.markup import parse_html
from tests.visitors import count_queries, fill_cart, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def shown_lines(client: Client) -> dict[str, int]:
    """Return the title and quantity of the lines on the cart page."""
    lines = client.get("/cart/").context["quote"].lines
    return {line.product.title: line.quantity for line in lines}


def test_progress_to_free_delivery_is_that_of_the_goods_before_the_discount(client: Client) -> None:
    make_discount("TEN")
    add_to_cart(client, make_product(price="40.00"))
    Cart.objects.get().store_choices(discount_code="TEN")
    page = parse_html(client.get("/cart/").text)
    progress = page.one("progress")
    assert (progress.attrs["value"], progress.attrs["max"]) == ("40.00", "75.00")
    assert page.one(id=progress.attrs["aria-labelledby"]).text == "£35.00 more for free delivery"
    add_to_cart(client, make_product(price="35.00"))
    assert not list(parse_html(client.get("/cart/").text).all("progress"))


def test_cart_page_shows_lines_shipping_and_total(client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"), 2)
    page = client.get("/cart/").text
    for text in ("Teal mug", "£32.00", "£4.95", "£36.95", "£43.00 more for free delivery"):
        assert text in page


def test_cart_page_has_the_cart_in_its_context(client: Client) -> None:
    add_to_cart(client, make_product())
    assert client.get("/cart/").context["cart"] == Cart.objects.get()


def test_empty_cart_page_links_to_the_products_and_creates_nothing(client: Client) -> None:
    response = client.get("/cart/")
    assert "Your cart is empty." in response.text
    assert 'href="/products/">See all products' in response.text
    assert not response.cookies
    assert (Session.objects.count(), Cart.objects.count()) == (0, 0)


def test_empty_cart_page_shows_products(client: Client) -> None:
    make_product(title="Lamp")
    assert re.search(r"More from this shop.*>Lamp</a>", client.get("/cart/").text, re.DOTALL)


@pytest.mark.parametrize("count", [3, 30])
def test_cart_page_with_any_number_of_lines_stays_within_its_budget(client: Client, count: int) -> None:
    fill_cart(client, count)
    with count_queries() as queries:
        assert len(shown_lines(client)) == count
    assert len(queries) <= LARGE_CART["carts:home"].statements


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 30])
def test_cart_page_of_a_signed_in_visitor_needs_one_more_query(client: Client, count: int) -> None:
    sign_in(client, make_user())
    fill_cart(client, count)
    with count_queries() as queries:
        client.get("/cart/")
    assert len(queries) == 3


def test_cart_page_shows_the_current_price(client: Client) -> None:
    add_to_cart(client, make_product())
    Product.objects.update(price="20.00")
    assert "£24.95" in client.get("/cart/").text


def test_cart_page_reports_unavailable_lines_and_hides_the_checkout(client: Client) -> None:
    add_to_cart(client, make_product(), 5)
    Product.objects.update(stock=2)
    page = client.get("/cart/").text
    assert "Only 2 left" in page
    assert ">Checkout<" not in page


def test_cart_page_corrects_a_wrong_badge(client: Client) -> None:
    product = make_product()
    add_to_cart(client, product, 5)
    product.delete()
    assert "data-cart-items>0<" in client.get("/cart/").text


def test_cart_page_is_not_cached(client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"))
    response = client.get("/cart/")
    assert "Teal mug" in response.text
    assert {"no-store", "private"} <= set(response.headers["Cache-Control"].split(", "))


def test_cart_page_does_not_show_the_cart_of_another_visitor(client: Client, other_client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"))
    assert shown_lines(other_client) == {}
    add_to_cart(other_client, make_product(title="Jug"))
    assert (shown_lines(client), shown_lines(other_client)) == ({"Teal mug": 1}, {"Jug": 1})


def test_sign_in_keeps_the_cart_of_the_visitor(client: Client) -> None:
    add_to_cart(client, make_product(title="Mug"), 2)
    sign_in(client, make_user())
    assert shown_lines(client) == {"Mug": 2}
    assert Cart.objects.get(active=True).user.email == "alice@example.org"


def test_sign_in_merges_the_sessions_cart_into_the_users_cart(client: Client, other_client: Client) -> None:
    alice, mug = make_user(), make_product(title="Mug", stock=None)
    sign_in(other_client, alice)
    add_to_cart(other_client, mug, 60)
    add_to_cart(client, mug, 60)
    add_to_cart(client, make_product(title="Jug"))
    sign_in(client, alice)
    assert shown_lines(client) == shown_lines(other_client) == {"Mug": 99, "Jug": 1}
    assert "data-cart-items>100<" in client.get("/").text


def test_repeated_sign_in_does_not_add_items_again(client: Client) -> None:
    alice = make_user()
    add_to_cart(client, make_product(title="Mug"), 2)
    for _ in range(2):
        sign_in(client, alice)
        client.post("/accounts/logout/")
    sign_in(client, alice)
    assert shown_lines(client) == {"Mug": 2}


def test_logout_keeps_the_users_cart_and_shows_an_empty_cart(client: Client) -> None:
    alice = make_user()
    sign_in(client, alice)
    add_to_cart(client, make_product(title="Mug"), 2)
    client.post("/accounts/logout/")
    assert shown_lines(client) == {}
    assert "data-cart-items>0<" in client.get("/").text
    sign_in(client, alice)
    assert shown_lines(client) == {"Mug": 2}


def test_next_user_of_the_browser_does_not_get_the_cart(client: Client) -> None:
    sign_in(client, make_user())
    add_to_cart(client, make_product(title="Mug"), 2)
    client.post("/accounts/logout/")
    sign_in(client, make_user("bob@example.org"))
    assert shown_lines(client) == {}


def test_session_with_the_id_of_another_users_cart_does_not_show_it(client: Client, other_client: Client) -> None:
    sign_in(client, make_user())
    add_to_cart(client, make_product(title="Mug"))
    add_to_cart(other_client, make_product(title="Jug"))
    session = other_client.session
    session["cart_id"] = Cart.objects.get(user__email="alice@example.org").pk
    session.save()
    assert shown_lines(other_client) == {"Jug": 1}
