"""Tests for discount codes in the cart."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from carts.models import Cart, WrongCode
from core.http import client_key
from products.models import Product
from tests.makers import add_to_cart, make_client_request, make_discount, make_product, make_user
from tests.visitors import count_queries, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def shopper(client: Client) -> Client:
    """Return a client with items for 32.00 in the cart."""
    add_to_cart(client, make_product(title="Mug"), 2)
    client.get("/cart/")
    return client


def submit_code(client: Client, code: str = "", **data: str) -> str:
    """Submit the discount form and return the HTML of the cart page."""
    return str(client.post("/cart/discount/", {"code": code} | data, headers=SAME, follow=True).text)


def test_code_lowers_the_total_and_has_a_remove_button(shopper: Client) -> None:
    make_discount("TEN")
    page = submit_code(shopper, "ten")
    for text in (
        "The code TEN takes £3.20 off.",
        "Discount TEN",
        "\N{MINUS SIGN}£3.20",
        "£33.75",
        "Remove the discount code TEN",
    ):
        assert text in page
    assert "£33.75" in shopper.get("/cart/").text


@pytest.mark.slow
def test_code_is_removed(shopper: Client) -> None:
    make_discount("TEN")
    submit_code(shopper, "TEN")
    page = submit_code(shopper, remove="1")
    assert "The discount code is no longer in your cart." in page
    assert "£36.95" in page
    assert Cart.objects.get().discount_code == ""


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, "ELEVEN", "The code ELEVEN is not valid."),
        ({"active": False}, "TEN", "The code TEN is not valid."),
        ({"uses_limit": 0}, "TEN", "The code TEN has been used up."),
        ({"minimum": "32.01"}, "TEN", "The code TEN is valid for orders of £32.01 or more."),
        ({}, "", "Enter a code."),
        ({}, "T E N", "A code can contain only letters from A to Z"),
        ({}, "<b>", "A code can contain only letters from A to Z"),
        ({}, "T" * 41, "at most 40 characters"),
    ],
)
def test_code_that_does_not_apply_is_not_stored(shopper: Client, fields: Any, code: str, message: str) -> None:
    make_discount("TEN", **fields)
    assert message in submit_code(shopper, code)
    assert Cart.objects.get().discount_code == ""


@pytest.mark.slow
def test_new_code_replaces_the_old_one_only_if_it_applies(shopper: Client) -> None:
    make_discount("TEN")
    make_discount("FIVE", value=5)
    submit_code(shopper, "TEN")
    submit_code(shopper, "NONE")
    assert Cart.objects.get().discount_code == "TEN"
    submit_code(shopper, "FIVE")
    assert Cart.objects.get().discount_code == "FIVE"


@pytest.mark.slow
def test_blank_code_is_rejected_and_keeps_the_old_one(shopper: Client) -> None:
    make_discount()
    submit_code(shopper, " ten ")
    assert "Enter a code." in submit_code(shopper, "  ")
    assert Cart.objects.get().discount_code == "TEN"


def test_code_that_is_used_up_shows_a_message_and_gives_no_discount(shopper: Client) -> None:
    discount = make_discount("TEN", uses_limit=1)
    submit_code(shopper, "TEN")
    discount.reserve_use()
    page = shopper.get("/cart/").text
    assert "The code TEN has been used up." in page
    assert "£36.95" in page


def test_code_without_a_cart_changes_nothing(client: Client) -> None:
    make_discount("TEN")
    assert "Your cart is empty." in submit_code(client, "TEN")
    assert not Cart.objects.exists()


# Guessing

TOO_MANY = "Too many codes were tried. Please try again in an hour."


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a session try two wrong codes, an IP address three, and further sessions of the IP address one."""
    for name, limit in {"SESSION": 2, "ADDRESS": 3, "SHARED": 1}.items():
        monkeypatch.setattr(WrongCode, f"{name}_LIMIT", limit)


def new_shopper(ip_address: str = "127.0.0.1") -> Client:
    """Return a client with items for 32.00 in the cart."""
    client = Client(REMOTE_ADDR=ip_address)
    add_to_cart(client, Product.objects.get(), 2)
    client.get("/cart/")
    return client


def guess(*codes: str, client: Client | None = None) -> list[bool]:
    """Try these codes, each in a new session unless there is a client. Return which of them were looked up."""
    pages = [submit_code(client or new_shopper(), code) for code in codes]
    assert all((TOO_MANY in page) != ("is not valid" in page) for page in pages)
    return ["is not valid" in page for page in pages]


@pytest.mark.slow
def test_guessing_in_one_session_is_blocked_for_an_hour(shopper: Client, limits: None) -> None:
    make_discount("TEN")
    assert guess("A", "B", "C", client=shopper) == [True, True, False]
    cache.clear()
    assert TOO_MANY in submit_code(shopper, "TEN")
    assert Cart.objects.get().discount_code == ""
    assert WrongCode.objects.count() == 2  # rejected tries do not extend the hour
    WrongCode.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    assert "takes £3.20 off" in submit_code(shopper, "TEN")


def test_guesser_who_exhausts_all_limits_stops_no_other_shopper(shopper: Client, limits: None) -> None:
    make_discount("TEN")
    assert guess("A", "B", client=shopper) == [True, True]
    assert guess("C", "D", "E") == [True, True, True]
    assert guess("F", client=shopper) == [False]
    for other in (new_shopper(), new_shopper("192.0.2.1")):
        assert "takes £3.20 off" in submit_code(other, "TEN")
        assert "£33.75" in other.get("/cart/").text


def test_sessions_of_an_exhausted_ip_address_have_one_guess_each(shopper: Client, limits: None) -> None:
    guess("A", "B", "C")
    assert guess("D", "E", "F", client=shopper) == [True, False, False]
    assert guess("G", "H", "I", client=new_shopper("192.0.2.1")) == [True, True, False]


def test_shopper_with_two_typing_errors_at_an_exhausted_ip_address_gets_the_discount(shopper: Client) -> None:
    make_discount("TEN")
    WrongCode.objects.bulk_create(
        WrongCode(address=client_key(make_client_request(shopper)), session=str(number)) for number in range(500)
    )
    assert guess("TENN", "TEM", client=shopper) == [True, True]
    assert "takes £3.20 off" in submit_code(shopper, "TEN")


def test_simultaneous_guesses_are_limited(shopper: Client, limits: None) -> None:
    request = make_client_request(shopper)
    tries = [WrongCode.objects.start(request) for _number in range(3)]
    assert all(attempt.exceeds_limit() for attempt in tries)


def test_known_code_does_not_count_as_a_guess(shopper: Client, limits: None) -> None:
    make_discount("OLD", uses_limit=0)
    for _number in range(4):
        assert "has been used up" in submit_code(shopper, "OLD")
    assert not WrongCode.objects.exists()


def test_guess_stores_no_ip_address_session_or_code(shopper: Client) -> None:
    guess("SECRET", client=shopper)
    stored = str(WrongCode.objects.values().get())
    for text in ("127.0.0.1", str(shopper.session.session_key), "SECRET"):
        assert text not in stored


@pytest.mark.slow
def test_code_stays_in_the_cart_after_sign_in(shopper: Client, other_client: Client) -> None:
    alice = make_user()
    sign_in(other_client, alice)
    add_to_cart(other_client, make_product())
    make_discount("TEN")
    submit_code(shopper, "TEN")
    sign_in(shopper, alice)
    assert Cart.objects.get(active=True).discount_code == "TEN"


def test_code_needs_one_more_query_on_the_cart_page(shopper: Client) -> None:
    make_discount("TEN")
    submit_code(shopper, "TEN")
    with count_queries() as queries:
        shopper.get("/cart/")
    assert len(queries) == 3


def test_code_from_another_site_is_rejected(shopper: Client) -> None:
    make_discount("TEN")
    csrf_client = Client(enforce_csrf_checks=True)
    csrf_client.cookies = shopper.cookies
    response = csrf_client.post("/cart/discount/", {"code": "TEN"}, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    assert Cart.objects.get().discount_code == ""
