"""Tests for what the law wants next to the order button, and at the beginning of the order."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from core.guarantee.models import GuaranteeNotice
from orders.models import Order
from orders.workflow.placing import OrderRejected, place
from stripe_simulator.server import Simulator
from tests.makers import (
    add_card,
    add_to_cart,
    make_discount,
    make_product,
    make_tax,
    place_order,
    set_standard_delivery,
    shown_facts,
    submit_details,
)
from tests.markup import Element, parse_html

pytestmark = pytest.mark.django_db
CHECKOUT = "/cart/checkout/"
GERMANY = {"country": "DE", "postal_code": "89073", "city": "Ulm"}


@pytest.fixture
def shopper(client: Client) -> Client:
    """Return a guest with two units of a product."""
    add_to_cart(client, make_product(title="Plain mug"), 2)
    return client


def make_notice(language: str, text: str) -> GuaranteeNotice:
    return GuaranteeNotice.objects.create(
        language=language, picture=f"notices/{language}.png", picture_width=600, picture_height=800, text=text
    )


def pay_step(client: Client, language: str = "") -> Element:
    if language:
        client.post(reverse("language"), {"language": language})
    return parse_html(client.get(CHECKOUT).text)


def notice_pictures(page: Element) -> list[Element]:
    sections = [part for part in page.all("section") if part.attrs.get("class") == "guarantee-notice"]
    return [picture for part in sections for picture in part.all("img")]


# --- the button and the summary ---


@pytest.mark.parametrize(
    ("language", "words"), [("en-gb", "Place order and pay"), ("de", "Zahlungspflichtig bestellen")]
)
def test_button_says_that_it_obliges_to_pay_and_nothing_but_the_amount(
    shopper: Client, language: str, words: str
) -> None:
    submit_details(shopper)
    [button] = [one for one in pay_step(shopper, language).all("button") if "btn-pay" in one.attrs.get("class", "")]
    label, amount = button.text.split(" · ")
    assert label == words
    assert not any(letter.isalpha() for letter in amount)


def test_items_delivery_discount_tax_and_total_stand_once_and_directly_above_the_button(shopper: Client) -> None:
    make_tax()
    make_discount("TEN")
    submit_details(shopper)
    shopper.post(
        reverse("carts:update"), {"cart_page": "1", "code": "TEN", "apply_code": "1"}, HTTP_SEC_FETCH_SITE="same-origin"
    )
    page = pay_step(shopper)
    [summary] = [part for part in page.all("aside") if "summary" in part.attrs.get("class", "").split()]
    before_button = summary.text.partition("Place order and pay")[0]
    for text in ["2 × Plain mug", "£16.00 each", "£32.00", "Standard delivery", "TEN", "VAT 20%", "Total £33.75"]:
        assert text in before_button, text
    assert page.text.count("Total £33.75") == 1


def test_folded_bar_has_the_number_of_units_and_the_total_of_the_signed_quote(shopper: Client) -> None:
    add_to_cart(shopper, make_product(title="Bowl"))
    submit_details(shopper)
    response = shopper.get(CHECKOUT)
    [bar] = [part for part in parse_html(response.text).all("details") if part.attrs.get("class") == "order-bar"]
    assert (bar.one("summary").text, "open" in bar.attrs) == ("3 items £52.95", False)
    assert response.context["agreement"].facts()["total"] == "52.95"


# --- countries and means of payment ---


@pytest.mark.parametrize("path", ["/cart/", CHECKOUT])
def test_first_pages_of_the_order_name_countries_and_means_of_payment(shopper: Client, path: str) -> None:
    page = shopper.get(path).text
    assert "We deliver to all countries." in page
    assert "Payment by card: Visa, Mastercard or American Express." in page
    set_standard_delivery("4.95", countries="IE, DE")
    assert "We deliver to Germany, Ireland." in shopper.get(path).text


def test_long_list_of_countries_is_folded(shopper: Client) -> None:
    set_standard_delivery("4.95", countries="AT, BE, DE, FR, GB, IE, NL")
    page = parse_html(shopper.get("/cart/").text)
    [fold] = [part for part in page.all("details") if "We deliver to 7 countries" in part.text]
    assert "Austria, Belgium, France, Germany, Ireland, Netherlands, United Kingdom" in fold.text


# --- the notice of the legal guarantee ---


def test_eu_shopper_sees_the_notice_before_the_button_and_not_in_a_link(shopper: Client) -> None:
    make_notice("en-gb", "Two years of guarantee.")
    submit_details(shopper, **GERMANY)
    page = pay_step(shopper)
    [picture] = notice_pictures(page)
    assert (picture.attrs["src"], picture.attrs["alt"]) == ("/media/notices/en-gb.png", "Two years of guarantee.")
    assert "lang" not in picture.attrs
    text = shopper.get(CHECKOUT).text
    assert text.index("notices/en-gb.png") < text.index("btn-pay")
    assert not [link for name in ("a", "details", "dialog") for link in page.all(name) if notice_pictures(link)]


def test_shopper_outside_the_eu_sees_no_notice(shopper: Client) -> None:
    make_notice("en-gb", "Two years of guarantee.")
    submit_details(shopper)
    assert notice_pictures(pay_step(shopper)) == []


def test_notice_is_in_the_language_of_the_shopper_or_says_its_own(shopper: Client) -> None:
    make_notice("en-gb", "Two years of guarantee.")
    submit_details(shopper, **GERMANY)
    [picture] = notice_pictures(pay_step(shopper, "de"))
    assert picture.attrs["lang"] == "en-gb"
    make_notice("de", "Zwei Jahre Garantie.")
    [picture] = notice_pictures(pay_step(shopper, "de"))
    assert (picture.attrs["alt"], "lang" in picture.attrs) == ("Zwei Jahre Garantie.", False)


CHANGES: list[dict[str, Any]] = [{"text": "Three years."}, {"picture": "notices/new.png"}, {"picture_height": 500}]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_notice_that_was_replaced_meanwhile_rejects_the_order(shopper: Client, change: dict[str, Any]) -> None:
    make_notice("en-gb", "Two years of guarantee.")
    submit_details(shopper, **GERMANY)
    order = Order.objects.get()
    shown = shown_facts(order)
    GuaranteeNotice.objects.update(**change)
    with pytest.raises(OrderRejected, match="The notice of your legal guarantee has changed"):
        place(order, shown)
    assert place(order, shown_facts(order))


def test_notice_added_meanwhile_rejects_the_order(shopper: Client) -> None:
    submit_details(shopper, **GERMANY)
    order = Order.objects.get()
    shown = shown_facts(order)
    make_notice("de", "Zwei Jahre Garantie.")
    with pytest.raises(OrderRejected):
        place(order, shown)


@pytest.mark.parametrize(("details", "is_told"), [(GERMANY, True), ({}, False)])
def test_confirmation_contains_the_text_of_the_notice_in_the_eu(
    shopper: Client,
    simulator: Simulator,
    details: dict[str, str],
    is_told: bool,
    django_capture_on_commit_callbacks: Any,
) -> None:
    make_notice("en-gb", "Two years\nof guarantee.")
    submit_details(shopper, **details)
    card = add_card(shopper).json()["card"]
    with django_capture_on_commit_callbacks(execute=True):
        place_order(shopper, card)
    [message] = [one for one in mail.outbox if one.to == ["guest@example.org"]]
    assert ("Two years\nof guarantee." in message.body) == is_told
    assert ("Two years<br>of guarantee." in message.alternatives[0][0]) == is_told  # type: ignore[attr-defined]
