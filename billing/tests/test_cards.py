"""Tests for saved cards: how they are saved, who owns them, and what the card page's script receives."""

from typing import Any

import pytest
import stripe
from django.db import IntegrityError, transaction
from django.test import Client

from billing.models import BillingProfile, Card, CardAttempt
from stripe_simulator.server import Simulator
from tests.guests import contains
from tests.makers import add_card, make_user
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
PAGE, PROCESSING = "/billing/payment-method/", "/billing/payment-processing/"
DETAILS = {"brand": "Visa", "country": "GB", "last4": "4242", "exp_month": 9, "exp_year": 2040}


def as_card(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return a card as `create_source` returns it."""
    return {"id": f"card_{number}", "object": "card", **DETAILS, **fields}


@pytest.fixture
def alice() -> BillingProfile:
    return BillingProfile.objects.get(user=make_user())


@pytest.fixture
def bob() -> BillingProfile:
    return BillingProfile.objects.get(user=make_user("bob@example.org"))


@pytest.fixture
def guest(client: Client) -> Client:
    """Return the client of a guest."""
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    return client


def defaults(profile: BillingProfile) -> dict[str, bool]:
    return dict(profile.cards.values_list("stripe_id", "default"))


# add_new


def test_add_new_saves_the_details_of_the_card(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, as_card())
    assert (str(card), card.expiry, card.country) == ("Visa •••• 4242", "09/40", "GB")
    assert (card.billing_profile, card.stripe_id, card.default, card.active) == (alice, "card_1", True, True)


def test_add_new_accepts_a_payment_method(alice: BillingProfile) -> None:
    card = Card.objects.add_new(alice, {"id": "pm_1", "object": "payment_method", "type": "card", "card": DETAILS})
    assert (card.stripe_id, card.last4, card.exp_year) == ("pm_1", "4242", 2040)


def test_add_new_makes_the_newest_card_the_only_default(alice: BillingProfile) -> None:
    for number in (1, 2, 3):
        Card.objects.add_new(alice, as_card(number))
    assert defaults(alice) == {"card_1": False, "card_2": False, "card_3": True}


def test_add_new_keeps_the_default_cards_of_other_profiles(alice: BillingProfile, bob: BillingProfile) -> None:
    Card.objects.add_new(bob, as_card(1))
    Card.objects.add_new(alice, as_card(2))
    assert defaults(bob) == {"card_1": True}


def test_add_new_with_a_known_card_reactivates_it_as_the_default(alice: BillingProfile) -> None:
    first = Card.objects.add_new(alice, as_card(1))
    Card.objects.add_new(alice, as_card(2))
    Card.objects.remove(first)
    assert Card.objects.add_new(alice, as_card(1)) == first
    assert defaults(alice) == {"card_1": True, "card_2": False}
    assert Card.objects.usable(alice).first() == first


def test_add_new_rejects_the_card_of_another_profile_and_changes_nothing(
    alice: BillingProfile, bob: BillingProfile
) -> None:
    Card.objects.add_new(alice, as_card(1))
    Card.objects.add_new(bob, as_card(2))
    with pytest.raises(ValueError, match="another profile"):
        Card.objects.add_new(bob, as_card(1))
    assert (defaults(alice), defaults(bob)) == ({"card_1": True}, {"card_2": True})


@pytest.mark.parametrize(
    "response",
    [
        {"id": "acct_1", "object": "account"},
        {"id": "ba_1", "object": "bank_account", "last4": "6789"},
        {"id": "pm_1", "object": "payment_method", "type": "link"},
        {"id": "pm_1", "object": "payment_method", "type": "card", "card": None},
        {"object": "card", **DETAILS},
        {"id": "", "object": "card", **DETAILS},
        {},
    ],
)
def test_add_new_rejects_an_object_that_is_not_a_card(alice: BillingProfile, response: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="instead of a card"):
        Card.objects.add_new(alice, response)
    assert not Card.objects.exists()


def test_database_rejects_a_second_card_with_the_same_stripe_id(alice: BillingProfile, bob: BillingProfile) -> None:
    Card.objects.add_new(alice, as_card())
    with pytest.raises(IntegrityError), transaction.atomic():
        Card.objects.create(billing_profile=bob, stripe_id="card_1", last4="1", exp_month=1, exp_year=2040)


def test_database_rejects_a_second_default_card_of_a_profile(alice: BillingProfile) -> None:
    Card.objects.add_new(alice, as_card())
    with pytest.raises(IntegrityError), transaction.atomic():
        Card.objects.create(
            billing_profile=alice,
            stripe_id="card_2",
            last4="1",
            exp_month=1,
            exp_year=2040,
            is_saved=True,
            default=True,
        )


def test_usable_returns_the_active_cards_of_the_profile_default_first(
    alice: BillingProfile, bob: BillingProfile
) -> None:
    Card.objects.add_new(bob, as_card(9))
    for number in (1, 2, 3, 1):
        Card.objects.add_new(alice, as_card(number))
    Card.objects.filter(stripe_id="card_3").update(active=False)
    assert [card.stripe_id for card in Card.objects.usable(alice)] == ["card_1", "card_2"]


# The payment_processing view


def make_token(simulator: Simulator) -> str:
    """Create a token of an entered card, as Stripe's card field does. It can be used once."""
    browser = stripe.StripeClient("pk_test_tests", base_addresses={"api": simulator.url})
    details = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2050", "cvc": "123"}
    return browser.v1.tokens.create({"card": details}).id


def test_processing_saves_the_card_and_returns_its_label(guest: Client, simulator: Simulator) -> None:
    response = add_card(guest)
    card = Card.objects.get()
    assert response.json() == {"card": card.pk, "label": "Visa •••• 4242"}
    assert card.billing_profile.email == "guest@example.org"


def test_processing_records_an_attempt_that_succeeded(guest: Client, simulator: Simulator) -> None:
    add_card(guest)
    attempt = CardAttempt.objects.get()
    assert (attempt.ok, attempt.card, attempt.is_check_due) == (True, Card.objects.get(), False)


def test_processing_retrieves_the_customer_before_it_creates_the_card(guest: Client, simulator: Simulator) -> None:
    add_card(guest)
    customer = BillingProfile.objects.get().customer_id
    assert [(method, path) for method, path, _params, _key in simulator.requests] == [
        ("POST", "/v1/customers"),
        ("GET", f"/v1/customers/{customer}"),
        ("POST", f"/v1/customers/{customer}/sources"),
    ]


def test_processing_saves_the_card_for_the_signed_in_user(client: Client, simulator: Simulator) -> None:
    alice = make_user()
    sign_in(client, alice)
    add_card(client)
    assert Card.objects.get().billing_profile.user == alice


def test_processing_rejects_an_anonymous_visitor(client: Client, simulator: Simulator) -> None:
    response = add_card(client)
    assert (response.status_code, response.json()) == (403, {"error": "Log in or continue as a guest first."})
    assert simulator.requests == []


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "token",
    ["", "tok", "card_1", "4242424242424242", "tok_visa\x00", "tok_visa\n", "tok_a/b", "tok_" + "x" * 200, "tok_é é"],
)
def test_processing_rejects_a_malformed_token_without_calling_stripe(
    guest: Client, simulator: Simulator, token: str
) -> None:
    simulator.requests.clear()
    response = add_card(guest, token)
    assert (response.status_code, list(response.json()), simulator.requests) == (400, ["error"], [])


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("tok_chargeDeclined", "Your card was declined. Try another card, or ask your bank."),
        ("tok_chargeDeclinedInsufficientFunds", "Your card has insufficient funds. Try another card."),
        ("tok_chargeDeclinedExpiredCard", "Your card has expired. Try another card."),
        ("tok_chargeDeclinedIncorrectCvc", "The security code is incorrect. Check it and try again."),
        ("tok_chargeDeclinedLostCard", "Your card was declined."),
        ("tok_chargeDeclinedStolenCard", "Your card was declined."),
        ("tok_radarBlock", "Your card was declined."),
    ],
)
def test_processing_of_a_declined_card_returns_a_message(
    guest: Client, simulator: Simulator, token: str, message: str
) -> None:
    response = add_card(guest, token)
    assert (response.status_code, response.json()) == (402, {"error": message})
    assert not Card.objects.exists()


def test_processing_of_an_unknown_token_saves_nothing(guest: Client, simulator: Simulator) -> None:
    response = add_card(guest, "tok_nobody")
    assert response.status_code == 400
    assert "Nothing was charged." in response.json()["error"]
    assert not Card.objects.exists()


def test_processing_of_a_token_sent_twice_returns_the_same_card(guest: Client, simulator: Simulator) -> None:
    token = make_token(simulator)
    first, second = add_card(guest, token), add_card(guest, token)
    assert first.json() == second.json()
    assert Card.objects.count() == len(simulator.objects("card")) == 1


def test_processing_of_a_used_token_returns_its_card_and_not_the_default_card(
    client: Client, simulator: Simulator
) -> None:
    sign_in(client, make_user())
    token = make_token(simulator)
    first = add_card(client, token).json()
    add_card(client, "tok_amex")
    assert add_card(client, token).json() == first
    assert Card.objects.get(default=True).last4 == "0005"


def test_processing_of_a_used_token_after_a_lost_answer_asks_for_the_card_again(
    guest: Client, simulator: Simulator
) -> None:
    add_card(guest, "tok_amex")
    token = make_token(simulator)
    simulator.add_fault("/v1/customers/*/sources", "drop_after")
    add_card(guest, token)
    response = add_card(guest, token)
    assert (response.status_code, "Please enter it again." in response.json()["error"]) == (400, True)
    assert Card.objects.get().last4 == "0005"


def test_processing_of_a_token_of_another_visitor_reveals_nothing(
    guest: Client, other_client: Client, simulator: Simulator
) -> None:
    token = make_token(simulator)
    add_card(guest, token)
    sign_in(other_client, make_user("charlie@example.org"))
    response = add_card(other_client, token)
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert Card.objects.get().billing_profile.email == "guest@example.org"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_500", "html", "empty", "other_json"])
def test_processing_while_stripe_is_down_says_that_nothing_was_charged(
    guest: Client, simulator: Simulator, fault: str
) -> None:
    simulator.add_fault("/v1/customers/*/sources", fault)
    response = add_card(guest)
    assert response.status_code == 424
    assert "Nothing was charged." in response.json()["error"]
    assert not Card.objects.exists()


def test_processing_without_a_connection_to_stripe_asks_to_try_again(guest: Client) -> None:
    response = add_card(guest)
    assert (response.status_code, "Please try again" in response.json()["error"]) == (424, True)


def test_processing_rejects_get(guest: Client, simulator: Simulator) -> None:
    assert guest.get(PROCESSING, {"token": "tok_visa"}).status_code == 405
    assert not Card.objects.exists()


def test_processing_rejects_a_request_from_another_site(simulator: Simulator) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user())
    response = strict.post(PROCESSING, {"token": "tok_visa"}, headers={"Origin": "https://evil.example"})
    assert (response.status_code, Card.objects.count()) == (403, 0)


def test_processing_response_is_not_cached(guest: Client, simulator: Simulator) -> None:
    assert "no-store" in add_card(guest).headers["Cache-Control"]


# The card page


def test_card_page_shows_only_the_visitors_own_cards(
    client: Client, other_client: Client, simulator: Simulator
) -> None:
    sign_in(client, make_user())
    add_card(client, "tok_visa")
    sign_in(other_client, make_user("bob@example.org"))
    add_card(other_client, "tok_amex")
    page = client.get(PAGE).text
    assert "•••• 4242" in page
    assert not contains(page, "0005")


def test_card_page_redirects_an_anonymous_visitor_to_log_in_and_back(client: Client) -> None:
    assert client.get(PAGE).url == f"/accounts/login/?next={PAGE}"


def test_card_page_contains_the_publishable_key_and_no_secret(guest: Client) -> None:
    page = guest.get(PAGE).text
    assert 'data-key="pk_test_tests"' in page
    assert "sk_test_tests" not in page
    assert "whsec_tests" not in page
