"""Tests for delivery: the estimate in the cart, and the shipping method at the checkout."""

from typing import Any

import pytest
from django.test import Client

from carts.models import Cart
from carts.models.rates import ShippingMethod
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.makers import (
    add_card,
    add_to_cart,
    make_product,
    make_tax,
    payment_form_data,
    set_standard_delivery,
    submit_details,
)

pytestmark = pytest.mark.django_db
SAME = {"Sec-Fetch-Site": "same-origin"}
CHECKOUT = "/cart/checkout/"


@pytest.fixture
def shopper(client: Client) -> Client:
    add_to_cart(client, make_product(title="Mug"))
    return client


@pytest.fixture
def express() -> ShippingMethod:
    return ShippingMethod.objects.create(title="Express", price="9.50", position=1)


def submit_delivery(client: Client, **data: Any) -> str:
    """Submit the delivery form and return the HTML of the cart page."""
    return str(client.post("/cart/delivery/", data, headers=SAME, follow=True).text)


@pytest.mark.slow
def test_cart_shows_delivery_and_tax_without_personal_data(shopper: Client) -> None:
    make_tax()
    page = shopper.get("/cart/").text
    for text in ("Standard delivery", "£4.95", "includes VAT 20%", "£3.50", "£20.95"):
        assert text in page


def test_estimate_follows_the_chosen_country(shopper: Client) -> None:
    ShippingMethod.objects.create(title="Overseas", price="12.00", countries="FR")
    set_standard_delivery("4.95", countries="GB")
    make_tax("5.5", title="TVA", country="FR")
    page = submit_delivery(shopper, country="FR")
    for text in ("Delivery to France", "Overseas", "£12.00", "includes TVA 5.5%", "£28.00"):
        assert text in page
    assert "Overseas" in shopper.get("/cart/").text


def test_checkout_preselects_the_country_of_the_estimate(shopper: Client) -> None:
    submit_delivery(shopper, country="FR")
    assert '<option value="FR" selected' in shopper.get(CHECKOUT).text


@pytest.mark.slow
def test_estimate_asks_for_the_region_where_regions_have_rates(shopper: Client) -> None:
    make_tax("8.25", title="Sales tax", country="US", region="CA, California")
    assert "State or region" in submit_delivery(shopper, country="US")
    assert "includes Sales tax 8.25%" in submit_delivery(shopper, country="US", region="CA")
    assert "Sales tax" not in submit_delivery(shopper, country="US", region="nowhere")


def test_estimate_lists_the_delivery_countries(shopper: Client) -> None:
    set_standard_delivery("4.95", countries="GB, IE")
    page = shopper.get("/cart/")
    assert page.context["countries"] == (("IE", "Ireland"), ("GB", "United Kingdom"))


@pytest.mark.parametrize(
    "data", [{"country": "XX"}, {"country": "\x00"}, {"shipping_method": "x"}, {"shipping_method": "9" * 30}]
)
def test_estimate_with_invalid_data_changes_nothing(shopper: Client, data: dict[str, str]) -> None:
    before = Cart.objects.values().get()
    assert "Choose " in submit_delivery(shopper, **data)
    assert Cart.objects.values().get() == before


def test_estimate_without_a_cart_creates_none(client: Client) -> None:
    assert "Your cart is empty." in submit_delivery(client, country="FR")
    assert not Cart.objects.exists()


def test_cart_reports_a_country_without_delivery(shopper: Client) -> None:
    set_standard_delivery("4.95", countries="IE")
    assert "We do not deliver to United Kingdom." in shopper.get("/cart/").text


def test_shipping_address_updates_the_estimate(shopper: Client) -> None:
    submit_details(shopper, country="FR", postal_code="75001", city="Paris")
    assert "Delivery to France" in shopper.get("/cart/").text


def test_payment_step_offers_a_choice_between_two_methods(shopper: Client, express: ShippingMethod) -> None:
    submit_details(shopper)
    page = shopper.get(CHECKOUT).text
    assert page.count('name="shipping_method"') == 2
    assert "£9.50" in page


def test_payment_step_with_one_method_offers_no_choice(shopper: Client) -> None:
    submit_details(shopper)
    page = shopper.get(CHECKOUT).text
    assert 'name="shipping_method"' not in page
    assert "Place order and pay · £20.95" in page


def test_changing_the_method_without_javascript_updates_the_total(shopper: Client, express: ShippingMethod) -> None:
    submit_details(shopper)
    response = shopper.post(f"/cart/delivery/?next={CHECKOUT}", {"shipping_method": express.pk}, headers=SAME)
    assert response.url == CHECKOUT
    assert "Place order and pay · £25.50" in shopper.get(CHECKOUT).text


@pytest.mark.slow
def test_method_changed_on_submit_is_shown_before_the_order_is_placed(
    shopper: Client, simulator: Simulator, express: ShippingMethod
) -> None:
    submit_details(shopper)
    form = payment_form_data(shopper) | {"card": add_card(shopper).json()["card"]}
    response = shopper.post(CHECKOUT, form | {"shipping_method": express.pk}, follow=True)
    assert "Please check the new total" in response.text
    assert "Place order and pay · £25.50" in response.text
    assert not Order.objects.placed().exists()


@pytest.mark.slow
def test_method_that_was_shown_is_charged(shopper: Client, simulator: Simulator, express: ShippingMethod) -> None:
    submit_details(shopper)
    submit_delivery(shopper, shipping_method=express.pk)
    form = payment_form_data(shopper) | {"card": add_card(shopper).json()["card"]}
    shopper.post(CHECKOUT, form | {"shipping_method": express.pk})
    order = Order.objects.placed().get()
    assert (order.shipping_title, str(order.total)) == ("Express", "25.50")
    assert [charge["amount"] for charge in simulator.objects("charge")] == [2550]


def test_payment_step_without_delivery_shows_a_message_and_no_button(shopper: Client) -> None:
    submit_details(shopper, country="FR", postal_code="75001", city="Paris")
    set_standard_delivery("4.95", countries="GB")
    page = shopper.get(CHECKOUT).text
    assert "We do not deliver to France." in page
    assert "Place order" not in page


def test_cart_reports_a_changed_price(shopper: Client) -> None:
    cart = Cart.objects.get()
    cart.products.update(price="17.50")
    assert "The price was £16.00 when you added it." in shopper.get("/cart/").text
    add_to_cart(shopper, cart.products.get(), 1, action="set")
    assert "when you added it" not in shopper.get("/cart/").text
