"""Tests for the address book of an account."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from addresses.models import MAX_ADDRESSES, Address
from billing.models import BillingProfile
from orders.models import Order
from tests.makers import ADDRESS, add_to_cart, make_open_order, make_product, make_user, submit_details
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
BOOK, ADD = "/addresses/", "/addresses/add/"


@pytest.fixture
def alice(client: Client) -> User:
    """Return a user who is signed in to `client`."""
    user = make_user()
    sign_in(client, user)
    return user


def make_address(user: User) -> Address:
    return Address.objects.create(billing_profile=user.billing_profile, **ADDRESS)


@pytest.mark.parametrize("path", [BOOK, ADD, "/addresses/1/"])
def test_book_requires_login(client: Client, path: str) -> None:
    assert client.get(path).url == f"/accounts/login/?next={path}"


def test_empty_book_links_to_the_add_page(client: Client, alice: User) -> None:
    page = client.get(BOOK).text
    assert ("No saved addresses yet." in page, f'href="{ADD}"' in page) == (True, True)


def test_address_is_added(client: Client, alice: User) -> None:
    assert "1 High Street" in client.post(ADD, ADDRESS, follow=True).text


def test_address_added_twice_is_stored_once(client: Client, alice: User) -> None:
    client.post(ADD, ADDRESS)
    client.post(ADD, ADDRESS)
    assert Address.objects.count() == 1


def test_invalid_address_shows_an_error_and_keeps_the_input(client: Client, alice: User) -> None:
    page = client.post(ADD, ADDRESS | {"postal_code": "nowhere"}).text
    assert ("There is a problem" in page, "Error:" in page, 'value="1 High Street"' in page) == (True, True, True)
    assert not Address.objects.exists()


def test_address_is_edited(client: Client, alice: User) -> None:
    address = make_address(alice)
    url = reverse("addresses:edit", args=[address.pk])
    assert 'value="1 High Street"' in client.get(url).text
    client.post(url, ADDRESS | {"line_1": "2 Low Street"})
    assert [row.line_1 for row in Address.objects.all()] == ["2 Low Street"]


def test_unchanged_address_keeps_its_row(client: Client, alice: User) -> None:
    address = make_address(alice)
    client.post(reverse("addresses:edit", args=[address.pk]), ADDRESS)
    assert Address.objects.get() == address


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_placed_order_keeps_its_address_text(client: Client, alice: User, change: str) -> None:
    address = make_address(alice)
    profile = alice.billing_profile
    order = make_open_order(shipping_address=address, shipping_address_text="as placed", status=Order.Status.PLACED)
    Order.objects.update(billing_profile=profile)
    client.post(reverse(f"addresses:{change}", args=[address.pk]), ADDRESS | {"line_1": "2 Low Street"})
    order.refresh_from_db()
    assert order.shipping_address_text == "as placed"
    assert order.shipping_address is None or order.shipping_address.line_1 == "2 Low Street"


def test_address_is_deleted(client: Client, alice: User) -> None:
    response = client.post(reverse("addresses:delete", args=[make_address(alice).pk]), follow=True)
    assert "The address has been deleted." in response.text
    assert not Address.objects.exists()


def test_address_delete_rejects_get(client: Client, alice: User) -> None:
    assert client.get(reverse("addresses:delete", args=[make_address(alice).pk])).status_code == 405


@pytest.mark.parametrize("name", ["addresses:edit", "addresses:delete"])
def test_address_of_another_user_returns_404_and_does_not_change(
    client: Client, other_client: Client, alice: User, name: str
) -> None:
    address = make_address(alice)
    sign_in(other_client, make_user("charlie@example.org"))
    response = other_client.post(reverse(name, args=[address.pk]), ADDRESS | {"line_1": "2 Low Street"})
    assert (response.status_code, Address.objects.get().line_1) == (404, "1 High Street")


def fill_book(profile: BillingProfile) -> None:
    """Save as many addresses as a profile can have. The last is ADDRESS."""
    rows = [ADDRESS | {"line_1": f"{number} High Street"} for number in range(MAX_ADDRESSES, 0, -1)]
    Address.objects.bulk_create(Address(billing_profile=profile, **row) for row in rows)


def test_full_book_takes_no_further_address(client: Client, alice: User) -> None:
    fill_book(alice.billing_profile)
    page = client.post(ADD, ADDRESS | {"line_1": "Too Many"})
    assert "There are 50 saved addresses already." in page.text
    assert Address.objects.count() == 50
    assert client.post(ADD, ADDRESS).status_code == 302  # it is there already
    client.post(reverse("addresses:delete", args=[Address.objects.latest("pk").pk]))
    assert client.post(ADD, ADDRESS | {"line_1": "Last"}).status_code == 302
    assert Address.objects.count() == 50


@pytest.mark.parametrize("is_guest", [False, True])
def test_checkout_with_a_full_book_uses_a_saved_address(client: Client, is_guest: bool) -> None:
    if not is_guest:
        sign_in(client, make_user())
    add_to_cart(client, make_product())
    submit_details(client)
    profile = Address.objects.get().billing_profile
    Address.objects.all().delete()
    fill_book(profile)
    url = reverse("carts:checkout") + "?details"
    data = {f"shipping-{name}": value for name, value in (ADDRESS | {"line_1": "Too Many"}).items()}
    page = client.post(url, data | {"email": profile.email, "billing_same": "on"})
    assert "There are 50 saved addresses already." in page.text
    page = client.post(reverse("addresses:check"), ADDRESS | {"line_1": "Too Many"})
    assert "There are 50 saved addresses already." in page.text
    assert Address.objects.count() == 50
    assert submit_details(client, profile.email).status_code == 302
    assert Order.objects.get().shipping_address == Address.objects.get(line_1="1 High Street")
