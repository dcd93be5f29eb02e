"""Tests for the list of countries that the shop delivers to, which is the same on every page."""

from typing import Any

import pytest
from django.test import Client

from addresses.models import Address
from billing.models import BillingProfile
from carts.models import Cart
from orders.models import Order
from tests.makers import ADDRESS, add_to_cart, make_product, make_user, set_standard_delivery, submit_details
from tests.markup import Element, parse_html
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SAME = {"Sec-Fetch-Site": "same-origin"}
CHECKOUT, CHECK, BOOK = "/cart/checkout/", "/addresses/check/", "/addresses/"
FRENCH = {"country": "FR", "city": "Paris", "postal_code": "75001"}


@pytest.fixture
def shopper(client: Client) -> Client:
    """Return a signed-in client with an item in the cart, at a shop that delivers to two countries."""
    set_standard_delivery("4.95", countries="GB, IE")
    sign_in(client, make_user())
    add_to_cart(client, make_product())
    return client


def offered(page: Any, name: str) -> list[str]:
    """Return the values of a select element."""
    return [option.attrs["value"] for option in parse_html(page.text).one("select", name=name).all("option")]


def saved_address(**changes: str) -> Address:
    return Address.objects.create(billing_profile=BillingProfile.objects.get(), **ADDRESS | changes)


def french_address() -> Address:
    return saved_address(**FRENCH)


def selected(page: Element, name: str) -> str:
    return page.one("select", name=name).one("option", selected="").attrs["value"]


@pytest.mark.slow
def test_every_page_offers_the_same_countries_for_delivery(shopper: Client) -> None:
    served = ["IE", "GB"]
    assert offered(shopper.get("/cart/"), "country") == served
    assert offered(shopper.get(CHECKOUT), "shipping-country") == served
    assert offered(shopper.get(f"{BOOK}add/"), "country") == served
    submit_details(shopper)
    assert offered(shopper.get(f"{CHECKOUT}?details"), "shipping-country") == served
    assert offered(shopper.get(CHECK), "country") == served


@pytest.mark.slow
@pytest.mark.parametrize("is_saved", [True, False])
def test_cart_shows_the_costs_for_the_address_chosen_at_the_checkout(shopper: Client, is_saved: bool) -> None:
    set_standard_delivery("4.95", countries="")
    submit_details(shopper)
    berlin = {"country": "DE", "city": "Berlin", "postal_code": "10115"}
    if is_saved:
        shopper.post("/addresses/update/", {"address_id": saved_address(**berlin).pk, "address_type": "shipping"})
    else:
        shopper.post(CHECK, ADDRESS | berlin)
    assert shopper.get(CHECKOUT).context["quote"].destination.country == "DE"
    assert shopper.get("/cart/").context["quote"].destination.country == "DE"


@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "shown"), [("", "DE"), ("IE", "IE")])
def test_cart_shows_the_costs_for_the_address_of_the_last_order(shopper: Client, chosen: str, shown: str) -> None:
    set_standard_delivery("4.95", countries="")
    submit_details(shopper, country="DE", city="Berlin", postal_code="10115")
    Order.objects.update(status=Order.Status.CANCELED, active=False)
    Cart.objects.update(country=chosen)
    shopper.get(CHECKOUT)
    assert shopper.get("/cart/").context["quote"].destination.country == shown


@pytest.mark.slow
def test_billing_address_does_not_change_the_destination_on_the_cart_page(shopper: Client) -> None:
    submit_details(shopper)
    shopper.post("/addresses/update/", {"address_id": french_address().pk, "address_type": "billing"})
    assert shopper.get("/cart/").context["quote"].destination.country == "GB"


@pytest.mark.slow
def test_billing_offers_all_countries(shopper: Client) -> None:
    assert len(offered(shopper.get(CHECKOUT), "billing-country")) > 200
    submit_details(shopper)
    assert len(offered(shopper.get(f"{CHECK}?address_type=billing"), "country")) > 200


@pytest.mark.slow
def test_all_countries_are_offered_if_a_method_delivers_everywhere(shopper: Client) -> None:
    set_standard_delivery("4.95", countries="")
    assert len(offered(shopper.get(CHECKOUT), "shipping-country")) > 200


def test_details_reject_a_country_without_delivery_and_keep_the_input(shopper: Client) -> None:
    page = parse_html(submit_details(shopper, **FRENCH).text)
    assert page.one("div", class_="error-summary").one("a").text == "We do not deliver to France."
    assert (selected(page, "shipping-country"), page.one("input", name="shipping-city").attrs["value"]) == (
        "FR", "Paris",
    )  # fmt: skip
    assert not Address.objects.exists()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("country", ["FR", "US"])
def test_estimate_rejects_a_country_without_delivery(shopper: Client, country: str) -> None:
    page = shopper.post("/cart/delivery/", {"country": country}, headers=SAME, follow=True)
    assert "We do not deliver to " in page.text
    assert Cart.objects.get().country == ""


@pytest.mark.slow
def test_stored_address_in_a_country_without_delivery_stays_visible_with_a_message(shopper: Client) -> None:
    submit_details(shopper)
    Order.objects.get().use_address(french_address(), "shipping")
    page = parse_html(shopper.get(f"{CHECKOUT}?details").text)
    assert selected(page, "shipping-country") == "FR"
    assert page.text.count("We do not deliver to France.") == 2  # in the form and in the list of saved addresses
    assert "We do not deliver to France." in shopper.get(CHECKOUT).text


@pytest.mark.slow
def test_saved_address_in_a_country_without_delivery_is_marked_and_not_offered(shopper: Client) -> None:
    address = french_address()
    for path in (CHECKOUT, CHECK, BOOK):
        page = shopper.get(path)
        assert "We do not deliver to France." in page.text
        assert not list(parse_html(page.text).all("button", name="address_id"))
    page = shopper.get(f"{CHECK}?address_type=billing")
    assert "We do not deliver" not in page.text
    assert parse_html(page.text).one("button", name="address_id").attrs["value"] == str(address.pk)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("kind", "is_used"), [("shipping", False), ("billing", True)])
def test_saved_address_in_a_country_without_delivery_is_used_only_for_billing(
    shopper: Client, kind: str, is_used: bool
) -> None:
    submit_details(shopper)
    address = french_address()
    data = {"address_id": address.pk, "address_type": kind}
    page = shopper.post("/addresses/update/", data, follow=True)
    assert (getattr(Order.objects.get(), f"{kind}_address") == address) is is_used
    assert ("We do not deliver to France." in page.text) is not is_used


def test_saved_address_can_be_corrected_in_its_country(shopper: Client) -> None:
    address = french_address()
    page = shopper.post(f"{BOOK}{address.pk}/", ADDRESS | FRENCH | {"name": "Gia Good"}, follow=True)
    assert "Gia Good" in page.text


@pytest.mark.slow
def test_form_starts_with_a_country_of_the_list_if_the_shop_does_not_deliver_at_home(shopper: Client) -> None:
    set_standard_delivery("4.95", countries="IE")
    page = parse_html(shopper.get(f"{BOOK}add/").text)
    assert selected(page, "country") == "IE"
    assert [option.attrs["value"] for option in page.one("select", name="country").all("option")] == ["IE"]


@pytest.mark.slow
def test_setting_limits_methods_for_everywhere(shopper: Client, settings: Any) -> None:
    settings.SHOP_COUNTRIES = ["GB"]
    set_standard_delivery("4.95", countries="")
    submit_details(shopper)
    Order.objects.get().use_address(french_address(), "shipping")
    assert "We do not deliver to France." in shopper.get(CHECKOUT).text
