"""Tests for discount codes in the cart."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from carts.models import Cart
from carts.pricing import discount_codes
from tests.makers import add_to_cart, make_discount, make_product, make_user
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


@pytest.mark.slow
def test_guessing_codes_is_blocked_for_an_hour(shopper: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discount_codes, "MAX_WRONG_CODES", 2)
    make_discount("TEN")
    for code in ("A", "B"):
        assert "is not valid" in submit_code(shopper, code)
    assert "Too many codes were tried" in submit_code(shopper, "TEN")
    assert Cart.objects.get().discount_code == ""
    cache.clear()
    assert "takes £3.20 off" in submit_code(shopper, "TEN")


def test_known_code_does_not_count_as_a_guess(shopper: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discount_codes, "MAX_WRONG_CODES", 1)
    make_discount("OLD", uses_limit=0)
    submit_code(shopper, "OLD")
    assert "has been used up" in submit_code(shopper, "OLD")


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
    assert len(queries) == 4


def test_code_from_another_site_is_rejected(shopper: Client) -> None:
    make_discount("TEN")
    csrf_client = Client(enforce_csrf_checks=True)
    csrf_client.cookies = shopper.cookies
    response = csrf_client.post("/cart/discount/", {"code": "TEN"}, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    assert Cart.objects.get().discount_code == ""
