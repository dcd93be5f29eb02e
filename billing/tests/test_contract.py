"""The gateway's contract: the same calls against a real stripe-mock and against the simulator.

The difference is STRIPE_API_BASE alone. stripe-mock judges every request by Stripe's published API description, so
the simulator cannot drift into a fantasy; it is stateless, so what only a memory can know is asked of the simulator.
"""

import json
from decimal import Decimal
from fnmatch import fnmatch
from typing import Any

import pytest
import stripe

from billing import answers, gateway
from billing.models import BillingProfile, Card
from ecommerce.tests.makers import add_card, add_to_cart, give_details, make_product, place_order
from orders.models import Order

pytestmark = [pytest.mark.django_db, pytest.mark.contract]
CARD = {
    "id": "card_contract", "object": "card", "brand": "Visa", "country": "GB", "last4": "4242", "exp_month": 12,
    "exp_year": 2034, "customer": "cus_contract",
}  # fmt: skip
ATTACHED = {"post customers/*/sources": CARD}  # stripe-mock answers `object: account` there
ORDER = {"order_id": "AB12CD34EF", "order_uuid": "0b0e7a9c-3f3c-4a54-a9c5-b1f6b5b0a001"}


class WatchedClient(stripe.RequestsClient):
    """Sends every request to the server for its judgement, notes what it said, and lays `overlays` over answers."""

    seen: list[tuple[str, str, int]] = []
    overlays: dict[str, dict[str, Any]] = {}

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> tuple[Any, int, Any]:
        body, status, answer_headers = super().request(method, url, headers, post_data)
        path = url.split("/v1/", 1)[1].split("?")[0]
        type(self).seen.append((method, path, status))
        for pattern, overlay in self.overlays.items():
            if status == 200 and fnmatch(f"{method} {path}", pattern):
                body = json.dumps(json.loads(body) | overlay)
        return body, status, answer_headers


@pytest.fixture(params=["stripe-mock", "simulator"])
def api(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One of the two servers behind the unchanged gateway; yields the watched calls."""
    WatchedClient.seen, WatchedClient.overlays = [], {}
    if request.param == "stripe-mock":
        settings.STRIPE_API_BASE = request.getfixturevalue("stripe_mock_url")
        WatchedClient.overlays = dict(ATTACHED)
    else:
        request.getfixturevalue("simulator")
    monkeypatch.setattr(gateway, "http_client", lambda timeout: WatchedClient(timeout=timeout))
    return WatchedClient


def refused(api: type[WatchedClient]) -> list[tuple[str, str, int]]:
    """The calls the server did not take."""
    return [call for call in api.seen if call[2] != 200]


@pytest.fixture
def intent(api: type[WatchedClient]) -> answers.Intent:
    customer = gateway.create_customer("contract@example.org")
    return gateway.create_intent(Decimal("20.95"), "gbp", customer, ORDER, key="contract-1")


def test_create_customer_answers_an_id(api: type[WatchedClient]) -> None:
    assert gateway.create_customer("contract@example.org").startswith("cus_")
    assert not refused(api)


def test_retrieve_customer_answers_the_same_id(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    assert gateway.retrieve_customer(customer) == customer


def test_create_source_answers_a_card_that_can_be_kept(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    profile = BillingProfile.objects.create(email="contract@example.org", customer_id=customer)
    card = Card.objects.add_new(profile, gateway.create_source(customer, "tok_visa"))
    assert (card.last4, card.brand, refused(api)) == ("4242", "Visa", [])


def test_detach_and_delete_are_taken(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    gateway.detach_card(customer, gateway.create_source(customer, "tok_visa")["id"])
    gateway.detach_card(customer, "pm_card_visa")
    gateway.delete_customer(customer)
    assert not [call for call in refused(api) if call[2] != 404]


def test_create_setup_answers_a_secret_for_the_browser(api: type[WatchedClient]) -> None:
    setup = gateway.create_setup(gateway.create_customer("contract@example.org"))
    assert (setup.id.startswith("seti_"), bool(setup.client_secret), setup.card) == (True, True, {})
    assert setup.status == "requires_payment_method"
    assert not refused(api)


def test_retrieve_setup_brings_the_card_along(api: type[WatchedClient], request: pytest.FixtureRequest) -> None:
    setup = gateway.create_setup(gateway.create_customer("contract@example.org"))
    confirm: Any = {"payment_method": "pm_card_visa"}
    gateway._ask(lambda c: c.v1.setup_intents.confirm(setup.id, confirm), lambda answer: answer)
    card = gateway.retrieve_setup(setup.id).card
    assert (card["object"], card["type"], len(card["card"]["last4"])) == ("payment_method", "card", 4)
    assert not refused(api)


def test_created_intent_is_unconfirmed(api: type[WatchedClient], intent: answers.Intent) -> None:
    assert intent.id.startswith("pi_")
    assert intent.status == "requires_payment_method"
    assert intent.client_secret
    assert not refused(api)


def test_confirm_intent_is_taken(api: type[WatchedClient], intent: answers.Intent) -> None:
    customer = gateway.create_customer("contract@example.org")
    card = gateway.create_source(customer, "tok_visa")["id"]
    mine = gateway.create_intent(Decimal("20.95"), "gbp", customer, ORDER, key="contract-2")
    gateway.confirm_intent(mine.id, card, key="contract-3")
    assert not refused(api)


def test_retrieve_intent_answers_what_create_did(api: type[WatchedClient], intent: answers.Intent) -> None:
    assert gateway.retrieve_intent(intent.id).status == intent.status
    assert not refused(api)


def test_cancel_intent_is_taken(api: type[WatchedClient], intent: answers.Intent) -> None:
    gateway.cancel_intent(intent.id)
    assert not refused(api)


def test_unknown_parameter_is_refused_so_that_the_judgement_is_real(api: type[WatchedClient]) -> None:
    with pytest.raises(answers.Rejected):
        gateway._ask(lambda c: c.v1.customers.create({"no_such_parameter": "x"}), lambda answer: answer)


def test_wrong_type_is_refused(api: type[WatchedClient]) -> None:
    params: Any = {"amount": "a lot", "currency": "gbp"}
    with pytest.raises(answers.Rejected):
        gateway._ask(lambda c: c.v1.payment_intents.create(params), lambda answer: answer)


@pytest.mark.django_db(transaction=True)
def test_whole_purchase_is_refused_nothing(api: type[WatchedClient], client: Any) -> None:
    add_to_cart(client, make_product())
    give_details(client)
    place_order(client, add_card(client).json()["card"])
    assert {path.split("/")[0] for _method, path, _status in api.seen} == {"customers", "payment_intents"}
    assert not refused(api)


@pytest.mark.django_db(transaction=True)
def test_seed_calls_come_in_the_specified_order(api: type[WatchedClient], client: Any) -> None:
    add_to_cart(client, make_product())
    give_details(client)
    api.seen.clear()
    add_card(client)
    assert [(method, path.split("/")[-1]) for method, path, _status in api.seen] == [
        ("get", api.seen[0][1].split("/")[-1]),
        ("post", "sources"),
    ]
    assert api.seen[0][1].startswith("customers/cus_")


@pytest.fixture
def mocked(stripe_mock_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[WatchedClient]:
    """A shop that talks to stripe-mock, whose answers a test may lay others over."""
    settings.STRIPE_API_BASE = stripe_mock_url
    WatchedClient.seen, WatchedClient.overlays = [], dict(ATTACHED)
    monkeypatch.setattr(gateway, "http_client", lambda timeout: WatchedClient(timeout=timeout))
    return WatchedClient


@pytest.mark.django_db(transaction=True)
def test_confirmed_but_not_succeeded_is_not_paid(mocked: type[WatchedClient], client: Any) -> None:
    """stripe-mock answers `requires_payment_method` whatever was confirmed; only `succeeded` pays an order."""
    add_to_cart(client, make_product())
    give_details(client)
    place_order(client, add_card(client).json()["card"])
    assert Order.objects.placed().get().status == Order.Status.PLACED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("received", "is_paid"), [(2095, True), (2094, False)])
def test_only_the_exact_amount_pays(mocked: type[WatchedClient], client: Any, received: int, is_paid: bool) -> None:
    mocked.overlays["get payment_intents/*"] = {"status": "succeeded", "amount_received": received, "currency": "gbp"}
    add_to_cart(client, make_product())
    give_details(client)
    place_order(client, add_card(client).json()["card"])
    assert (Order.objects.placed().get().status == Order.Status.PAID) == is_paid


@pytest.mark.django_db(transaction=True)
def test_answer_that_is_no_card_is_not_kept(mocked: type[WatchedClient], client: Any) -> None:
    mocked.overlays.clear()
    add_to_cart(client, make_product())
    give_details(client)
    answer = add_card(client)
    assert answer.status_code == 424
    assert not Card.objects.exists()
