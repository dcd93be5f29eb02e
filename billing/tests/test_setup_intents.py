"""Tests for cards saved with a SetupIntent: validation, ownership, and what the card page's script receives."""

from typing import Any

import pytest
import stripe
from django.test import Client
from django.urls import reverse

from billing.models import BillingProfile, Card, CardAttempt
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_product, place_order, submit_details

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
BEGIN, PROCESSING = "/billing/setup-intent/", "/billing/payment-processing/"


@pytest.fixture(autouse=True)
def flow(settings: Any) -> None:
    settings.STRIPE_CARD_FLOW = "setup_intent"


@pytest.fixture
def guest(client: Client) -> Client:
    """Return the client of a guest."""
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    return client


@pytest.fixture
def charlie(other_client: Client) -> Client:
    """Return the client of another guest."""
    other_client.post("/accounts/guest/", {"email": "charlie@example.org"})
    return other_client


def confirm(simulator: Simulator, secret: str, card: str = "pm_card_visa") -> str:
    """Confirm a SetupIntent as `confirmCardSetup` does in the browser, and return its id."""
    browser = stripe.StripeClient("pk_test_tests", base_addresses={"api": simulator.url}, max_network_retries=0)
    setup_id = secret.split("_secret_")[0]
    browser.v1.setup_intents.confirm(setup_id, {"payment_method": card, "client_secret": secret})  # type: ignore[typeddict-unknown-key]
    return setup_id


def begin(client: Client, order: Order | None = None) -> str:
    url = reverse("orders:card_setup", args=[order.order_id]) if order else BEGIN
    return str(client.post(url).json()["client_secret"])


def keep(client: Client, setup_id: str, order: Order | None = None) -> Any:
    url = reverse("orders:card", args=[order.order_id]) if order else PROCESSING
    return client.post(url, {"setup_intent": setup_id})


def set_up(client: Client, simulator: Simulator, card: str = "pm_card_visa") -> Any:
    """Create and confirm a SetupIntent, save its card, and return the response."""
    return keep(client, confirm(simulator, begin(client), card))


@pytest.mark.slow
def test_setup_saves_a_card(guest: Client, simulator: Simulator) -> None:
    response = set_up(guest, simulator)
    card = Card.objects.get()
    assert response.json() == {"card": card.pk, "label": "Visa •••• 4242"}
    assert (card.stripe_id[:3], card.billing_profile.email, card.is_saved) == ("pm_", "guest@example.org", False)


@pytest.mark.slow
def test_card_of_a_setup_pays_an_order(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, set_up(client, simulator).json()["card"])
    assert Order.objects.placed().get().status == Order.Status.PAID


@pytest.mark.slow
def test_card_of_an_authenticated_setup_pays_without_another_challenge(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    setup_id = confirm(simulator, begin(client), "pm_card_authenticationRequiredOnSetup")
    simulator.complete_3d_secure(setup_id, succeed=True)
    place_order(client, keep(client, setup_id).json()["card"])
    assert Order.objects.placed().get().status == Order.Status.PAID


def test_setup_status_from_the_browser_is_not_trusted(guest: Client, simulator: Simulator) -> None:
    setup_id = begin(guest).split("_secret_")[0]
    response = guest.post(PROCESSING, {"setup_intent": setup_id, "status": "succeeded", "card": "pm_card_visa"})
    assert (response.status_code, "bank's check was not completed" in response.json()["error"]) == (400, True)
    assert not Card.objects.exists()


def test_unfinished_setup_is_retrieved_once(guest: Client, simulator: Simulator) -> None:
    setup_id = begin(guest).split("_secret_")[0]
    keep(guest, setup_id)
    simulator.requests.clear()
    assert keep(guest, setup_id).status_code == 400
    assert simulator.requests == []


def test_setup_counts_as_declined_until_its_card_is_saved(guest: Client, simulator: Simulator) -> None:
    keep(guest, begin(guest).split("_secret_")[0])
    assert [attempt.ok for attempt in CardAttempt.objects.all()] == [False]
    set_up(guest, simulator)
    assert [attempt.ok for attempt in CardAttempt.objects.order_by("pk")] == [False, True]


def test_failed_setup_saves_nothing(guest: Client, simulator: Simulator) -> None:
    setup_id = confirm(simulator, begin(guest), "pm_card_authenticationRequiredOnSetup")
    simulator.complete_3d_secure(setup_id, succeed=False)
    assert keep(guest, setup_id).status_code == 400
    assert not Card.objects.exists()


def test_setup_of_another_visitor_reveals_nothing(guest: Client, charlie: Client, simulator: Simulator) -> None:
    setup_id = confirm(simulator, begin(guest))
    response = keep(charlie, setup_id)
    assert (response.status_code, list(response.json())) == (400, ["error"])
    assert not Card.objects.exists()
    assert keep(guest, setup_id).status_code == 200


def test_setup_of_another_customer_is_rejected_even_if_the_shop_created_it(
    guest: Client, charlie: Client, simulator: Simulator
) -> None:
    setup_id = confirm(simulator, begin(guest))
    begin(charlie)
    CardAttempt.objects.update(billing_profile=BillingProfile.objects.get(email="charlie@example.org"))
    assert keep(charlie, setup_id).status_code == 400
    assert not Card.objects.exists()


@pytest.mark.slow
def test_setup_used_again_returns_its_card_and_changes_nothing(guest: Client, simulator: Simulator) -> None:
    setup_id = confirm(simulator, begin(guest))
    first = keep(guest, setup_id).json()
    set_up(guest, simulator, "pm_card_amex")
    assert keep(guest, setup_id).json() == first
    assert Card.objects.latest("entered_at").last4 == "0005"


@pytest.mark.parametrize("setup_id", ["", "seti", "pi_1", "seti_1\x00", "seti_1\n", "seti_a/b", "seti_" + "x" * 200])
def test_malformed_setup_is_rejected_without_calling_stripe(guest: Client, simulator: Simulator, setup_id: str) -> None:
    simulator.requests.clear()
    response = keep(guest, setup_id)
    assert (response.status_code, list(response.json()), simulator.requests) == (400, ["error"], [])


def test_unknown_setup_is_rejected_without_calling_stripe(guest: Client, simulator: Simulator) -> None:
    simulator.requests.clear()
    response = keep(guest, "seti_nobody")
    assert (response.status_code, simulator.requests) == (400, [])


def test_anonymous_visitor_cannot_begin_a_setup(client: Client, simulator: Simulator) -> None:
    assert client.post(BEGIN).status_code == 403
    assert (simulator.requests, CardAttempt.objects.count()) == ([], 0)


def test_setup_replaces_a_customer_that_stripe_lost(guest: Client, simulator: Simulator) -> None:
    BillingProfile.objects.update(customer_id="cus_lost")
    assert set_up(guest, simulator).status_code == 200


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_500", "html", "empty", "other_json"])
def test_setup_while_stripe_is_down_says_that_nothing_was_charged(
    guest: Client, simulator: Simulator, fault: str
) -> None:
    simulator.add_fault("/v1/setup_intents", fault)
    response = guest.post(BEGIN)
    assert (response.status_code, "Nothing was charged." in response.json()["error"]) == (424, True)


def test_setup_can_be_retrieved_again_after_a_lost_answer(guest: Client, simulator: Simulator) -> None:
    setup_id = confirm(simulator, begin(guest))
    simulator.add_fault("/v1/setup_intents/*", "drop_after", method="GET")
    assert keep(guest, setup_id).status_code == 424
    assert keep(guest, setup_id).status_code == 200


@pytest.mark.slow
def test_setup_on_an_order_page_saves_the_card_for_the_payer_of_the_order(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    setup_id = confirm(simulator, begin(client, order))
    assert keep(client, setup_id, order).status_code == 200
    assert Card.objects.get(stripe_id__startswith="pm_").billing_profile == order.billing_profile


@pytest.mark.slow
def test_setup_for_the_order_of_another_visitor_returns_404(
    client: Client, charlie: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert charlie.post(reverse("orders:card_setup", args=[order.order_id])).status_code == 404


def test_token_of_a_page_opened_before_the_change_is_accepted(guest: Client, simulator: Simulator) -> None:
    assert add_card(guest).status_code == 200


def test_viewing_the_card_page_creates_no_setup(guest: Client, simulator: Simulator) -> None:
    simulator.requests.clear()
    page = guest.get("/billing/payment-method/").text
    assert f'data-setup-url="{BEGIN}"' in page
    assert (simulator.requests, CardAttempt.objects.count()) == ([], 0)


def test_card_page_of_the_token_flow_contains_no_setup_url(guest: Client, settings: Any) -> None:
    settings.STRIPE_CARD_FLOW = "token"
    assert "data-setup-url" not in guest.get("/billing/payment-method/").text
