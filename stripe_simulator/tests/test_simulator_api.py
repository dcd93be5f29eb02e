"""Tests for the simulator's API, called through the Stripe SDK."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import stripe

from stripe_simulator.errors import ApiError
from stripe_simulator.server import Simulator

CHECKED = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


@pytest.fixture(scope="module")
def running():
    simulator = Simulator()
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(running):
    running.reset()
    return running


def connect(simulator, key="sk_test_x", timeout=(3, 8)):
    """Return an SDK client, configured as in the shop."""
    http_client = stripe.RequestsClient(timeout=timeout)
    base = {"api": simulator.url}
    return stripe.StripeClient(key, base_addresses=base, max_network_retries=0, http_client=http_client).v1


@pytest.fixture
def api(simulator):
    return connect(simulator)


@pytest.fixture
def alice(api):
    """Create a customer with a working card and a payment intent of 12.50 GBP."""
    customer = api.customers.create({"email": "alice@example.com"})
    card = api.customers.payment_sources.create(customer.id, {"source": "tok_visa"})
    intent = new_intent(api, customer.id)
    return SimpleNamespace(customer=customer.id, card=card.id, intent=intent.id)


def new_intent(api, customer, amount=1250):
    params = {"amount": amount, "currency": "gbp", "customer": customer, "metadata": {"order": "A1"}, **CHECKED}
    return api.payment_intents.create(params)


def save_card(api, customer, token):
    return api.customers.payment_sources.create(customer, {"source": token}).id


def confirm(api, intent, card, key=None):
    options = {"idempotency_key": key} if key else {}
    return api.payment_intents.confirm(intent, {"payment_method": card, "use_stripe_sdk": True}, options)


def card_params(number, **fields):
    return {"card": {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123", **fields}}


def succeeded(simulator):
    return [charge for charge in simulator.objects("charge") if charge["status"] == "succeeded"]


# Customers and cards


def test_token_can_save_a_card_only_once(simulator, api, alice):
    token = connect(simulator, "pk_test_x").tokens.create(card_params("5555 5555 5555 4444", name="Alice"))

    card = api.customers.payment_sources.create(alice.customer, {"source": token.id})

    assert (card.object, card.brand, card.last4, card.name) == ("card", "MasterCard", "4444", "Alice")
    assert (card.customer, card.exp_month, card.exp_year) == (alice.customer, 12, 2040)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.customers.payment_sources.create(alice.customer, {"source": token.id})
    assert caught.value.code == "token_already_used"


def test_first_card_is_the_default_until_it_is_deleted(api, alice):
    second = save_card(api, alice.customer, "tok_mastercard")
    assert api.customers.retrieve(alice.customer).default_source == alice.card

    api.customers.payment_sources.delete(alice.customer, alice.card)

    assert api.customers.retrieve(alice.customer).default_source == second
    assert [card.id for card in api.customers.payment_sources.list(alice.customer).data] == [second]


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("tok_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("tok_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("tok_radarBlock", "card_declined", "fraudulent"),
    ],
)
def test_declined_card_cannot_be_saved(simulator, api, alice, token, code, decline_code):
    with pytest.raises(stripe.CardError) as caught:
        save_card(api, alice.customer, token)

    assert (caught.value.http_status, caught.value.code) == (402, code)
    assert caught.value.error.decline_code == decline_code
    assert len(simulator.objects("card")) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "42"}, "invalid_number"),
        ({"exp_year": "2020"}, "invalid_expiry_year"),
        ({"exp_month": "13"}, "invalid_expiry_month"),
        ({"cvc": "12"}, "invalid_cvc"),
        ({"number": "4929000000006"}, "card_declined"),
    ],
)
def test_token_rejects_an_invalid_card(simulator, fields, code):
    with pytest.raises(stripe.CardError) as caught:
        connect(simulator, "pk_test_x").tokens.create(card_params(**{"number": "4242424242424242", **fields}))

    assert caught.value.code == code
    assert simulator.objects("token") == []


def test_card_number_with_a_secret_key_is_rejected(api):
    with pytest.raises(stripe.CardError, match="publishable key"):
        api.tokens.create(card_params("4242424242424242"))


def test_unknown_token_customer_or_card_is_missing(api, alice):
    calls = [
        lambda: api.customers.payment_sources.create(alice.customer, {"source": "tok_none"}),
        lambda: api.customers.retrieve("cus_none"),
        lambda: confirm(api, alice.intent, "card_none"),
    ]
    for call in calls:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            call()
        assert caught.value.code == "resource_missing"


def test_deleted_customer_is_marked_and_rejects_cards(api, alice):
    api.customers.delete(alice.customer)

    assert api.customers.retrieve(alice.customer).deleted is True
    with pytest.raises(stripe.InvalidRequestError):
        save_card(api, alice.customer, "tok_visa")


# Paying


def test_confirmed_intent_is_charged(simulator, api, alice):
    intent = confirm(api, alice.intent, alice.card)

    charge = api.charges.retrieve(intent.latest_charge)
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 1250, "gbp")
    assert (charge.amount, charge.payment_method_details.card.last4) == (1250, "4242")
    kinds = [event["type"] for event in simulator.objects("event")]
    assert kinds[-3:] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_parallel_confirms_charge_once(simulator, api, alice):
    def try_to_confirm(number):
        try:
            return confirm(connect(simulator), alice.intent, alice.card, key=f"try-{number}").status
        except stripe.InvalidRequestError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(try_to_confirm, range(8)))

    assert sorted(outcomes) == ["payment_intent_unexpected_state"] * 7 + ["succeeded"]
    assert len(succeeded(simulator)) == 1


def test_card_of_another_customer_cannot_pay(simulator, api, alice):
    stranger = api.customers.create()
    for customer in ({"customer": stranger.id}, {}):
        intent = api.payment_intents.create({"amount": 1250, "currency": "gbp", **customer})
        with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
            confirm(api, intent.id, alice.card)
    assert simulator.objects("charge") == []


def test_decline_at_charge_leaves_the_intent_open(simulator, api, alice):
    bad = save_card(api, alice.customer, "tok_chargeCustomerFail")

    with pytest.raises(stripe.CardError) as caught:
        confirm(api, alice.intent, bad)

    error = caught.value.error
    assert (error.code, error.decline_code) == ("card_declined", "generic_decline")
    assert error.payment_intent.status == "requires_payment_method"
    intent = api.payment_intents.retrieve(alice.intent)
    assert intent.last_payment_error.charge == error.charge == simulator.objects("charge")[0]["id"]
    assert intent.last_payment_error.payment_method.id == bad
    assert confirm(api, alice.intent, alice.card).status == "succeeded"


@pytest.mark.parametrize("wanted", ["any", "challenge"])
def test_3d_secure_that_the_shop_asks_for_is_required_of_any_card(simulator, api, alice, wanted):
    card = save_card(api, alice.customer, "tok_visa")
    options = {"card": {"request_three_d_secure": wanted}}
    params = {"payment_method": card, "payment_method_options": options}
    assert api.payment_intents.confirm(alice.intent, params).status == "requires_action"
    simulator.complete_3d_secure(alice.intent, succeed=True)
    assert api.payment_intents.retrieve(alice.intent).status == "succeeded"


def test_unknown_value_for_3d_secure_is_rejected(api, alice):
    params = {"payment_method_options": {"card": {"request_three_d_secure": "always"}}}
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.confirm(alice.intent, params)


def test_completed_3d_secure_charges_the_intent(simulator, api, alice):
    card = save_card(api, alice.customer, "tok_threeDSecure2Required")
    intent = confirm(api, alice.intent, card)
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")
    assert simulator.objects("charge") == []

    simulator.complete_3d_secure(alice.intent, succeed=True)

    assert api.payment_intents.retrieve(alice.intent).status == "succeeded"
    assert len(succeeded(simulator)) == 1


def test_failed_3d_secure_leaves_the_intent_open(simulator, api, alice):
    confirm(api, alice.intent, save_card(api, alice.customer, "tok_authenticationRequired"))

    simulator.complete_3d_secure(alice.intent, succeed=False)

    intent = api.payment_intents.retrieve(alice.intent)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert simulator.objects("charge") == []


def test_card_can_be_declined_after_completed_3d_secure(simulator, api, alice):
    confirm(api, alice.intent, save_card(api, alice.customer, "tok_threeDSecureRequiredChargeDeclined"))

    simulator.complete_3d_secure(alice.intent, succeed=True)

    assert api.payment_intents.retrieve(alice.intent).last_payment_error.code == "card_declined"
    assert succeeded(simulator) == []


def test_another_card_replaces_a_pending_3d_secure(simulator, api, alice):
    confirm(api, alice.intent, save_card(api, alice.customer, "tok_threeDSecure2Required"))

    assert confirm(api, alice.intent, alice.card).status == "succeeded"
    with pytest.raises(Exception, match="status of succeeded"):
        simulator.complete_3d_secure(alice.intent, succeed=True)
    assert len(succeeded(simulator)) == 1


def test_open_intent_can_be_canceled_during_3d_secure(api, alice):
    confirm(api, alice.intent, save_card(api, alice.customer, "tok_threeDSecure2Required"))

    intent = api.payment_intents.cancel(alice.intent, {"cancellation_reason": "abandoned"})

    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        confirm(api, alice.intent, alice.card)
    assert caught.value.code == "payment_intent_unexpected_state"


def test_paid_intent_cannot_be_canceled(api, alice):
    confirm(api, alice.intent, alice.card)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.cancel(alice.intent)

    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error.payment_intent.status == "succeeded"


def test_disputed_charge_creates_an_event(simulator, api, alice):
    confirm(api, alice.intent, save_card(api, alice.customer, "tok_createDispute"))

    assert simulator.objects("event")[-1]["type"] == "charge.dispute.created"
    assert simulator.objects("charge")[0]["disputed"] is True


@pytest.fixture
def paid(api, alice):
    """Pay the intent of 12.50 GBP and return its id."""
    confirm(api, alice.intent, alice.card)
    return alice.intent


def event_types(simulator):
    return [event["type"] for event in simulator.objects("event") if "dispute" in event["type"]]


def test_dispute_can_be_listed_by_its_payment_intent(simulator, api, paid):
    dispute = simulator.open_dispute(paid, reason="product_not_received")

    [listed] = api.disputes.list({"payment_intent": paid}).data

    assert (listed.id, listed.amount, listed.reason, listed.status) == (
        dispute["id"], 1250, "product_not_received", "needs_response",
    )  # fmt: skip
    assert listed.evidence_details.due_by > listed.created
    assert api.disputes.list({"payment_intent": "pi_other"}).data == []
    assert api.disputes.retrieve(dispute["id"]).charge == simulator.objects("charge")[0]["id"]


def test_won_dispute_returns_the_money(simulator, api, paid):
    won = simulator.win_dispute(simulator.open_dispute(paid)["id"])

    assert [row["amount"] for row in won["balance_transactions"]] == [-1250, 1250]
    assert event_types(simulator) == [
        "charge.dispute.funds_withdrawn", "charge.dispute.created",
        "charge.dispute.funds_reinstated", "charge.dispute.closed",
    ]  # fmt: skip
    assert api.refunds.create({"payment_intent": paid}).amount == 1250


def test_disputed_charge_cannot_be_refunded(simulator, api, paid):
    simulator.open_dispute(paid, amount=1)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.refunds.create({"payment_intent": paid, "amount": 100})

    assert (caught.value.code, simulator.objects("refund")) == ("charge_disputed", [])


def test_lost_amount_cannot_be_refunded(simulator, api, paid):
    simulator.lose_dispute(simulator.open_dispute(paid, amount=1000)["id"])

    with pytest.raises(stripe.InvalidRequestError):
        api.refunds.create({"payment_intent": paid, "amount": 251})
    assert api.refunds.create({"payment_intent": paid}).amount == 250
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.refunds.create({"payment_intent": paid})
    assert caught.value.code == "charge_disputed"


def test_inquiry_moves_no_money_and_allows_refunds(simulator, api, paid):
    inquiry = simulator.open_dispute(paid, status="warning_needs_response")

    assert (inquiry["balance_transactions"], simulator.objects("charge")[0]["disputed"]) == ([], False)
    assert api.refunds.create({"payment_intent": paid, "amount": 100}).status == "succeeded"
    simulator.change_dispute(inquiry["id"], status="warning_closed")
    assert event_types(simulator) == ["charge.dispute.created", "charge.dispute.closed"]


def test_inquiry_that_becomes_a_dispute_withdraws_the_money(simulator, paid):
    inquiry = simulator.open_dispute(paid, status="warning_needs_response")

    simulator.change_dispute(inquiry["id"], status="needs_response")

    assert "charge.dispute.funds_withdrawn" in event_types(simulator)
    assert simulator.objects("charge")[0]["disputed"] is True


def test_evidence_puts_a_dispute_under_review_and_closing_loses_it(simulator, api, paid):
    dispute = simulator.open_dispute(paid)

    reviewed = api.disputes.update(dispute["id"], {"evidence": {"product_description": "A mug"}})
    closed = api.disputes.close(dispute["id"])

    assert (reviewed.status, closed.status) == ("under_review", "lost")
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.disputes.close(dispute["id"])


def test_amount_beyond_the_charge_cannot_be_disputed(simulator, paid):
    for amount in (0, 1251):
        with pytest.raises(ApiError):
            simulator.open_dispute(paid, amount=amount)
    assert simulator.objects("dispute") == []


def test_setup_intent_saves_a_card_that_can_pay(simulator, api, alice):
    browser = connect(simulator, "pk_test_x")
    setup = api.setup_intents.create({"customer": alice.customer})
    method = browser.payment_methods.create({"type": "card", **card_params("4000002500003155")})
    options = {"payment_method": method.id, "client_secret": setup.client_secret}
    assert browser.setup_intents.confirm(setup.id, options).status == "requires_action"

    simulator.complete_3d_secure(setup.id, succeed=True)

    assert api.payment_methods.retrieve(method.id).customer == alice.customer
    assert confirm(api, alice.intent, method.id).status == "succeeded"


def test_lists_are_newest_first_filtered_and_paginated(api, alice):
    newer = new_intent(api, alice.customer)
    new_intent(api, api.customers.create().id)

    first = api.payment_intents.list({"customer": alice.customer, "limit": 1, "created": {"gte": 1}})
    rest = api.payment_intents.list({"customer": alice.customer, "starting_after": newer.id})

    assert ([intent.id for intent in first.data], first.has_more) == ([newer.id], True)
    assert ([intent.id for intent in rest.data], rest.has_more) == ([alice.intent], False)


# Refunds


def test_refunds_never_exceed_the_charge(api, alice):
    intent = confirm(api, alice.intent, alice.card)
    api.refunds.create({"payment_intent": alice.intent, "amount": 1000, "metadata": {"row": "1"}})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": alice.intent, "amount": 251})
    assert api.refunds.create({"charge": intent.latest_charge, "reason": "duplicate"}).amount == 250

    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.refunds.create({"payment_intent": alice.intent})

    assert caught.value.code == "charge_already_refunded"
    charge = api.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (1250, True)
    listed = api.refunds.list({"payment_intent": alice.intent}).data
    assert [refund.metadata.to_dict() for refund in listed] == [{}, {"row": "1"}]


def test_unpaid_intent_cannot_be_refunded(api, alice):
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        api.refunds.create({"payment_intent": alice.intent})


def charge_and_refund(api, alice, token):
    """Charge the card of this token and refund 4.00 of the charge."""
    confirm(api, alice.intent, save_card(api, alice.customer, token))
    return api.refunds.create({"payment_intent": alice.intent, "amount": 400, "metadata": {"row": "7"}})


def charge_totals(api, refund):
    charge = api.charges.retrieve(refund.charge)
    return charge.amount_refunded, charge.refunded


def test_pending_refund_counts_immediately_and_succeeds_later(simulator, api, alice):
    refund = charge_and_refund(api, alice, "tok_pendingRefund")
    assert (refund.status, refund.pending_reason, charge_totals(api, refund)) == ("pending", "processing", (400, False))

    assert [ended["id"] for ended in simulator.finish_refunds()] == [refund.id]

    done = api.refunds.retrieve(refund.id)
    assert (done.status, done.metadata["row"], charge_totals(api, done)) == ("succeeded", "7", (400, False))
    assert [event["type"] for event in simulator.objects("event")][-2:] == ["refund.updated", "charge.refund.updated"]
    assert simulator.finish_refunds() == []


def test_failing_refund_succeeds_first_and_no_longer_counts_later(simulator, api, alice):
    refund = charge_and_refund(api, alice, "tok_refundFail")
    assert (refund.status, charge_totals(api, refund)) == ("succeeded", (400, False))

    simulator.finish_refunds()

    failed = api.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert charge_totals(api, failed) == (0, False)
    assert simulator.objects("event")[-1]["type"] == "refund.failed"
    assert api.refunds.create({"payment_intent": alice.intent}).amount == 1250


def test_refund_to_a_working_card_is_final(simulator, api, alice):
    refund = charge_and_refund(api, alice, "tok_visa")
    assert (refund.status, simulator.finish_refunds()) == ("succeeded", [])
    assert simulator.objects("refund")[0]["status"] == "succeeded"


@pytest.mark.parametrize("email", ["a@localhost", "a", "a@b@example.com", "a b@example.com", "a@.com", "a@example."])
def test_customer_with_an_invalid_email_is_rejected(api, email):
    customer = api.customers.create({"email": "alice@example.com"})
    for call in (api.customers.create, lambda params: api.customers.update(customer.id, params)):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            call({"email": email})
        assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, "email_invalid", "email")
    assert api.customers.retrieve(customer.id).email == "alice@example.com"


def test_empty_email_is_removed_from_the_customer(api):
    customer = api.customers.create({"email": "alice@example.com"})
    assert api.customers.update(customer.id, {"email": ""}).email is None


@pytest.mark.parametrize("way", ["method", "http"])
def test_forgotten_idempotency_key_lets_a_request_run_again(simulator, api, way):
    options = {"idempotency_key": "customer-1"}
    first = api.customers.create({"email": "alice@example.com"}, options)
    assert api.customers.create({"email": "alice@example.com"}, options).id == first.id
    if way == "method":
        simulator.forget_idempotency_keys()
    else:
        headers = {"Content-Type": "application/json"}
        requests.delete(simulator.url + "/_simulator/idempotency-keys", headers=headers, timeout=5).raise_for_status()
    assert api.customers.create({"email": "alice@example.com"}, options).id != first.id


def test_refunds_can_be_finished_over_http(simulator, api, alice):
    refund = charge_and_refund(api, alice, "tok_pendingRefund")
    response = requests.post(simulator.url + "/_simulator/refunds/finish", json={}, timeout=5)
    assert [ended["id"] for ended in response.json()] == [refund.id]


def test_intent_list_can_expand_charges(api, alice):
    confirm(api, alice.intent, alice.card)
    listed = api.payment_intents.list({"created": {"gte": 1}, "limit": 100, "expand": ["data.latest_charge"]})
    assert [intent.latest_charge.amount_refunded for intent in listed.data] == [0]
    assert api.payment_intents.list({"created": {"gte": 9_999_999_999}}).data == []


# Parameters and API keys


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        ({"shipping": {"adress": "x"}}, "parameter_unknown", "shipping[adress]"),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": 29}, "amount_too_small", "amount"),
        ({"currency": ""}, "parameter_invalid_empty", "currency"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
    ],
)
def test_invalid_parameters_are_rejected(simulator, api, change, code, param):
    params = {"amount": 1250, "currency": "gbp", **change}

    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.create({name: value for name, value in params.items() if value is not None})

    assert (caught.value.code, caught.value.param) == (code, param)
    assert simulator.objects("payment_intent") == []


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x", "pk_live_x"])
def test_live_key_is_rejected(simulator, key):
    with pytest.raises(stripe.AuthenticationError, match="rejects live keys"):
        connect(simulator, key).customers.create()


@pytest.mark.parametrize("kind", ["sk", "rk", "pk"])
def test_key_of_another_account_is_rejected(kind):
    simulator = Simulator(account="simulator_a")
    simulator.start()
    connect(simulator, "sk_test_simulator_a").customers.create()
    with pytest.raises(stripe.AuthenticationError, match="belongs to another shop"):
        connect(simulator, f"{kind}_test_simulator_b").customers.create()
    assert len(simulator.objects("customer")) == 1
    simulator.stop()


def test_publishable_key_allows_only_browser_calls(simulator, api, alice):
    browser = connect(simulator, "pk_test_x")
    secret = api.payment_intents.retrieve(alice.intent).client_secret
    assert browser.payment_intents.retrieve(alice.intent, {"client_secret": secret}).amount == 1250
    with pytest.raises(stripe.InvalidRequestError, match="client_secret"):
        browser.payment_intents.retrieve(alice.intent, {"client_secret": f"{secret}x"})
    with pytest.raises(stripe.PermissionError):
        browser.customers.create()


# Idempotency keys and faults


def test_same_key_replays_the_first_response(simulator, api, alice):
    first = confirm(api, alice.intent, alice.card, key="pay-1")

    second = confirm(api, alice.intent, alice.card, key="pay-1")

    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.to_dict() == first.to_dict()
    assert len(simulator.objects("charge")) == 1


def test_same_key_replays_a_decline(simulator, api, alice):
    bad = save_card(api, alice.customer, "tok_chargeCustomerFail")
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            confirm(api, alice.intent, bad, key="pay-1")

    assert len(simulator.objects("charge")) == 1


def test_same_key_with_other_parameters_is_rejected(api, alice):
    other = save_card(api, alice.customer, "tok_mastercard")
    confirm(api, alice.intent, alice.card, key="pay-1")

    with pytest.raises(stripe.IdempotencyError):
        confirm(api, alice.intent, other, key="pay-1")


def test_rejected_parameters_do_not_use_up_a_key(api, alice):
    options = {"idempotency_key": "order-1"}
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.create({"amount": 1250, "currency": "gbp", "colour": "red"}, options)

    assert api.payment_intents.create({"amount": 1250, "currency": "gbp"}, options).amount == 1250


def test_same_key_is_rejected_while_the_first_call_runs(simulator, api, alice):
    simulator.add_fault("/v1/payment_intents/*/confirm", "delay", times=2, seconds=0.3)
    url = f"{simulator.url}/v1/payment_intents/{alice.intent}/confirm"
    headers = {"Authorization": "Bearer sk_test_x", "Idempotency-Key": "pay-1"}

    def confirm_over_http(_):
        response = requests.post(url, {"payment_method": alice.card}, headers=headers, timeout=5)
        return response.status_code, response.json().get("error", {}).get("code", "")

    with ThreadPoolExecutor(2) as pool:
        responses = sorted(pool.map(confirm_over_http, range(2)))

    assert responses == [(200, ""), (409, "idempotency_key_in_use")]
    assert len(simulator.objects("charge")) == 1


@pytest.mark.parametrize(("kind", "is_charged"), [("drop_before", False), ("drop_after", True)])
def test_call_can_be_repeated_after_a_dropped_connection(simulator, api, alice, kind, is_charged):
    simulator.add_fault("/v1/payment_intents/*/confirm", kind)

    with pytest.raises(stripe.APIConnectionError):
        confirm(api, alice.intent, alice.card, key="pay-1")

    assert bool(succeeded(simulator)) is is_charged
    assert confirm(api, alice.intent, alice.card, key="pay-1").status == "succeeded"
    assert len(simulator.objects("charge")) == 1


@pytest.mark.parametrize(
    ("kind", "error", "is_charged"),
    [
        ("rate_limit", stripe.RateLimitError, False),
        ("key_in_use", stripe.APIError, False),
        ("error_500", stripe.APIError, False),
        ("html", stripe.APIError, True),
        ("empty", stripe.APIError, True),
    ],
)
def test_call_can_be_repeated_after_an_error_response(simulator, api, alice, kind, error, is_charged):
    simulator.add_fault("/v1/payment_intents/*/confirm", kind)

    with pytest.raises(error):
        confirm(api, alice.intent, alice.card, key="pay-1")

    assert bool(succeeded(simulator)) is is_charged
    assert confirm(api, alice.intent, alice.card, key="pay-1").status == "succeeded"


def test_other_json_fault_returns_unrelated_json(simulator, api, alice):
    simulator.add_fault("/v1/payment_intents/*/confirm", "other_json")

    assert confirm(api, alice.intent, alice.card).to_dict() == {"hello": 1}


def test_stored_500_is_replayed_without_a_charge(simulator, api, alice):
    simulator.add_fault("/v1/payment_intents/*/confirm", "error_500_stored")

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            confirm(api, alice.intent, alice.card, key="pay-1")

    assert simulator.objects("charge") == []
    assert confirm(api, alice.intent, alice.card, key="pay-2").status == "succeeded"


def test_fault_without_limit_lasts_until_cleared(simulator, api):
    simulator.add_fault("/v1/customers", "rate_limit", times=0)
    for _ in range(3):
        with pytest.raises(stripe.RateLimitError):
            api.customers.create()

    simulator.clear_faults()

    assert api.customers.create().object == "customer"


def test_faults_requests_and_objects_are_available_over_http(simulator, api):
    control_url = f"{simulator.url}/_simulator"
    assert requests.get(f"{control_url}/health", timeout=5).json() == {"simulator": True}
    fault = {"path": "/v1/customers", "kind": "rate_limit"}
    assert requests.post(f"{control_url}/faults", json=fault, timeout=5).status_code == 200
    with pytest.raises(stripe.RateLimitError):
        api.customers.create({"name": "Alice"})
    api.customers.create({"name": "Bob"})

    calls = requests.get(f"{control_url}/requests", timeout=5).json()

    assert [call[2] for call in calls] == [{"name": "Alice"}, {"name": "Bob"}]
    customers = requests.get(f"{control_url}/objects/customer", timeout=5).json()
    assert [customer["name"] for customer in customers] == ["Bob"]


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Origin": "http://evil.example"}]
)
def test_other_sites_cannot_set_faults(simulator, api, headers):
    body = '{"path": "*", "kind": "rate_limit"}'

    response = requests.post(f"{simulator.url}/_simulator/faults", body, headers=headers, timeout=5)

    assert response.status_code == 403
    assert api.customers.create().object == "customer"


# Host and state file


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "shop.example", "::", ""])  # noqa: S104
def test_simulator_listens_only_on_loopback(host):
    with pytest.raises(ValueError, match="loopback"):
        Simulator(host=host)


def test_state_survives_a_restart(tmp_path):
    state = str(tmp_path / "stripe.sqlite3")
    first = Simulator(state=state)
    first.start()
    api = connect(first)
    customer = api.customers.create().id
    card = save_card(api, customer, "tok_visa")
    intent = new_intent(api, customer).id
    response = confirm(api, intent, card, key="pay-1").to_dict()
    first.stop()

    second = Simulator(state=state)
    second.start()
    try:
        assert confirm(connect(second), intent, card, key="pay-1").to_dict() == response
        assert len(second.objects("charge")) == 1
    finally:
        second.stop()


def test_card_numbers_and_security_codes_are_not_stored(tmp_path):
    simulator = Simulator(state=str(tmp_path / "stripe.sqlite3"))
    simulator.start()
    api, browser = connect(simulator), connect(simulator, "pk_test_x")
    options = {"idempotency_key": "token-1"}
    token = browser.tokens.create(card_params("4000056655665556", cvc="987"), options)
    for number in ("4000056655665557", "4929000000006"):
        with pytest.raises(stripe.CardError):
            browser.tokens.create(card_params(number, cvc="987"))
    customer = api.customers.create({"source": token.id})
    simulator.stop()

    stored = b"".join(Path(path).read_bytes() for path in tmp_path.iterdir())
    log = repr(simulator.requests).encode()
    assert customer.default_source.encode() in stored
    for secret in (b"4000056655665556", b"4000056655665557", b"4929000000006", b'"987"', b"'987'"):
        assert secret not in stored + log
    assert hashlib.sha256(b"4000056655665556").hexdigest().encode() not in stored
