"""The checkout's first step, and how much the whole page asks of the database."""

import pytest
from django.test import Client

from addresses.models import Address
from billing.models import BillingProfile
from billing.simulator.server import Simulator
from ecommerce.tests.makers import (
    ADDRESS,
    add_card,
    add_to_cart,
    buy,
    give_details,
    make_product,
    make_user,
    set_delivery,
)
from ecommerce.tests.visitors import count_queries, fill_cart, sign_in
from orders.models import Order
from products.models import Product

pytestmark = pytest.mark.django_db
CHECKOUT = "/cart/checkout/"


@pytest.fixture
def shopper(client: Client) -> Client:
    """A visitor with one product in the cart."""
    add_to_cart(client, make_product(title="Teal mug"))
    return client


def elsewhere(**changes: str) -> dict[str, str]:
    """A billing address of its own."""
    return {f"billing-{name}": value for name, value in (ADDRESS | {"city": "Oxford"} | changes).items()}


def test_checkout_without_a_cart_shows_the_cart(client: Client) -> None:
    assert client.get(CHECKOUT).url == give_details(client).url == "/cart/"
    assert not Order.objects.exists()


@pytest.mark.parametrize("change", [{"active": False}, {"stock": 0}])
def test_checkout_of_what_cannot_be_bought_shows_the_cart(shopper: Client, change: dict) -> None:
    Product.objects.update(**change)
    assert shopper.get(CHECKOUT).url == "/cart/"


def test_checkout_of_a_guest_asks_who_and_where_beside_what_it_costs(shopper: Client) -> None:
    page = shopper.get(CHECKOUT)
    assert page.context["step"] == "details"
    for text in ("Continue as guest", "Where shall we send it?", "Log in", "Teal mug", "£20.95"):
        assert text in page.text


def test_checkout_that_is_looked_at_makes_no_profile_and_no_order(shopper: Client) -> None:
    assert "Teal mug" in shopper.get(CHECKOUT).text
    assert (BillingProfile.objects.count(), Order.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("price", "words"), [("0.10", "minimum order value is £0.30"), ("999999.99", "maximum order value is")]
)
def test_total_that_no_card_can_pay_is_told_before_a_card_is_asked_for(shopper: Client, price: str, words: str) -> None:
    set_delivery("0" if price == "0.10" else "5")
    Product.objects.update(price=price)
    cart = shopper.get("/cart/").text
    give_details(shopper)
    pay = shopper.get(CHECKOUT).text
    assert words in cart
    assert words in pay
    assert f'href="{CHECKOUT}"' not in cart
    assert ("data-card-form" in pay, "Place order" in pay) == (False, False)


def test_details_lead_to_the_pay_step(shopper: Client) -> None:
    assert give_details(shopper).url == CHECKOUT
    page = shopper.get(CHECKOUT)
    assert page.context["step"] == "pay"
    for text in ("1 High Street", "guest@example.org", "Place order · £20.95", "The same address"):
        assert text in page.text


def test_details_with_mistakes_tell_all_at_once_and_save_nothing(shopper: Client) -> None:
    page = give_details(shopper, "guest", name="", postal_code="12345").text
    assert "<title>Error: Your details" in page
    for text in ("Enter a valid email address.", "Please fill in: Full name.", "It should look like EC1Y 8SY."):
        assert text in page
    assert 'value="1 High Street"' in page
    assert (BillingProfile.objects.count(), Address.objects.count(), Order.objects.count()) == (0, 0, 0)


def test_details_with_another_billing_address_keep_both(shopper: Client) -> None:
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | elsewhere()
    shopper.post(CHECKOUT, data | {"email": "guest@example.org"})
    order = Order.objects.get()
    assert (order.shipping_address.city, order.billing_address.city) == ("Bath", "Oxford")


def test_details_with_a_bad_billing_address_save_nothing(shopper: Client) -> None:
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | elsewhere(postal_code="")
    assert (
        "Please fill in: Postcode (billing address)."
        in shopper.post(CHECKOUT, data | {"email": "guest@example.org"}).text
    )
    assert not Order.objects.exists()


@pytest.mark.parametrize("pressed", ["shipping", "billing"])
def test_details_of_another_country_come_again_with_all_that_was_typed(shopper: Client, pressed: str) -> None:
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()} | elsewhere(line_1="2 Low Street")
    data |= {"email": "guest@example.org", f"{pressed}-country": "US", "change_country": pressed}
    page = shopper.post(CHECKOUT, data).text
    assert page.count("ZIP code") == page.count(" autofocus") == 1
    for typed in ("guest@example.org", "1 High Street", "2 Low Street", "Oxford"):
        assert f'value="{typed}"' in page
    assert "There is a problem" not in page
    assert (BillingProfile.objects.count(), Order.objects.count()) == (0, 0)


def test_details_can_be_changed_again(shopper: Client) -> None:
    give_details(shopper)
    page = shopper.get(f"{CHECKOUT}?details")
    assert page.context["step"] == "details"
    assert 'value="1 High Street"' in page.text
    give_details(shopper, "other@example.org", line_1="2 Low Street")
    order = Order.objects.get(active=True)
    assert (order.shipping_address.line_1, order.billing_profile.email) == ("2 Low Street", "other@example.org")

    give_details(shopper, "gest@example.org")
    give_details(shopper, "guest@example.org")
    assert "guest@example.org" in shopper.get(CHECKOUT).text


def test_checkout_of_a_member_asks_no_email_and_shows_old_addresses(client: Client) -> None:
    alice = make_user()
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS | {"line_1": "7 Alice Lane"})
    sign_in(client, alice)
    add_to_cart(client, make_product())
    page = client.get(CHECKOUT).text
    assert "7 Alice Lane" in page
    assert "Continue as guest" not in page


def test_checkout_of_a_guest_shows_nothing_of_who_has_that_email(shopper: Client) -> None:
    alice = make_user()
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS | {"line_1": "7 Alice Lane"})
    give_details(shopper, alice.email)
    for address in (CHECKOUT, f"{CHECKOUT}?details"):
        page = shopper.get(address).text
        assert "Teal mug" in page
        assert "7 Alice Lane" not in page


def test_open_order_follows_the_cart(shopper: Client) -> None:
    give_details(shopper)
    add_to_cart(shopper, make_product(price="30.00"), 2)
    assert str(Order.objects.get().total) == "76.00"
    assert "Place order · £76.00" in shopper.get(CHECKOUT).text


def test_checkout_pages_are_kept_out_of_caches(shopper: Client) -> None:
    assert "no-store" in shopper.get(CHECKOUT).headers["Cache-Control"]


@pytest.mark.parametrize("count", [3, 30])
@pytest.mark.parametrize(("member", "most"), [(False, 6), (True, 7)])
def test_pay_step_asks_so_many_queries_however_full_the_cart(
    client: Client, simulator: Simulator, count: int, member: bool, most: int
) -> None:
    if member:
        sign_in(client, make_user())
    fill_cart(client, count)
    give_details(client)
    add_card(client)
    client.get(CHECKOUT)
    with count_queries() as queries:
        assert client.get(CHECKOUT).context["step"] == "pay"
    assert len(queries) == most


def test_second_purchase_asks_for_no_address_again(shopper: Client, simulator: Simulator) -> None:
    buy(shopper, make_product())
    add_to_cart(shopper, make_product())
    page = shopper.get(CHECKOUT)
    assert page.context["step"] == "pay"
    assert "1 High Street" in page.text


def test_another_guests_purchase_brings_no_address(shopper: Client, other_client: Client, simulator: Simulator) -> None:
    buy(other_client, make_product())
    assert shopper.get(CHECKOUT).context["step"] == "details"
