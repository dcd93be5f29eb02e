"""Tests for the cart update view: actions, invalid input, CSRF protection and redirects."""

from urllib.parse import unquote

import pytest
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.test import Client

from carts.models import Cart, CartItem
from orders.models import Order
from products.models import Product
from tests.makers import add_to_cart, make_product, make_user, submit_details
from tests.visitors import count_queries, fill_cart, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
UPDATE = "/cart/update/"
SAME = {"Sec-Fetch-Site": "same-origin"}


def lines() -> dict[str, int]:
    """Return the title and quantity of every line of every cart."""
    return dict(CartItem.objects.values_list("product__title", "quantity"))


def message_text(response) -> str:
    """Return the text of all messages for the visitor."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.fixture
def mug() -> Product:
    return make_product(title="Mug", stock=10)


# Add


def test_add_creates_a_cart_with_one_line(client: Client, mug: Product) -> None:
    response = add_to_cart(client, mug, 2)
    assert (response.status_code, response.url) == (302, "/cart/")
    assert (lines(), message_text(response)) == ({"Mug": 2}, "Now in your cart: 2 × Mug.")


def test_update_adds_one_by_default(client: Client, mug: Product) -> None:
    client.post(UPDATE, {"product_id": mug.pk}, headers=SAME)
    assert lines() == {"Mug": 1}


def test_add_increases_the_quantity_and_reports_it(client: Client, mug: Product) -> None:
    add_to_cart(client, mug, 2)
    assert message_text(add_to_cart(client, mug, 3)).endswith("Now in your cart: 5 × Mug.")
    assert lines() == {"Mug": 5}


@pytest.mark.parametrize(("stock", "most"), [(4, 4), (500, 99), (None, 99)])
def test_add_is_limited_to_the_stock_and_99_with_a_message(client: Client, stock: int | None, most: int) -> None:
    product = make_product(title="Jug", stock=stock)
    add_to_cart(client, product, 3)
    response = add_to_cart(client, product, 98)
    assert lines() == {"Jug": most}
    assert message_text(response).endswith(f"That is all we have in stock: your cart now has {most} × Jug.")


def test_add_of_a_sold_out_product_shows_a_message(client: Client) -> None:
    response = add_to_cart(client, make_product(title="Jug", stock=0))
    assert (lines(), message_text(response)) == ({}, "Jug is sold out.")


def test_add_rejects_a_quantity_of_zero(client: Client, mug: Product) -> None:
    response = add_to_cart(client, mug, 0)
    assert (lines(), message_text(response)) == ({}, "Choose a quantity of 1 or more.")


# Set and remove


def test_set_is_idempotent(client: Client, mug: Product) -> None:
    add_to_cart(client, mug, 2)
    for _ in range(2):
        add_to_cart(client, mug, 7, "set")
    assert lines() == {"Mug": 7}


def test_set_adds_a_missing_line(client: Client, mug: Product) -> None:
    add_to_cart(client, mug, 4, "set")
    assert lines() == {"Mug": 4}


def test_set_is_limited_to_the_stock(client: Client, mug: Product) -> None:
    response = add_to_cart(client, mug, 50, "set")
    assert lines() == {"Mug": 10}
    assert "That is all we have in stock" in message_text(response)


@pytest.mark.parametrize(("action", "quantity"), [("set", 0), ("remove", 1), ("remove", 0), ("remove", 99)])
def test_set_to_zero_and_remove_delete_the_line_repeatedly(
    client: Client, mug: Product, action: str, quantity: int
) -> None:
    add_to_cart(client, mug, 2)
    for _ in range(2):
        response = add_to_cart(client, mug, quantity, action)
    assert lines() == {}
    assert message_text(response).endswith("Mug is no longer in your cart.")


def test_remove_keeps_the_other_lines(client: Client, mug: Product) -> None:
    add_to_cart(client, mug)
    add_to_cart(client, make_product(title="Jug"), 3)
    add_to_cart(client, mug, action="remove")
    assert lines() == {"Jug": 3}


def test_line_of_an_inactive_product_can_be_removed(client: Client, mug: Product) -> None:
    add_to_cart(client, mug, 2)
    Product.objects.update(active=False)
    add_to_cart(client, mug, action="remove")
    assert lines() == {}


def test_update_does_not_change_the_cart_of_another_visitor(client: Client, other_client: Client, mug: Product) -> None:
    add_to_cart(client, mug, 2)
    add_to_cart(other_client, mug, 9, "remove")
    assert lines() == {"Mug": 2}


def test_badge_follows_every_update(client: Client, mug: Product) -> None:
    counts = []
    for action, quantity in [("add", 2), ("add", 99), ("set", 4), ("remove", 1), ("remove", 1)]:
        add_to_cart(client, mug, quantity, action)
        counts.append(client.session["cart_items"])
    assert counts == [2, 10, 4, 0, 0]


def test_totals_follow_every_update(client: Client, mug: Product) -> None:
    totals = []
    for action, quantity in [("add", 2), ("set", 5), ("remove", 1)]:
        add_to_cart(client, mug, quantity, action)
        totals.append(str(Cart.objects.get().total))
    assert totals == ["32.00", "80.00", "0.00"]


# Invalid input

HUGE = str(2**64)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("action", ["add", "set"])
@pytest.mark.parametrize(
    "quantity", [" ", "-1", "1.5", "1e9", "100", "NaN", "inf", "9" * 500, "9" * 5000, "1\x00", "one", "0x1", HUGE]
)
def test_invalid_quantity_changes_nothing_and_shows_a_message(
    client: Client, mug: Product, action: str, quantity: str
) -> None:
    add_to_cart(client, mug, 2)
    del client.cookies["messages"]  # what that message_text
    response = add_to_cart(client, mug, quantity, action)
    assert (response.status_code, lines()) == (302, {"Mug": 2})
    assert 0 < len(message_text(response)) < 200


def test_empty_quantity_adds_one(client: Client, mug: Product) -> None:
    add_to_cart(client, mug, "")
    assert lines() == {"Mug": 1}


@pytest.mark.parametrize("quantity", ["", None])
def test_set_without_a_quantity_shows_a_message_and_changes_nothing(
    client: Client, mug: Product, quantity: str | None
) -> None:
    add_to_cart(client, mug, 5)
    del client.cookies["messages"]  # what that message_text
    data = {"product_id": mug.pk, "action": "set"} | ({} if quantity is None else {"quantity": quantity})
    response = client.post(UPDATE, data, headers=SAME)
    assert (message_text(response), lines()) == ("Enter a quantity.", {"Mug": 5})


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "number", ["", " ", "mug", "0", "-1", "1.5", HUGE, "9" * 500, "9" * 5000, "1\x00", "\x00", "None"]
)
def test_invalid_product_id_changes_nothing(client: Client, mug: Product, number: str) -> None:
    response = client.post(UPDATE, {"product_id": number}, headers=SAME)
    assert (response.status_code, lines(), Cart.objects.count()) == (302, {}, 0)
    assert message_text(response)


def test_missing_product_id_changes_nothing(client: Client, mug: Product) -> None:
    response = client.post(UPDATE, headers=SAME)
    assert (lines(), message_text(response)) == ({}, "Choose a product.")


@pytest.mark.parametrize("gone", ["inactive", "deleted"])
@pytest.mark.parametrize("action", ["add", "set", "remove"])
def test_unavailable_product_changes_nothing_and_shows_a_message(
    client: Client, mug: Product, gone: str, action: str
) -> None:
    if gone == "inactive":
        Product.objects.update(active=False)
    else:
        Product.objects.all().delete()
    response = add_to_cart(client, mug, 1, action)
    assert (lines(), message_text(response)) == ({}, "This product is no longer available.")


@pytest.mark.parametrize("action", ["toggle", "ADD", "add\x00", "delete", "a" * 100_000])
def test_unknown_action_changes_nothing_and_shows_a_short_message(client: Client, mug: Product, action: str) -> None:
    response = add_to_cart(client, mug, 1, action)
    assert (response.status_code, lines()) == (302, {})
    assert 0 < len(message_text(response)) < 200


def test_unexpected_fields_change_nothing(client: Client, other_client: Client, mug: Product) -> None:
    add_to_cart(other_client, make_product(title="Jug"))
    other = Cart.objects.get()
    bob = make_user("bob@example.org")
    extra = {"price": "0.01", "total": "0.01", "user": bob.pk, "cart_id": other.pk, "cart": other.pk, "active": ""}
    add_to_cart(client, mug, 2, **extra)
    cart = Cart.objects.latest("pk")
    assert (cart.user, cart.active, str(cart.total)) == (None, True, "32.00")
    assert [line.product.title for line in other.items.all()] == ["Jug"]


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_update_accepts_only_post(client: Client, mug: Product, method: str) -> None:
    response = getattr(client, method)(f"{UPDATE}?product_id={mug.pk}")
    assert (response.status_code, lines(), Session.objects.count()) == (405, {}, 0)


def test_json_body_changes_nothing(client: Client, mug: Product) -> None:
    response = client.post(UPDATE, b'{"product_id": 1}', content_type="application/json", headers=SAME)
    assert (lines(), message_text(response)) == ({}, "Choose a product.")


# CSRF protection


@pytest.fixture
def csrf_client() -> Client:
    """Return a client that enforces CSRF checks, as in production."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin, cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver:81"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver@evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
        {"Referer": "http://testserver/products/"},
    ],
)
def test_update_from_another_site_without_a_token_is_rejected(csrf_client: Client, mug: Product, headers: dict) -> None:
    response = csrf_client.post(UPDATE, {"product_id": mug.pk}, headers=headers)
    assert response.status_code == 403
    assert "Nothing was changed." in response.text
    assert lines() == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://testserver"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_same_origin_update_needs_no_token_or_cookie(csrf_client: Client, mug: Product, headers: dict) -> None:
    csrf_client.post(UPDATE, {"product_id": mug.pk}, headers=headers)
    assert lines() == {"Mug": 1}


def test_update_with_a_csrf_token_needs_no_origin_headers(csrf_client: Client, mug: Product) -> None:
    token = str(csrf_client.get("/accounts/login/").context["csrf_token"])
    csrf_client.post(UPDATE, {"product_id": mug.pk, "csrfmiddlewaretoken": token})
    assert lines() == {"Mug": 1}


def test_update_with_a_wrong_token_is_rejected(csrf_client: Client, mug: Product) -> None:
    csrf_client.get("/accounts/login/")
    response = csrf_client.post(UPDATE, {"product_id": mug.pk, "csrfmiddlewaretoken": "x" * 64})
    assert (response.status_code, lines()) == (403, {})


# Redirects


@pytest.mark.parametrize("goal", ["/products/", "/products/?page=2&category=mugs", "/products/mug/#quantity", "/?q=é"])
def test_next_on_this_site_is_followed(client: Client, mug: Product, goal: str) -> None:
    response = client.post(UPDATE, {"product_id": mug.pk, "next": goal}, headers=SAME)
    assert unquote(response.url) == goal


HOSTILE = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "http:evil.example",
    "http:///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    " https://evil.example",
    "\thttps://evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/products/\r\nSet-Cookie: a=b",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "https://evil.example\\@testserver/",
    "//evil.example/%2f..",
    "http://[::1",
    "\x00//evil.example",
    "\u2028//evil.example",
    "ftp://testserver/",
    "",
]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("goal", HOSTILE)
def test_next_to_another_site_is_not_followed(client: Client, mug: Product, goal: str) -> None:
    response = client.post(UPDATE, {"product_id": mug.pk, "next": goal}, headers=SAME)
    assert response.url == "/cart/"
    assert "Set-Cookie: a=b" not in str(response.headers)


# New sessions and carts, queries, and the open order


def test_first_add_creates_one_session_and_one_cart(client: Client, mug: Product) -> None:
    add_to_cart(client, mug)
    assert (Session.objects.count(), Cart.objects.count()) == (1, 1)
    assert Cart.objects.get().session_key == Session.objects.get().session_key


def test_later_adds_create_no_more_sessions_or_carts(client: Client, mug: Product) -> None:
    for _ in range(3):
        add_to_cart(client, mug)
    assert (Session.objects.count(), Cart.objects.count()) == (1, 1)


def test_add_of_a_signed_in_visitor_uses_the_users_cart(client: Client, mug: Product) -> None:
    alice = make_user()
    sign_in(client, alice)
    add_to_cart(client, mug)
    assert Cart.objects.get().user == alice


@pytest.mark.parametrize("others", [3, 30])
@pytest.mark.parametrize("is_new", [True, False])
def test_add_query_count_does_not_depend_on_the_cart_size(client: Client, others: int, is_new: bool) -> None:
    product = fill_cart(client, others)
    if is_new:
        product = make_product()
    with count_queries() as queries:
        add_to_cart(client, product)
    assert len(queries) == 6


@pytest.mark.parametrize(("quantity", "stock", "total"), [(1, 10, 16), (3, None, 48), (30, 10, 160), (5, 0, 0)])
def test_new_cart_has_the_total_of_its_first_line(client: Client, quantity: int, stock: int | None, total: int) -> None:
    add_to_cart(client, make_product(stock=stock), quantity)
    assert [(cart.subtotal, cart.total) for cart in Cart.objects.all()] == [(total, total)]


def test_update_changes_the_open_order(client: Client, mug: Product) -> None:
    add_to_cart(client, mug, 1)
    submit_details(client)
    add_to_cart(client, mug, 3, "set")
    assert (str(Order.objects.get().total), Order.objects.get().status) == ("48.00", Order.Status.OPEN)


@pytest.mark.parametrize("action", ["add", "set", "remove"])
def test_update_of_an_unknown_product_creates_no_cart(client: Client, action: str) -> None:
    client.post(UPDATE, {"product_id": 999, "action": action}, headers=SAME)
    assert not Cart.objects.exists()
    assert not Session.objects.exists()


def test_remove_without_a_cart_creates_none(client: Client) -> None:
    add_to_cart(client, make_product(), action="remove")
    assert not Cart.objects.exists()
