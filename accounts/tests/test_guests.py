"""Tests for guest sessions, which must not give access to data of others."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import GuestEmail
from billing.models import BillingProfile, Card
from orders.models import Order
from orders.workflow.guests import start_guest
from stripe_simulator.server import Simulator
from tests.guests import contains
from tests.makers import add_card, add_to_cart, buy, make_product, make_user, submit_details
from tests.visitors import count_queries, make_request, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
GUEST = "/accounts/guest/"


def test_guest_form_stores_guest_in_session(client: Client) -> None:
    response = client.post(GUEST, {"email": "guest@example.org"})
    assert response.url == "/cart/checkout/"
    assert GuestEmail.objects.get(pk=client.session["guest_email_id"]).email == "guest@example.org"
    assert BillingProfile.objects.get(pk=client.session["billing_profile_id"]).email == "guest@example.org"


@pytest.mark.parametrize(
    "email",
    ["", "guest", "guest@", "guest@example.org\x00", "g" * 400 + "@example.org", "guest@example.org\u2028x"],
)
def test_guest_form_rejects_invalid_email(client: Client, email: str) -> None:
    assert "There is a problem" in client.post(GUEST, {"email": email}).text
    assert not GuestEmail.objects.exists()


def test_guest_form_redirects_signed_in_user(client: Client) -> None:
    sign_in(client, make_user())
    response = client.post(GUEST, {"email": "guest@example.org", "next": "/cart/"})
    assert (response.url, GuestEmail.objects.count()) == ("/cart/", 0)


def test_guest_form_get_creates_no_guest(client: Client) -> None:
    assert "Continue as guest" in client.get(GUEST).text
    assert not GuestEmail.objects.exists()


def test_start_guest_creates_profile_for_session() -> None:
    request = make_request()
    profile = start_guest(request, "guest@example.org")
    assert (profile.email, profile.is_guest) == ("guest@example.org", True)
    assert request.session["billing_profile_id"] == profile.pk


def test_profile_that_a_view_has_read_is_used_only_if_it_is_that_of_the_session() -> None:
    request: Any = make_request()
    profile = start_guest(request, "guest@example.org")
    request.known_profile = BillingProfile.objects.create(email="other@example.org")
    assert BillingProfile.objects.for_session(request) == profile
    request.known_profile = BillingProfile(pk=profile.pk, email="old@example.org", active=False)
    assert BillingProfile.objects.for_session(request).email == "guest@example.org"
    request.known_profile = profile
    with count_queries() as queries:
        assert BillingProfile.objects.for_session(request) is profile
    assert not queries


def test_start_guest_twice_with_same_email_creates_one_profile() -> None:
    request = make_request()
    assert start_guest(request, "guest@example.org") == start_guest(request, "guest@example.org")
    assert (BillingProfile.objects.count(), GuestEmail.objects.count()) == (1, 1)


def test_start_guest_changes_email_of_profile_without_orders() -> None:
    request = make_request()
    first = start_guest(request, "gest@example.org")
    second = start_guest(request, "guest@example.org")
    assert (first.pk, BillingProfile.objects.get().email) == (second.pk, "guest@example.org")
    assert GuestEmail.objects.get(pk=request.session["guest_email_id"]).email == "guest@example.org"


@pytest.mark.slow
def test_start_guest_keeps_profile_with_open_order(client: Client) -> None:
    add_to_cart(client, make_product())
    submit_details(client, "gest@example.org")
    submit_details(client, "guest@example.org")
    assert Order.objects.get(active=True).billing_profile == BillingProfile.objects.get()


@pytest.mark.slow
def test_start_guest_after_order_creates_new_profile(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    client.post(GUEST, {"email": "other@example.org"})
    fresh = BillingProfile.objects.get(pk=client.session["billing_profile_id"])
    assert (fresh.email, fresh.cards.count()) == ("other@example.org", 0)
    assert BillingProfile.objects.get(pk=order.billing_profile_id).email == "guest@example.org"
    assert order.order_id in client.get("/orders/").text


@pytest.mark.slow
def test_start_guest_after_order_with_same_email_keeps_profile(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    client.post(GUEST, {"email": "guest@example.org"})
    assert client.session["billing_profile_id"] == order.billing_profile_id


@pytest.mark.parametrize("owner", ["a user", "another guest"])
def test_start_guest_does_not_find_others_by_email(
    client: Client, other_client: Client, simulator: Simulator, owner: str
) -> None:
    if owner == "a user":
        sign_in(client, make_user())
    else:
        client.post(GUEST, {"email": "alice@example.org"})
    add_card(client)
    other_client.post(GUEST, {"email": "alice@example.org"})
    assert other_client.session["billing_profile_id"] != client.session["billing_profile_id"]
    assert Card.objects.get().billing_profile_id == client.session["billing_profile_id"]
    assert not contains(other_client.get("/billing/payment-method/").text, "4242")


def test_start_guest_does_not_query_by_email() -> None:
    make_user("guest@example.org")
    request = make_request()
    with count_queries() as queries:
        start_guest(request, "guest@example.org")
    assert {query.split()[0] for query in queries} == {"INSERT"}


def test_guest_can_be_stored_in_session_and_removed() -> None:
    request = make_request()
    assert GuestEmail.objects.from_request(request) is None
    guest = GuestEmail.objects.create(email="guest@example.org")
    GuestEmail.objects.remember(request, guest)
    assert GuestEmail.objects.from_request(request) == guest
    GuestEmail.objects.forget(request)
    assert GuestEmail.objects.from_request(request) is None


def test_guest_that_is_inactive_is_ignored() -> None:
    guest = GuestEmail.objects.create(email="guest@example.org", active=False)
    assert GuestEmail.objects.from_request(make_request(guest_email_id=guest.pk)) is None
