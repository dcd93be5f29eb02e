"""Tests for the address views: requirements, ownership and the effect on the order."""

import pytest
from django.test import Client

from addresses.models import Address
from billing.models import BillingProfile
from orders.models import Order
from products.models import Product
from tests.makers import ADDRESS, add_to_cart, make_product, make_user
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
CHECK, UPDATE = "/addresses/check/", "/addresses/update/"
CHECKOUT = "/cart/checkout/"


def sign_in_with_cart(client: Client, email: str) -> Client:
    """Sign in a new user, add one product to the cart and return the client."""
    sign_in(client, make_user(email))
    add_to_cart(client, make_product())
    return client


@pytest.fixture
def alice(client: Client) -> Client:
    return sign_in_with_cart(client, "alice@example.org")


@pytest.fixture
def bob(other_client: Client) -> Client:
    return sign_in_with_cart(other_client, "bob@example.org")


def order_of(email: str) -> Order:
    return Order.objects.get(email=email, active=True)


def make_address(email: str, **fields: str) -> Address:
    """Create a saved address for the user with this email address."""
    profile = BillingProfile.objects.get(email=email)
    return Address.objects.create(billing_profile=profile, **ADDRESS | fields)


# Requirements


def test_pages_without_a_cart_redirect_to_the_checkout(client: Client) -> None:
    sign_in(client, make_user())
    for response in (client.get(CHECK), client.post(CHECK, ADDRESS), client.post(UPDATE)):
        assert response.url == CHECKOUT
    assert not Order.objects.exists()


def test_pages_with_an_empty_cart_redirect_to_the_checkout(alice: Client) -> None:
    add_to_cart(alice, Product.objects.get(), action="remove")
    assert alice.get(CHECK).url == alice.post(UPDATE).url == CHECKOUT


def test_pages_without_a_profile_redirect_to_the_checkout(client: Client) -> None:
    add_to_cart(client, make_product())
    for response in (client.get(CHECK), client.post(CHECK, ADDRESS), client.post(UPDATE)):
        assert response.url == CHECKOUT
    assert not Address.objects.exists()


def test_pages_work_for_a_guest(client: Client) -> None:
    add_to_cart(client, make_product())
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    client.post(CHECK, ADDRESS)
    assert order_of("guest@example.org").shipping_address.city == "Bath"


def test_update_rejects_get(alice: Client) -> None:
    address = make_address("alice@example.org")
    assert alice.get(UPDATE, {"address_id": address.pk, "address_type": "shipping"}).status_code == 405
    assert not Order.objects.exclude(shipping_address=None).exists()


# A new address


@pytest.mark.parametrize("kind", ["shipping", "billing"])
def test_check_shows_the_form_for_the_address_type(alice: Client, kind: str) -> None:
    page = alice.get(CHECK, {"address_type": kind, "next": "/cart/"})
    assert f"<h1>{kind.capitalize()} address</h1>" in page.text
    assert (page.context["next_url"], page.context["action_url"]) == ("/cart/", CHECK)
    assert f'autocomplete="{kind} address-line1"' in page.text


def test_check_saves_the_address_to_the_order_and_redirects(alice: Client) -> None:
    response = alice.post(CHECK, ADDRESS | {"next": "/cart/"})
    order = order_of("alice@example.org")
    assert response.url == "/cart/"
    assert order.shipping_address.lines() == ["Gia Guest", "1 High Street", "BATH", "BA1 1AA", "United Kingdom"]


@pytest.mark.slow
def test_check_uses_the_shipping_address_for_billing_by_default(alice: Client) -> None:
    alice.post(CHECK, ADDRESS)
    assert order_of("alice@example.org").is_billed_to_shipping_address
    alice.post(CHECK, ADDRESS | {"line_1": "2 Low Street", "address_type": "billing"})
    order = order_of("alice@example.org")
    assert (order.shipping_address.line_1, order.billing_address.line_1) == ("1 High Street", "2 Low Street")
    alice.post(CHECK, ADDRESS | {"line_1": "3 Mid Street"})
    assert order_of("alice@example.org").billing_address.line_1 == "2 Low Street"


def test_check_of_a_billing_address_does_not_set_the_shipping_address(alice: Client) -> None:
    alice.post(CHECK, ADDRESS | {"address_type": "billing"})
    order = order_of("alice@example.org")
    assert (order.shipping_address, order.billing_address.city) == (None, "Bath")


def test_check_stores_the_same_address_once(alice: Client) -> None:
    for kind in ("shipping", "billing", "shipping"):
        alice.post(CHECK, ADDRESS | {"address_type": kind, "postal_code": "ba11aa"})
    assert Address.objects.count() == 1


@pytest.mark.slow
def test_check_creates_a_separate_address_for_each_profile(alice: Client, bob: Client) -> None:
    alice.post(CHECK, ADDRESS)
    bob.post(CHECK, ADDRESS)
    owners = Address.objects.values_list("billing_profile__email", flat=True)
    assert set(owners) == {"alice@example.org", "bob@example.org"}


@pytest.mark.parametrize("kind", ["", "home", "shipping_address", "status", "x\x00"])
def test_check_treats_an_unknown_address_type_as_shipping(alice: Client, kind: str) -> None:
    alice.post(CHECK, ADDRESS | {"address_type": kind})
    order = order_of("alice@example.org")
    assert (order.shipping_address.city, order.status) == ("Bath", Order.Status.OPEN)


def test_check_rejects_an_invalid_address_and_keeps_the_input(alice: Client) -> None:
    page = alice.post(CHECK, ADDRESS | {"postal_code": "12345"}).text
    assert "There is a problem" in page
    assert "Please check: Postcode. It should look like EC1Y 8SY." in page
    assert 'value="1 High Street"' in page
    assert not Address.objects.exists()


def test_check_shows_the_fields_of_a_changed_country(alice: Client) -> None:
    page = alice.post(CHECK, ADDRESS | {"country": "US", "change_country": ""}).text
    assert "<title>Shipping address" in page
    assert "There is a problem" not in page
    assert "ZIP code" in page
    assert 'value="1 High Street"' in page
    assert not Address.objects.exists()


def test_check_does_not_redirect_to_another_site(alice: Client) -> None:
    assert alice.post(CHECK, ADDRESS | {"next": "//evil.example"}).url == CHECKOUT


@pytest.mark.slow
def test_check_ignores_a_submitted_billing_profile(alice: Client, bob: Client) -> None:
    other_profile = make_address("bob@example.org").billing_profile
    alice.post(CHECK, ADDRESS | {"billing_profile": other_profile.pk, "line_1": "9 New Street"})
    assert Address.objects.get(line_1="9 New Street").billing_profile.email == "alice@example.org"


# Saved addresses


@pytest.mark.slow
def test_saved_addresses_are_shown_only_to_their_owner(alice: Client, bob: Client) -> None:
    make_address("alice@example.org", line_1="7 Alice Lane")
    make_address("bob@example.org", line_1="8 Bob Lane")
    assert [text in alice.get(CHECK).text for text in ("7 Alice Lane", "8 Bob Lane")] == [True, False]
    assert [text in bob.get(CHECK).text for text in ("7 Alice Lane", "8 Bob Lane")] == [False, True]


@pytest.mark.slow
def test_saved_addresses_are_hidden_from_a_guest_with_the_same_email(alice: Client, other_client: Client) -> None:
    make_address("alice@example.org", line_1="7 Alice Lane")
    add_to_cart(other_client, make_product())
    other_client.post("/accounts/guest/", {"email": "alice@example.org"})
    page = other_client.get(CHECK).text
    assert "Shipping address" in page
    assert "7 Alice Lane" not in page


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shipping", "billing"])
def test_update_uses_a_saved_address_for_the_order(alice: Client, kind: str) -> None:
    alice.post(CHECK, ADDRESS)
    saved = make_address("alice@example.org", line_1="7 Alice Lane")
    response = alice.post(UPDATE, {"address_id": saved.pk, "address_type": kind, "next": "/cart/"})
    order = order_of("alice@example.org")
    assert (response.url, getattr(order, f"{kind}_address")) == ("/cart/", saved)
    assert order.shipping_address != order.billing_address


def test_update_sets_an_empty_billing_address_too(alice: Client) -> None:
    saved = make_address("alice@example.org")
    alice.post(UPDATE, {"address_id": saved.pk, "address_type": "shipping"})
    assert order_of("alice@example.org").billing_address == saved


@pytest.mark.slow
def test_update_rejects_the_address_of_another_user(alice: Client, bob: Client) -> None:
    other_address = make_address("bob@example.org", line_1="8 Bob Lane")
    alice.post(CHECK, ADDRESS)
    page = alice.post(UPDATE, {"address_id": other_address.pk, "address_type": "shipping"}, follow=True).text
    order = order_of("alice@example.org")
    assert (order.shipping_address.line_1, order.billing_address.line_1) == ("1 High Street", "1 High Street")
    assert "Choose one of your addresses." in page
    assert "8 Bob Lane" not in page


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", ["", "0", "-1", "x", "1.5", str(2**64), "9" * 5000, "1\x00", "9999"])
def test_update_with_an_invalid_address_id_changes_nothing(alice: Client, number: str) -> None:
    alice.post(CHECK, ADDRESS)
    before = order_of("alice@example.org").shipping_address_id
    response = alice.post(UPDATE, {"address_id": number, "address_type": "shipping"})
    assert (response.url, order_of("alice@example.org").shipping_address_id) == (CHECKOUT, before)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["", "home", "status", "x\x00"])
def test_update_with_an_unknown_address_type_changes_nothing(alice: Client, kind: str) -> None:
    saved = make_address("alice@example.org")
    page = alice.post(UPDATE, {"address_id": saved.pk, "address_type": kind}, follow=True).text
    assert "Choose one of your addresses." in page
    assert order_of("alice@example.org").shipping_address is None


def test_address_pages_are_not_cached(alice: Client) -> None:
    make_address("alice@example.org", line_1="7 Alice Lane")
    response = alice.get(CHECK)
    assert "7 Alice Lane" in response.text
    assert "no-store" in response.headers["Cache-Control"]
