"""Tests for forms that redirect on errors: the next page has a focused error summary with a link to the field."""

import pytest
from django.test import Client

from carts.models.rates import ShippingMethod
from stripe_simulator.server import Simulator
from tests.makers import (
    PASSWORD,
    add_to_cart,
    buy,
    make_discount,
    make_product,
    make_user,
    place_order,
    submit_details,
)
from tests.markup import Element, parse_html
from tests.test_form_errors import ODD, assert_shows_errors
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SAME = {"Sec-Fetch-Site": "same-origin"}


def assert_shows_error(page: Element, message: str) -> None:
    assert page.one("title").text.startswith("Error: ")
    assert page.one("title").text.count("Error") == 1
    summary = page.one("div", class_="error-summary")
    assert (summary.attrs["role"], summary.one("li").text) == ("alert", message)
    assert list(page.all(autofocus="")) == [summary]


def test_cart_error_is_shown_once_in_a_focused_summary(client: Client) -> None:
    product = make_product()
    response = add_to_cart(client, product, action="set", quantity=-1)
    assert_shows_error(parse_html(client.get(response.url).text), "Please check: Quantity. It must be 0 or more.")
    page = parse_html(client.get("/cart/").text)
    assert page.one("title").text.startswith("Cart")


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("-1", "Please check: Quantity. It must be 0 or more."),
        ("100", "Please check: Quantity. It must be 99 or less."),
        ("one", "Enter a whole number."),
    ],
)
def test_invalid_quantity_is_shown_at_its_line_in_the_cart(client: Client, quantity: str, message: str) -> None:
    product = make_product()
    for other in (make_product(), product):
        add_to_cart(client, other)
    client.get("/cart/")
    page = parse_html(client.get(add_to_cart(client, product, quantity, "set").url).text)
    assert_shows_error(page, message)
    assert_shows_errors(page)
    assert page.one("input", aria_invalid="true").attrs["id"] == f"quantity-{product.pk}"


def test_invalid_quantity_of_a_product_outside_the_cart_has_no_link(client: Client) -> None:
    add_to_cart(client, make_product())
    client.get("/cart/")
    page = parse_html(client.get(add_to_cart(client, make_product(), 0).url).text)
    assert_shows_error(page, "Choose a quantity of 1 or more.")
    assert not list(page.one("div", class_="error-summary").all("a"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (" nOne", "The code nOne is not valid. Please check the spelling."),
        (ODD, "A code can contain only letters from A to Z, digits, - and _."),
        ("", "Enter a code."),
        ("MUCH", "The code MUCH is valid for orders of £99.00 or more."),
        ("T" * 41, "Please shorten: Discount code. Use at most 40 characters."),
    ],
)
def test_rejected_discount_code_stays_in_its_field_with_an_error(client: Client, code: str, message: str) -> None:
    make_discount("MUCH", minimum="99")
    add_to_cart(client, make_product())
    client.get("/cart/")
    page = parse_html(client.post("/cart/discount/", {"code": code}, headers=SAME, follow=True).text)
    assert_shows_error(page, message)
    assert_shows_errors(page)
    assert page.one("input", id="discount-code").attrs["value"] == code
    assert [fold.attrs.get("open") for fold in page.all("details") if list(fold.all(id="discount-code"))] == [""]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("A%00B", "AB"),
        ("%ff%26", "\ufffd&"),
        ("%C3%A9" * 5000, "é" * 80),
        ("a%26code%3Db%23c%22%3E%0D%0AX:+y", 'a&code=b#c">\r\nX: y'),
    ],
)
def test_discount_code_with_any_characters_survives_the_redirect(client: Client, typed: str, kept: str) -> None:
    add_to_cart(client, make_product())
    form = "application/x-www-form-urlencoded"
    response = client.post("/cart/discount/", f"code={typed}", content_type=form, headers=SAME)
    assert parse_html(client.get(response.url).text).one("input", id="discount-code").attrs["value"] == kept


def test_rejected_second_code_links_to_the_code_in_the_cart(client: Client) -> None:
    make_discount("TEN")
    add_to_cart(client, make_product())
    for code in ("TEN", "NONE"):
        response = client.post("/cart/discount/", {"code": code}, headers=SAME)
    page = parse_html(client.get(response.url).text)
    assert_shows_error(page, "The code NONE is not valid. Please check the spelling.")
    assert page.one("a", href="#discount-code").text
    assert page.one("div", id="discount-code").attrs["tabindex"] == "-1"


def test_invalid_delivery_country_is_shown_at_its_field(client: Client) -> None:
    add_to_cart(client, make_product())
    client.get("/cart/")
    page = parse_html(client.post("/cart/delivery/", {"country": "XX"}, headers=SAME, follow=True).text)
    assert_shows_error(page, "Choose a country.")
    assert_shows_errors(page)


@pytest.mark.slow
@pytest.mark.parametrize("next_url", ["/cart/", "/cart/checkout/"])
def test_invalid_shipping_method_is_shown_at_the_choice(client: Client, next_url: str) -> None:
    ShippingMethod.objects.create(title="Express", price="9.50", position=1)
    add_to_cart(client, make_product())
    client.get("/cart/")
    submit_details(client)
    data = {"shipping_method": "x", "next": next_url}
    page = parse_html(client.post("/cart/delivery/", data, headers=SAME, follow=True).text)
    message = "Choose one of the delivery options."
    assert_shows_error(page, message)
    assert page.one("a", href="#shipping-choice").text == message
    choice = page.one("fieldset", id="shipping-choice")
    assert page.one(id=choice.attrs["aria-describedby"]).text == message


@pytest.mark.slow
def test_account_deletion_with_open_payments_shows_a_focused_error(client: Client, simulator: Simulator) -> None:
    sign_in(client, make_user())
    buy(client, make_product(), "tok_chargeCustomerFail")
    assert parse_html(client.get("/accounts/delete/").text).one("title").text.startswith("Delete")
    page = parse_html(client.post("/accounts/delete/", {"password": PASSWORD}).text)
    assert page.one("title").text.startswith("Error: ")
    [notice] = page.all(autofocus="")
    assert (notice.attrs["role"], notice.text.split(":")[0]) == (
        "alert", "Your account cannot be deleted yet because a payment is still in progress",
    )  # fmt: skip


@pytest.mark.slow
def test_payment_step_without_a_card_links_to_the_card_field(client: Client) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    page = parse_html(client.get(place_order(client, "new").url).text)
    assert_shows_error(page, "Choose a saved card or enter a new one. Entering a new card needs JavaScript.")
    assert page.one("a", href="#card").text
    assert page.one("fieldset", id="card").attrs["tabindex"] == "-1"


@pytest.mark.slow
def test_order_payment_without_a_card_links_to_the_card_field(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    page = parse_html(client.post(f"{order.get_absolute_url()}pay/", {"card": "0"}, follow=True).text)
    assert_shows_error(page, "Choose a saved card or enter a new one. Entering a new card needs JavaScript.")
    assert page.one("a", href="#card").text
