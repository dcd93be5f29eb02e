"""The field for a discount code in the cart."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from carts import codes
from carts.models import Cart
from ecommerce.tests.makers import add_to_cart, make_discount, make_product, make_user
from ecommerce.tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def shopper(client: Client) -> Client:
    """A visitor with 32.00 in the cart."""
    add_to_cart(client, make_product(title="Mug"), 2)
    client.get("/cart/")
    return client


def use(client: Client, code: str = "", **data: str) -> str:
    """Send the field; the cart's page after."""
    return str(client.post("/cart/discount/", {"code": code} | data, headers=SAME, follow=True).text)


def test_code_lowers_the_total_and_is_shown_with_a_button_to_remove_it(shopper: Client) -> None:
    make_discount("TEN")
    page = use(shopper, "ten")
    for text in (
        "The code TEN takes £3.20 off.",
        "Discount TEN",
        "\N{MINUS SIGN}£3.20",
        "£33.75",
        "Remove the discount code TEN",
    ):
        assert text in page
    assert "£33.75" in shopper.get("/cart/").text


def test_code_is_removed(shopper: Client) -> None:
    make_discount("TEN")
    use(shopper, "TEN")
    page = use(shopper, remove="1")
    assert "The discount code is no longer in your cart." in page
    assert "£36.95" in page
    assert Cart.objects.get().discount_code == ""


@pytest.mark.parametrize(
    ("fields", "code", "words"),
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
def test_code_that_does_not_count_is_not_kept(shopper: Client, fields: Any, code: str, words: str) -> None:
    make_discount("TEN", **fields)
    assert words in use(shopper, code)
    assert Cart.objects.get().discount_code == ""


def test_new_code_replaces_the_old_one_only_if_it_counts(shopper: Client) -> None:
    make_discount("TEN")
    make_discount("FIVE", value=5)
    use(shopper, "TEN")
    use(shopper, "NONE")
    assert Cart.objects.get().discount_code == "TEN"
    use(shopper, "FIVE")
    assert Cart.objects.get().discount_code == "FIVE"


def test_spaces_alone_are_no_code_and_leave_the_old_one(shopper: Client) -> None:
    make_discount()
    use(shopper, " ten ")
    assert "Enter a code." in use(shopper, "  ")
    assert Cart.objects.get().discount_code == "TEN"


def test_code_that_ended_meanwhile_says_so_and_counts_for_nothing(shopper: Client) -> None:
    discount = make_discount("TEN", uses_limit=1)
    use(shopper, "TEN")
    discount.take()
    page = shopper.get("/cart/").text
    assert "The code TEN has been used up." in page
    assert "£36.95" in page


def test_code_without_a_cart_changes_nothing(client: Client) -> None:
    make_discount("TEN")
    assert "Your cart is empty." in use(client, "TEN")
    assert not Cart.objects.exists()


def test_guessing_codes_ends_for_an_hour(shopper: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "WRONG_CODES", 2)
    make_discount("TEN")
    for code in ("A", "B"):
        assert "is not valid" in use(shopper, code)
    assert "Too many codes were tried" in use(shopper, "TEN")
    assert Cart.objects.get().discount_code == ""
    cache.clear()
    assert "takes £3.20 off" in use(shopper, "TEN")


def test_code_that_is_known_is_no_guess(shopper: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "WRONG_CODES", 1)
    make_discount("OLD", uses_limit=0)
    use(shopper, "OLD")
    assert "has been used up" in use(shopper, "OLD")


def test_code_goes_with_the_cart_when_its_visitor_signs_in(shopper: Client, other_client: Client) -> None:
    alice = make_user()
    sign_in(other_client, alice)
    add_to_cart(other_client, make_product())
    make_discount("TEN")
    use(shopper, "TEN")
    sign_in(shopper, alice)
    assert Cart.objects.get(active=True).discount_code == "TEN"


def test_code_asks_one_query_more_of_the_cart_page(shopper: Client) -> None:
    make_discount("TEN")
    use(shopper, "TEN")
    with count_queries() as queries:
        shopper.get("/cart/")
    assert len(queries) == 4


def test_code_from_another_site_is_refused(shopper: Client) -> None:
    make_discount("TEN")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = shopper.cookies
    answer = strict.post("/cart/discount/", {"code": "TEN"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert Cart.objects.get().discount_code == ""
