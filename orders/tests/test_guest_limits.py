"""Tests for the limits of guest checkouts, each of which creates a customer at Stripe."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import GuestEmail
from billing.models import BillingProfile, RateCounter
from orders.bookkeeping.pruning import prune
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, make_product, place_order, submit_details

pytestmark = pytest.mark.django_db
GUEST = "/accounts/guest/"


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.REQUEST_LIMITS = {"stripe_calls": 10_000, "guests_address": 6, "guests_session": 3}


def start(client: Client, number: int) -> int:
    return int(client.post(GUEST, {"email": f"guest{number}@example.org"}).status_code)


@pytest.mark.django_db(transaction=True)  # customers are not created inside a transaction
def test_ip_address_can_begin_a_limited_number_of_guest_checkouts(simulator: Simulator) -> None:
    statuses = [start(Client(REMOTE_ADDR="192.0.2.1"), number) for number in range(10)]
    assert statuses == [302] * 6 + [429] * 4
    assert len(simulator.objects("customer")) == BillingProfile.objects.count() == GuestEmail.objects.count() == 6
    assert start(Client(REMOTE_ADDR="192.0.2.2"), 99) == 302


def test_details_of_the_checkout_are_limited_too(simulator: Simulator) -> None:
    for number in range(6):
        start(Client(REMOTE_ADDR="192.0.2.1"), number)
    client = Client(REMOTE_ADDR="192.0.2.1")
    add_to_cart(client, make_product())
    response = submit_details(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "3600")
    assert "Please try again in 60 minutes." in response.text
    assert 'href="/cart/checkout/"' in response.text


def test_session_can_begin_a_limited_number_and_leaves_others_at_its_ip_address_alone(simulator: Simulator) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.post(GUEST, {"email": "first@example.org"})  # has no session yet
    statuses = [start(client, number) for number in range(20)]
    assert statuses == [302] * 3 + [429] * 17
    assert [start(Client(REMOTE_ADDR="192.0.2.1"), number) for number in range(2)] == [302] * 2


def test_shopper_buys_while_another_ip_address_has_used_up_its_guest_checkouts(simulator: Simulator) -> None:
    for number in range(10):
        start(Client(REMOTE_ADDR="192.0.2.1"), number)
    client = Client(REMOTE_ADDR="192.0.2.2")
    add_to_cart(client, make_product())
    submit_details(client)
    assert place_order(client, add_card(client).json()["card"]).url == "/cart/success/"


@pytest.mark.django_db(transaction=True)  # customers are not created inside a transaction
def test_same_email_in_one_session_keeps_its_customer_and_is_not_counted(simulator: Simulator) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    assert {start(client, 1) for _press in range(10)} == {302}
    assert len(simulator.objects("customer")) == BillingProfile.objects.count() == 1


def test_limit_ends_after_an_hour(simulator: Simulator) -> None:
    for number in range(7):
        start(Client(REMOTE_ADDR="192.0.2.1"), number)
    RateCounter.objects.update(until=F("until") - 3_600_000)
    assert start(Client(REMOTE_ADDR="192.0.2.1"), 9) == 302


def test_rejected_guest_start_leaves_the_cards_of_the_session_alone(simulator: Simulator) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    start(client, 0)
    card = add_card(client).json()["card"]
    RateCounter.objects.update(count=10_000)
    assert start(client, 1) == 429
    profile = BillingProfile.objects.get()
    assert (profile.email, profile.cards.filter(pk=card, active=True).exists()) == ("guest0@example.org", True)


@pytest.mark.django_db(transaction=True)  # customers are not created inside a transaction
def test_guests_who_never_order_are_deleted_with_their_customers(simulator: Simulator) -> None:
    for number in range(3):
        start(Client(REMOTE_ADDR="192.0.2.1"), number)
    BillingProfile.objects.update(updated=timezone.now() - timedelta(days=31))
    prune()
    assert not BillingProfile.objects.exists()
    assert [customer.get("deleted") for customer in simulator.objects("customer")] == [True] * 3
