"""Contract tests for the gateway: the same calls against a real stripe-mock and against the simulator.

Only STRIPE_API_BASE differs. stripe-mock validates every request against Stripe's published API description, so the
simulator cannot diverge from it. stripe-mock is stateless, so behavior that depends on state is tested only against the
simulator.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatch
from typing import Any

import pytest
import stripe

from billing import answers, gateway
from billing.models import BillingProfile, Card
from orders.models import Order
from stripe_simulator import parameters
from tests.makers import add_card, add_to_cart, make_product, place_order, submit_details

pytestmark = [pytest.mark.django_db, pytest.mark.contract]
CARD = {
    "id": "card_contract", "object": "card", "brand": "Visa", "country": "GB", "last4": "4242", "exp_month": 12,
    "exp_year": 2034,
}  # fmt: skip
ATTACHED = {"post customers/*/sources": CARD}  # stripe-mock returns `object: account` there
ORDER = {"order_id": "AB12CD34EF", "order_uuid": "0b0e7a9c-3f3c-4a54-a9c5-b1f6b5b0a001"}


ECHOED = ("email", "amount", "currency", "customer", "payment_intent", "metadata")


def echo(method: str, path: str, sent: str) -> dict[str, Any]:
    """Return the values of a request to create something, as Stripe repeats them in its answer."""
    fields = {name: value for name, value in parameters.decode(sent).items() if name in ECHOED}
    if "amount" in fields:
        fields["amount"] = int(fields["amount"])
    if fnmatch(path, "customers/*/sources"):
        fields["customer"] = path.split("/")[1]
    return fields if method == "post" else {}


class WatchedClient(stripe.RequestsClient):
    """An HTTP client that records every request with its status and applies `overlays` to the responses.

    If the server `is_stateless`, add what it was told: the request's values, and the intent that was created last.
    """

    seen: list[tuple[str, str, int]] = []
    overlays: dict[str, dict[str, Any]] = {}
    is_stateless = False
    intent: dict[str, Any] = {}

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> tuple[Any, int, Any]:
        body, status, response_headers = super().request(method, url, headers, post_data)
        path = url.split("/v1/", 1)[1].split("?")[0]
        type(self).seen.append((method, path, status))
        if status == 200 and self.is_stateless:
            body = json.dumps(json.loads(body) | self._remember(method, path, post_data or ""))
        for pattern, overlay in self.overlays.items():
            if status == 200 and fnmatch(f"{method} {path}", pattern):
                body = json.dumps(json.loads(body) | overlay)
        return body, status, response_headers

    def _remember(self, method: str, path: str, sent: str) -> dict[str, Any]:
        if path == "payment_intents" and method == "post":
            type(self).intent = echo(method, path, sent)
        return self.intent if path.startswith("payment_intents/") else echo(method, path, sent)


@pytest.fixture(params=["stripe-mock", "simulator"])
def api(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Connect the unchanged gateway to one of the two servers and return the client that records the calls."""
    WatchedClient.seen, WatchedClient.overlays = [], {}
    if request.param == "stripe-mock":
        settings.STRIPE_API_BASE = request.getfixturevalue("stripe_mock_url")
        WatchedClient.overlays = dict(ATTACHED)
        monkeypatch.setattr(WatchedClient, "is_stateless", True)
    else:
        request.getfixturevalue("simulator")
    monkeypatch.setattr(gateway, "http_client", lambda timeout: WatchedClient(timeout=timeout))
    return WatchedClient


def rejected_calls(api: type[WatchedClient]) -> list[tuple[str, str, int]]:
    """Return the calls that the server rejected."""
    return [call for call in api.seen if call[2] != 200]


@pytest.fixture
def intent(api: type[WatchedClient]) -> answers.Intent:
    customer = gateway.create_customer("contract@example.org")
    return gateway.create_intent(Decimal("20.95"), "gbp", customer, ORDER, key="contract-1")


def test_create_customer_returns_an_id(api: type[WatchedClient]) -> None:
    assert gateway.create_customer("contract@example.org").startswith("cus_")
    assert not rejected_calls(api)


def test_retrieve_customer_returns_the_same_id(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    assert gateway.retrieve_customer(customer) == customer


@pytest.mark.parametrize("email", ["changed@example.org", ""])
def test_update_customer_is_accepted(api: type[WatchedClient], email: str) -> None:
    gateway.update_customer(gateway.create_customer("contract@example.org"), email)
    assert not rejected_calls(api)


def test_customer_without_an_email_is_accepted(api: type[WatchedClient]) -> None:
    assert gateway.create_customer("").startswith("cus_")
    assert not rejected_calls(api)


def test_create_source_returns_a_card_that_can_be_saved(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    profile = BillingProfile.objects.create(email="contract@example.org", customer_id=customer)
    card = Card.objects.add_new(profile, gateway.create_source(customer, "tok_visa"))
    assert (card.last4, card.brand, rejected_calls(api)) == ("4242", "Visa", [])


def test_detach_card_and_delete_customer_are_accepted(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    gateway.detach_card(customer, gateway.create_source(customer, "tok_visa")["id"])
    gateway.detach_card(customer, "pm_card_visa")
    gateway.delete_customer(customer)
    assert not [call for call in rejected_calls(api) if call[2] != 404]


def test_cards_of_a_customer_are_listed(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    gateway.create_source(customer, "tok_visa")
    if api.is_stateless:
        api.overlays["get customers/*/*"] = {"data": []}  # It would list a card of another customer.
    assert [card for card in gateway.list_cards(customer) if not card.startswith(("card_", "pm_"))] == []
    assert not rejected_calls(api)


def test_question_whether_a_card_is_attached_is_accepted(api: type[WatchedClient]) -> None:
    customer = gateway.create_customer("contract@example.org")
    assert gateway.is_attached(customer, gateway.create_source(customer, "tok_visa")["id"]) in (True, False)
    assert not rejected_calls(api)


def test_create_setup_returns_a_client_secret(api: type[WatchedClient]) -> None:
    setup = gateway.create_setup(gateway.create_customer("contract@example.org"))
    assert (setup.id.startswith("seti_"), bool(setup.client_secret), setup.card) == (True, True, {})
    assert setup.status == "requires_payment_method"
    assert not rejected_calls(api)


def test_retrieve_setup_returns_the_card(api: type[WatchedClient], request: pytest.FixtureRequest) -> None:
    setup = gateway.create_setup(gateway.create_customer("contract@example.org"))
    confirm: Any = {"payment_method": "pm_card_visa"}
    gateway._request(lambda c: c.v1.setup_intents.confirm(setup.id, confirm), lambda answer: answer)
    card = gateway.retrieve_setup(setup.id).card
    assert (card["object"], card["type"], len(card["card"]["last4"])) == ("payment_method", "card", 4)
    assert not rejected_calls(api)


def test_created_intent_is_unconfirmed(api: type[WatchedClient], intent: answers.Intent) -> None:
    assert intent.id.startswith("pi_")
    assert intent.status == "requires_payment_method"
    assert intent.client_secret
    assert not rejected_calls(api)


def test_confirm_intent_is_accepted(api: type[WatchedClient], intent: answers.Intent) -> None:
    customer = gateway.create_customer("contract@example.org")
    card = gateway.create_source(customer, "tok_visa")["id"]
    new_intent = gateway.create_intent(Decimal("20.95"), "gbp", customer, ORDER, key="contract-2")
    gateway.confirm_intent(new_intent.id, card, key="contract-3")
    assert not rejected_calls(api)


def test_confirm_intent_that_asks_for_3d_secure_is_accepted(api: type[WatchedClient], intent: answers.Intent) -> None:
    customer = gateway.create_customer("contract@example.org")
    card = gateway.create_source(customer, "tok_visa")["id"]
    new_intent = gateway.create_intent(Decimal("20.95"), "gbp", customer, ORDER, key="contract-4")
    gateway.confirm_intent(new_intent.id, card, key="contract-5", must_authenticate=True)
    assert not rejected_calls(api)


def test_retrieve_intent_returns_the_status_of_the_created_intent(
    api: type[WatchedClient], intent: answers.Intent
) -> None:
    assert gateway.retrieve_intent(intent.id).status == intent.status
    assert not rejected_calls(api)


def test_cancel_intent_is_accepted(api: type[WatchedClient], intent: answers.Intent) -> None:
    gateway.cancel_intent(intent.id)
    assert not rejected_calls(api)


def test_list_disputes_is_accepted(api: type[WatchedClient], intent: answers.Intent) -> None:
    if api.is_stateless:
        api.overlays["get disputes"] = {"data": []}  # It would list a dispute of another intent.
    gateway.list_disputes(intent.id)
    gateway.list_disputes_since(datetime(2026, 11, 1, tzinfo=UTC))
    assert [path for _method, path, _status in api.seen[-2:]] == ["disputes", "disputes"]
    assert not rejected_calls(api)


def test_unknown_parameter_is_rejected(api: type[WatchedClient]) -> None:
    """Check that the servers do validate requests."""
    with pytest.raises(answers.Rejected):
        gateway._request(lambda c: c.v1.customers.create({"no_such_parameter": "x"}), lambda answer: answer)


def test_parameter_of_the_wrong_type_is_rejected(api: type[WatchedClient]) -> None:
    params: Any = {"amount": "a lot", "currency": "gbp"}
    with pytest.raises(answers.Rejected):
        gateway._request(lambda c: c.v1.payment_intents.create(params), lambda answer: answer)


@pytest.mark.django_db(transaction=True)
def test_whole_purchase_makes_only_valid_calls(api: type[WatchedClient], client: Any) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"])
    assert {path.split("/")[0] for _method, path, _status in api.seen} == {"customers", "payment_intents"}
    assert not rejected_calls(api)


@pytest.mark.django_db(transaction=True)
def test_adding_a_card_makes_the_calls_in_the_specified_order(api: type[WatchedClient], client: Any) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    api.seen.clear()
    add_card(client)
    assert [(method, path.split("/")[-1]) for method, path, _status in api.seen] == [
        ("get", api.seen[0][1].split("/")[-1]),
        ("post", "sources"),
    ]
    assert api.seen[0][1].startswith("customers/cus_")


@pytest.fixture
def mocked(stripe_mock_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[WatchedClient]:
    """Connect the shop to stripe-mock and return the client, on which a test can set overlays."""
    settings.STRIPE_API_BASE = stripe_mock_url
    WatchedClient.seen, WatchedClient.overlays = [], dict(ATTACHED)
    monkeypatch.setattr(WatchedClient, "is_stateless", True)
    monkeypatch.setattr(gateway, "http_client", lambda timeout: WatchedClient(timeout=timeout))
    return WatchedClient


@pytest.mark.django_db(transaction=True)
def test_confirmed_intent_that_has_not_succeeded_does_not_pay_the_order(
    mocked: type[WatchedClient], client: Any
) -> None:
    """Check that only `succeeded` pays an order.

    stripe-mock returns `requires_payment_method` for every confirm call.
    """
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"])
    assert Order.objects.placed().get().status == Order.Status.PLACED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("received", "is_paid"), [(2095, True), (2094, False)])
def test_only_the_exact_amount_pays_the_order(
    mocked: type[WatchedClient], client: Any, received: int, is_paid: bool
) -> None:
    mocked.overlays["get payment_intents/*"] = {"status": "succeeded", "amount_received": received, "currency": "gbp"}
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"])
    assert (Order.objects.placed().get().status == Order.Status.PAID) == is_paid


@pytest.mark.django_db(transaction=True)
def test_answer_that_is_not_a_card_is_not_saved(mocked: type[WatchedClient], client: Any) -> None:
    mocked.overlays.clear()
    add_to_cart(client, make_product())
    submit_details(client)
    response = add_card(client)
    assert response.status_code == 424
    assert not Card.objects.exists()
