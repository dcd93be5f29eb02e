"""Tests for the details step of the checkout, and for the number of queries of the page."""

import pytest
from django.test import Client

from addresses.models import Address
from billing.models import BillingProfile
from orders.models import Order
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import (
    ADDRESS,
    add_card,
    add_to_cart,
    buy,
    make_product,
    make_user,
    set_standard_delivery,
    submit_details,
)
from tests.visitors import count_queries, fill_cart, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
CHECKOUT = "/cart/checkout/"


@pytest.fixture
def shopper(client: Client) -> Client:
    """Return a client with one product in the cart."""
    add_to_cart(client, make_product(title="Teal mug"))
    return client


def billing_data(**changes: str) -> dict[str, str]:
    """Return the form data of a separate billing address."""
    return {f"billing-{name}": value for name, value in (ADDRESS | {"city": "Oxford"} | changes).items()}


def test_checkout_without_a_cart_redirects_to_the_cart(client: Client) -> None:
    assert client.get(CHECKOUT).url == submit_details(client).url == "/cart/"
    assert not Order.objects.exists()


@pytest.mark.parametrize("change", [{"active": False}, {"stock": 0}])
def test_checkout_of_an_unavailable_product_redirects_to_the_cart(shopper: Client, change: dict) -> None:
    Product.objects.update(**change)
    assert shopper.get(CHECKOUT).url == "/cart/"


def test_checkout_asks_a_guest_for_details_and_shows_the_costs(shopper: Client) -> None:
    page = shopper.get(CHECKOUT)
    assert page.context["step"] == "details"
    for text in ("Continue as guest", "Where shall we send it?", "Log in", "Teal mug", "£20.95"):
        assert text in page.text


def test_viewing_the_checkout_creates_no_profile_or_order(shopper: Client) -> None:
    assert "Teal mug" in shopper.get(CHECKOUT).text
    assert (BillingProfile.objects.count(), Order.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("price", "message"), [("0.10", "minimum order value is £0.30"), ("999999.99", "maximum order value is")]
)
def test_total_that_cannot_be_charged_is_reported_before_the_card_form(
    shopper: Client, price: str, message: str
) -> None:
    set_standard_delivery("0" if price == "0.10" else "5")
    Product.objects.update(price=price)
    cart = shopper.get("/cart/").text
    submit_details(shopper)
    pay = shopper.get(CHECKOUT).text
    assert message in cart
    assert message in pay
    assert f'href="{CHECKOUT}"' not in cart
    assert ("data-card-form" in pay, "Place order" in pay) == (False, False)


def test_valid_details_lead_to_the_payment_step(shopper: Client) -> None:
    assert submit_details(shopper).url == CHECKOUT
    page = shopper.get(CHECKOUT)
    assert page.context["step"] == "pay"
    for text in ("1 High Street", "guest@example.org", "Place order and pay · £20.95", "The same address"):
        assert text in page.text


def test_invalid_details_show_all_errors_and_save_nothing(shopper: Client) -> None:
    page = submit_details(shopper, "guest", name="", postal_code="12345").text
    assert "<title>Error: Your details" in page
    for text in ("Enter a valid email address.", "Please fill in: Full name.", "It should look like EC1Y 8SY."):
        assert text in page
    assert 'value="1 High Street"' in page
    assert (BillingProfile.objects.count(), Address.objects.count(), Order.objects.count()) == (0, 0, 0)


def test_details_with_a_separate_billing_address_save_both(shopper: Client) -> None:
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | billing_data()
    shopper.post(CHECKOUT, data | {"email": "guest@example.org"})
    order = Order.objects.get()
    assert (order.shipping_address.city, order.billing_address.city) == ("Bath", "Oxford")


def test_details_with_an_invalid_billing_address_save_nothing(shopper: Client) -> None:
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | billing_data(postal_code="")
    assert (
        "Please fill in: Postcode (billing address)."
        in shopper.post(CHECKOUT, data | {"email": "guest@example.org"}).text
    )
    assert not Order.objects.exists()


@pytest.mark.parametrize("pressed", ["shipping", "billing"])
def test_changed_country_shows_the_details_again_with_all_input(shopper: Client, pressed: str) -> None:
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | billing_data(line_1="2 Low Street")
    data |= {"email": "guest@example.org", f"{pressed}-country": "US", "change_country": pressed}
    page = shopper.post(CHECKOUT, data).text
    assert page.count("ZIP code") == page.count(" autofocus") == 1
    for typed in ("guest@example.org", "1 High Street", "2 Low Street", "Oxford"):
        assert f'value="{typed}"' in page
    assert "There is a problem" not in page
    assert (BillingProfile.objects.count(), Order.objects.count()) == (0, 0)


@pytest.mark.slow
def test_details_can_be_changed_again(shopper: Client) -> None:
    submit_details(shopper)
    page = shopper.get(f"{CHECKOUT}?details")
    assert page.context["step"] == "details"
    assert 'value="1 High Street"' in page.text
    submit_details(shopper, "other@example.org", line_1="2 Low Street")
    order = Order.objects.get(active=True)
    assert (order.shipping_address.line_1, order.billing_profile.email) == ("2 Low Street", "other@example.org")

    submit_details(shopper, "gest@example.org")
    submit_details(shopper, "guest@example.org")
    assert "guest@example.org" in shopper.get(CHECKOUT).text


def test_checkout_of_a_user_asks_no_email_and_shows_saved_addresses(client: Client) -> None:
    alice = make_user()
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS | {"line_1": "7 Alice Lane"})
    sign_in(client, alice)
    add_to_cart(client, make_product())
    page = client.get(CHECKOUT).text
    assert "7 Alice Lane" in page
    assert "Continue as guest" not in page


@pytest.mark.slow
def test_checkout_of_a_guest_shows_no_data_of_the_user_with_that_email(shopper: Client) -> None:
    alice = make_user()
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS | {"line_1": "7 Alice Lane"})
    submit_details(shopper, alice.email)
    for url in (CHECKOUT, f"{CHECKOUT}?details"):
        page = shopper.get(url).text
        assert "Teal mug" in page
        assert "7 Alice Lane" not in page


def test_open_order_total_follows_the_cart(shopper: Client) -> None:
    submit_details(shopper)
    add_to_cart(shopper, make_product(price="30.00"), 2)
    assert str(Order.objects.get().total) == "76.00"
    assert "Place order and pay · £76.00" in shopper.get(CHECKOUT).text


def test_checkout_pages_are_not_cached(shopper: Client) -> None:
    assert "no-store" in shopper.get(CHECKOUT).headers["Cache-Control"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize(("member", "most"), [(False, 4), (True, 5)])
def test_payment_step_query_count_does_not_depend_on_the_cart_size(
    client: Client, simulator: Simulator, count: int, member: bool, most: int
) -> None:
    if member:
        sign_in(client, make_user())
    fill_cart(client, count)
    submit_details(client)
    add_card(client)
    client.get(CHECKOUT)
    with count_queries() as queries:
        assert client.get(CHECKOUT).context["step"] == "pay"
    assert len(queries) == most


@pytest.mark.slow
def test_second_purchase_reuses_the_address(shopper: Client, simulator: Simulator) -> None:
    buy(shopper, make_product())
    add_to_cart(shopper, make_product())
    page = shopper.get(CHECKOUT)
    assert page.context["step"] == "pay"
    assert "1 High Street" in page.text


@pytest.mark.slow
def test_purchase_does_not_reuse_another_guests_address(
    shopper: Client, other_client: Client, simulator: Simulator
) -> None:
    buy(other_client, make_product())
    assert shopper.get(CHECKOUT).context["step"] == "details"
