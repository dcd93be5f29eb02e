"""Tests for saved cards: the list, the default card, and removal in the shop and at Stripe."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.test_privacy import make_card, make_order
from billing import gateway
from billing.models import BillingProfile, Card
from orders.bookkeeping.reconcile import reconcile
from orders.models import Payment
from stripe_simulator.server import Simulator
from tests.guests import contains
from tests.makers import add_card, make_user
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
PAGE = "/billing/payment-method/"


@pytest.fixture
def alice(client: Client) -> User:
    """Return a signed-in user."""
    user = make_user()
    sign_in(client, user)
    return user


def post_action(client: Client, name: str, card: Card) -> Any:
    return client.post(reverse(f"accounts:card_{name}", args=[card.pk]), follow=True)


def test_card_page_shows_brand_digits_and_expiry(client: Client, alice: User) -> None:
    make_card(alice)
    page = client.get(PAGE).text
    assert ("Visa •••• 4242" in page, "Expires 12/34" in page, "Default" in page) == (True, True, True)


def test_card_page_marks_expired_card(client: Client, alice: User) -> None:
    make_card(alice, exp_year=2020)
    assert "Expired 12/20" in client.get(PAGE).text


def test_default_can_move_to_another_card(client: Client, alice: User) -> None:
    make_card(alice)
    other = make_card(alice, stripe_id="card_2", default=False)
    post_action(client, "default", other)
    assert Card.objects.get(default=True) == other


def test_remove_deletes_card_locally_and_at_stripe(client: Client, simulator: Simulator, alice: User) -> None:
    card = Card.objects.get(pk=add_card(client).json()["card"])
    assert "has been removed" in post_action(client, "remove", card).text
    card.refresh_from_db()
    assert (card.active, card.default, card.is_detach_due) == (False, False, False)
    assert simulator.store.find("card", card.stripe_id) is None


def test_remove_detaches_card_added_by_setup_intent(client: Client, simulator: Simulator, alice: User) -> None:
    profile = BillingProfile.objects.get()
    method = gateway._request(
        lambda c: c.v1.payment_methods.attach("pm_card_visa", {"customer": profile.get_customer()}),
        lambda response: dict(response.to_dict()),
    )
    post_action(client, "remove", Card.objects.add_new(profile, method))
    assert (simulator.store.find("payment_method", method["id"]) or {})["customer"] is None
    assert not Card.objects.to_detach().exists()


@pytest.mark.slow
def test_reconcile_detaches_card_after_stripe_failure(
    client: Client, request: pytest.FixtureRequest, alice: User
) -> None:
    card = make_card(alice)
    BillingProfile.objects.update(customer_id="cus_none")
    # Stripe is not reachable before the simulator starts.
    assert "has been removed" in post_action(client, "remove", card).text
    assert not contains(client.get(PAGE).text, "4242")
    request.getfixturevalue("simulator")
    assert reconcile()["cards removed"] == 1
    assert not Card.objects.to_detach().exists()


def test_remove_makes_next_card_the_default(client: Client, alice: User) -> None:
    card = make_card(alice)
    other = make_card(alice, stripe_id="card_2", default=False)
    post_action(client, "remove", card)
    assert Card.objects.get(default=True) == other


def test_remove_is_rejected_while_payment_is_open(client: Client, alice: User) -> None:
    card, order = make_card(alice), make_order(alice, status="placed", paid_at=None)
    Payment.objects.create(
        order=order, number=1, card=card, stripe_pm=card.stripe_id, amount=16, currency="gbp", status="requires_action"
    )
    assert "is being used for a payment" in post_action(client, "remove", card).text
    assert Card.objects.get().active


@pytest.mark.parametrize("name", ["default", "remove"])
def test_card_of_another_visitor_returns_404(client: Client, other_client: Client, alice: User, name: str) -> None:
    card = make_card(alice, default=False)
    sign_in(other_client, make_user("charlie@example.org"))
    for browser in (other_client, Client()):
        assert post_action(browser, name, card).status_code == 404
    assert list(Card.objects.values_list("active", "default")) == [(True, False)]


def test_card_pk_out_of_range_returns_404(client: Client, alice: User) -> None:
    assert client.post(f"/accounts/cards/{'9' * 30}/remove/").status_code == 404
