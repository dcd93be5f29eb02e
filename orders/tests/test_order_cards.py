"""Tests for the cards of an order: which are offered and ticked, and what happens to them when the order ends."""

from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import gateway
from billing.models import BillingProfile, Card, CardAttempt
from billing.stripe_calls import time_limits
from orders.bookkeeping.audit import audit
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order, Payment
from orders.workflow import cancellation, order_cards, payments
from stripe_simulator.server import Simulator
from tests.guests import contains
from tests.makers import (
    add_card,
    add_to_cart,
    buy,
    make_product,
    make_user,
    payment_form_data,
    place_order,
    submit_details,
)
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
CHECKOUT = "/cart/checkout/"
DETACH = "/v1/customers/*/sources/*"
DECLINED = "tok_chargeCustomerFail"
THREE_D_SECURE = "tok_threeDSecure2Required"


@pytest.fixture
def member(client: Client) -> Client:
    """Return the client of a user."""
    sign_in(client, make_user())
    return client


def begin(client: Client) -> None:
    """Go to the payment step with a new product."""
    add_to_cart(client, make_product())
    submit_details(client)


def purchase(client: Client, token: str = "tok_visa", **save: str) -> Order:
    """Enter a card at the checkout and place the order with it, as the pages do."""
    begin(client)
    place_order(client, add_card(client, token, **save).json()["card"])
    return Order.objects.placed().latest("pk")


def on_file(simulator: Simulator) -> set[str]:
    """Return the ids of the cards that Stripe has attached to a customer."""
    objects = simulator.objects("card") + simulator.objects("payment_method")
    return {card["id"] for card in objects if card["customer"]}


def delete_at_stripe(simulator: Simulator, card: Card) -> None:
    """Delete a card in Stripe's dashboard."""
    dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    dashboard.v1.customers.payment_sources.delete(card.billing_profile.customer_id, card.stripe_id)


def page_of(client: Client, order: Order) -> Any:
    """Return the order's page as it is a few seconds after any other page has asked Stripe."""
    Order.objects.filter(pk=order.pk).update(asked_at=None)
    return client.get(order.get_absolute_url())


def pay(client: Client, order: Order, card: Card | int) -> Any:
    data = {"card": getattr(card, "pk", card)}
    return client.post(reverse("orders:pay", args=[order.order_id]), data, follow=True)


# A card is used for one order unless its shopper saves it


def test_order_page_names_the_card_that_paid(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    assert "Paid with Visa •••• 4242" in client.get(order.get_absolute_url()).text


def test_order_page_names_no_card_before_the_payment(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), "tok_chargeCustomerFail")
    assert "Paid with" not in client.get(order.get_absolute_url()).text


@pytest.mark.slow
def test_card_of_a_guest_is_gone_once_the_order_is_paid(client: Client, simulator: Simulator) -> None:
    assert buy(client, make_product()).status == Order.Status.PAID
    assert on_file(simulator) == set()
    assert list(Card.objects.values_list("active", "is_saved", "is_detach_due")) == [(False, False, False)]


@pytest.mark.slow
def test_next_order_of_the_browser_cannot_use_the_card_of_a_guest(client: Client, simulator: Simulator) -> None:
    buy(client, make_product())
    card = Card.objects.get()
    begin(client)
    page = client.get(CHECKOUT)
    assert (page.context["cards"], contains(page.text, "4242")) == ([], False)
    place_order(client, card.pk)
    assert Order.objects.placed().count() == Payment.objects.count() == 1


@pytest.mark.slow
def test_card_that_a_guest_entered_but_did_not_use_is_not_offered_for_the_next_order(
    client: Client, simulator: Simulator
) -> None:
    begin(client)
    add_card(client, "tok_amex")
    place_order(client, add_card(client).json()["card"])
    begin(client)
    assert client.get(CHECKOUT).context["cards"] == []
    assert on_file(simulator) == set()


@pytest.mark.slow
def test_card_that_a_guest_entered_in_a_second_tab_is_not_offered_for_the_next_order(
    client: Client, simulator: Simulator
) -> None:
    begin(client)
    second_tab = payment_form_data(client)
    place_order(client, add_card(client).json()["card"])
    order = Order.objects.placed().get()
    late = add_card(client, "tok_amex").json()["card"]
    assert client.post(CHECKOUT, second_tab | {"card": str(late)}).url == order.get_absolute_url()
    begin(client)
    assert client.get(CHECKOUT).context["cards"] == []


@pytest.mark.slow
def test_card_of_an_unpaid_order_is_not_offered_for_the_next_one(client: Client, simulator: Simulator) -> None:
    order = purchase(client, DECLINED)
    assert [card.last4 for card in page_of(client, order).context["cards"]] == ["0341"]
    begin(client)
    assert client.get(CHECKOUT).context["cards"] == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("save", "kept"), [("1", True), ("0", False)])
def test_card_of_a_user_is_kept_only_with_the_tick(member: Client, simulator: Simulator, save: str, kept: bool) -> None:
    assert purchase(member, save=save).status == Order.Status.PAID
    card = Card.objects.get()
    assert (card.active, card.is_saved, card.default) == (kept, kept, kept)
    assert on_file(simulator) == ({card.stripe_id} if kept else set())


@pytest.mark.slow
def test_first_saved_card_becomes_the_default_and_the_next_does_not(member: Client, simulator: Simulator) -> None:
    purchase(member, "tok_visa", save="1")
    purchase(member, "tok_amex", save="1")
    assert list(Card.objects.order_by("pk").values_list("last4", "default")) == [("4242", True), ("0005", False)]


@pytest.mark.slow
def test_card_that_never_paid_is_not_kept(member: Client, simulator: Simulator) -> None:
    order = purchase(member, DECLINED, save="1")
    pay(member, order, add_card(member, "tok_visa", order.order_id, save="1").json()["card"])
    assert [card.last4 for card in Card.objects.filter(active=True)] == ["4242"]
    assert on_file(simulator) == {Card.objects.get(active=True).stripe_id}


@pytest.mark.slow
def test_paying_twice_with_the_same_card_stores_it_once(member: Client, simulator: Simulator) -> None:
    for _order in range(2):
        assert purchase(member, save="1").status == Order.Status.PAID
    card = Card.objects.get(active=True)
    assert on_file(simulator) == {card.stripe_id}
    assert member.get("/billing/payment-method/").context["cards"].get() == card


@pytest.mark.slow
def test_card_that_pays_through_a_webhook_is_saved(member: Client, simulator: Simulator) -> None:
    order = purchase(member, THREE_D_SECURE, save="1")
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    payments.settle_on_event(None, intent_id=str(order.payment_intent_id))
    assert Card.objects.get().is_saved


@pytest.mark.slow
def test_card_of_an_order_page_belongs_to_that_order(client: Client, simulator: Simulator) -> None:
    order = purchase(client, DECLINED)
    add_card(client, "tok_visa", order.order_id)
    assert Card.objects.get(last4="4242").order_number == order.order_id


def test_canceled_order_leaves_no_card(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), DECLINED)
    cancellation.cancel(order, by="shopper")
    assert (on_file(simulator), order.status) == (set(), Order.Status.CANCELED)


@pytest.mark.slow
def test_order_canceled_without_an_intent_leaves_no_card(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents", "error_500", method="POST")
    order = purchase(client)
    add_card(client, "tok_amex", order.order_id)
    Order.objects.filter(pk=order.pk).update(placed_at=timezone.now() - timedelta(hours=1))
    reconcile()
    assert [card.last4 for card in Card.objects.filter(active=True)] == ["4242"]  # was not used, and is not old yet


@pytest.mark.slow
def test_two_orders_cannot_share_an_unsaved_card(member: Client, simulator: Simulator) -> None:
    order = purchase(member, DECLINED, save="0")
    other = buy(member, make_product(), THREE_D_SECURE)
    page = pay(member, other, Card.objects.get(last4="0341"))
    assert "Choose a saved card or enter a new one." in page.text
    assert order.payments.count() == other.payments.count() == 1


@pytest.mark.slow
def test_card_of_another_order_is_rejected_when_the_payment_starts(member: Client, simulator: Simulator) -> None:
    order = purchase(member, DECLINED, save="0")
    card = Card.objects.get()
    Card.objects.filter(pk=card.pk).update(order_number="OTHER")
    with pytest.raises(payments.CardNotOnFile):
        payments.pay(order, card)
    assert order.payments.count() == 1


# Stripe is silent


def test_card_is_detached_by_reconcile_if_stripe_was_silent(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(DETACH, "drop_before", method="DELETE")
    assert buy(client, make_product()).status == Order.Status.PAID
    assert len(on_file(simulator)) == Card.objects.to_detach().count() == 1
    assert reconcile()["cards removed"] == 1
    assert (on_file(simulator), Card.objects.to_detach().count()) == (set(), 0)


@pytest.mark.slow
def test_detaching_waits_only_a_short_time_for_stripe(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float, float]] = []
    http_client = gateway.http_client
    monkeypatch.setattr(gateway, "http_client", lambda timeout: waits.append(timeout) or http_client(timeout))
    purchase(client)
    assert max(waits[-1]) <= time_limits.BRIEF_SECONDS


@pytest.mark.slow
def test_first_silence_ends_the_attempts_to_detach(client: Client, simulator: Simulator) -> None:
    order = purchase(client, DECLINED)
    card = add_card(client, "tok_visa", order.order_id).json()["card"]
    simulator.add_fault(DETACH, "drop_before", method="DELETE", times=5)
    simulator.requests.clear()
    pay(client, order, card)
    assert [method for method, _path, _params, _key in simulator.requests].count("DELETE") == 1
    assert Card.objects.to_detach().count() == 2


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("minutes", "is_kept"), [(61, False), (59, True)])
def test_card_without_an_order_is_removed_after_an_hour(
    client: Client, simulator: Simulator, minutes: int, is_kept: bool
) -> None:
    begin(client)
    add_card(client)
    Card.objects.update(entered_at=timezone.now() - timedelta(minutes=minutes))
    reconcile()
    assert (Card.objects.get().active, bool(on_file(simulator))) == (is_kept, is_kept)


@pytest.mark.slow
def test_card_of_an_unpaid_order_and_saved_cards_stay(member: Client, simulator: Simulator) -> None:
    purchase(member, DECLINED, save="0")
    add_card(member, "tok_amex")
    Card.objects.update(entered_at=timezone.now() - timedelta(days=1))
    assert reconcile()["unsaved cards dropped"] == 0
    assert Card.objects.filter(active=True).count() == 2


@pytest.mark.slow
def test_removed_card_is_not_detached_while_a_payment_with_it_is_open(member: Client, simulator: Simulator) -> None:
    order = purchase(member, THREE_D_SECURE, save="0")
    Card.objects.drop(Card.objects.all())
    assert reconcile()["cards removed"] == 0
    assert len(on_file(simulator)) == 1
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    payments.settle(order)
    assert on_file(simulator) == set()


@pytest.mark.slow
def test_forgetting_a_shopper_keeps_the_cards_of_unpaid_orders(client: Client, simulator: Simulator) -> None:
    order = purchase(client, DECLINED)
    begin(client)
    add_card(client, "tok_amex")
    assert order_cards.drop_unsaved_cards([order.billing_profile]) == 1
    assert [card.last4 for card in Card.objects.filter(active=True)] == ["0341"]


# The audit


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"active": True, "is_detach_due": False}, "has ended"),
        ({"active": True, "is_detach_due": False, "order_number": ""}, "too long ago"),
        ({"is_detach_due": True}, "not yet at Stripe"),
    ],
)
def test_audit_reports_an_unsaved_card_that_should_be_gone(
    client: Client, simulator: Simulator, changes: dict[str, Any], text: str
) -> None:
    purchase(client)
    assert audit() == []
    old = timezone.now() - timedelta(hours=3)
    Card.objects.update(entered_at=old, removed_at=old, **changes)
    [finding] = audit()
    assert (finding.rule, text in finding.text) == ("I23", True)
    reconcile()
    assert audit() == []


@pytest.mark.slow
def test_audit_accepts_what_reconcile_still_has_to_do(client: Client, simulator: Simulator) -> None:
    simulator.add_fault(DETACH, "drop_before", method="DELETE")
    purchase(client)
    begin(client)
    add_card(client)
    assert audit() == []


# Which card is ticked


def make_cards(profile: BillingProfile, **years: int) -> dict[str, Card]:
    """Store saved cards named by their last digits. The last one becomes the default."""
    details = {"object": "card", "exp_month": 12}
    return {
        name: Card.objects.add_new(profile, details | {"id": f"card_{name}", "last4": name, "exp_year": year})
        for name, year in years.items()
    }


def ticked(page: Any) -> str:
    """Return the last digits of the ticked card, or "new"."""
    card = page.context["ticked_card"]
    assert page.text.count(" checked") == bool(card or page.context["cards"])
    return card.last4 if card else "new"


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({}, "new"),
        ({"a": 2090}, "a"),
        ({"a": 2090, "b": 2090}, "b"),
        ({"a": 2020}, "new"),
        ({"a": 2090, "b": 2020}, "a"),
        ({"a": 2090, "b": 2090, "c": 2020}, "b"),
    ],
)
def test_default_card_is_ticked_unless_it_has_expired(
    member: Client, simulator: Simulator, cards: dict[str, int], expected: str
) -> None:
    begin(member)
    make_cards(BillingProfile.objects.get(user__isnull=False), **cards)
    page = member.get(CHECKOUT)
    assert ticked(page) == expected
    has_expired_default = bool(cards) and list(cards.values())[-1] == 2020
    assert ("Your default card has expired." in page.text) is has_expired_default
    assert ("Expired 12/20" in page.text) is has_expired_default


@pytest.mark.slow
def test_card_entered_for_this_order_is_ticked_before_the_default(member: Client, simulator: Simulator) -> None:
    begin(member)
    make_cards(BillingProfile.objects.get(user__isnull=False), a=2090)
    add_card(member, "tok_visa", save="0")
    add_card(member, "tok_amex", save="0")
    assert ticked(member.get(CHECKOUT)) == "0005"


def test_expired_card_cannot_place_an_order(member: Client, simulator: Simulator) -> None:
    begin(member)
    card = Card.objects.get(pk=add_card(member).json()["card"])
    Card.objects.update(exp_year=2020)
    page = place_order(member, card.pk)
    assert "has expired. Choose another card." in member.get(page.url).text
    assert not Order.objects.placed().exists()


@pytest.mark.slow
def test_expired_card_cannot_pay_a_placed_order(client: Client, simulator: Simulator) -> None:
    order = purchase(client, DECLINED)
    card = add_card(client, "tok_visa", order.order_id).json()["card"]
    Card.objects.update(exp_year=2020)
    assert "has expired. Choose another card." in pay(client, order, card).text
    assert order.payments.count() == 1


@pytest.mark.slow
def test_declined_card_is_not_ticked_again(member: Client, simulator: Simulator) -> None:
    add_card(member, DECLINED)
    begin(member)
    assert ticked(member.get(CHECKOUT)) == "0341"
    place_order(member, Card.objects.get().pk)
    assert ticked(page_of(member, Order.objects.placed().get())) == "new"


@pytest.mark.slow
def test_another_card_is_ticked_after_a_decline(member: Client, simulator: Simulator) -> None:
    add_card(member, "tok_amex")
    order = purchase(member, DECLINED, save="0")
    assert ticked(page_of(member, order)) == "0005"


@pytest.mark.slow
def test_no_card_that_was_declined_for_the_order_is_ticked(client: Client, simulator: Simulator) -> None:
    order = purchase(client, DECLINED)
    pay(client, order, add_card(client, "tok_threeDSecureRequiredChargeDeclined", order.order_id).json()["card"])
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    page = page_of(client, order)
    assert (ticked(page), len(page.context["cards"])) == ("new", 2)


@pytest.mark.slow
def test_card_of_a_failed_bank_check_is_ticked_again(client: Client, simulator: Simulator) -> None:
    order = purchase(client, THREE_D_SECURE)
    simulator.complete_3d_secure(str(order.payment_intent_id), False)
    assert ticked(page_of(client, order)) == "3220"


# A card that can never be charged again


@pytest.mark.slow
def test_card_that_stripe_no_longer_has_is_put_aside(member: Client, simulator: Simulator) -> None:
    add_card(member, "tok_amex")
    add_card(member)
    card = Card.objects.get(default=True)
    delete_at_stripe(simulator, card)
    begin(member)
    page = member.get(place_order(member, card.pk).url)
    assert errors(page) == ["This card is no longer on file."]
    assert (ticked(page), [card.last4 for card in page.context["cards"]]) == ("0005", ["0005"])
    assert Payment.objects.get().status == Payment.Status.FAILED
    card.refresh_from_db()
    assert (card.active, card.is_detach_due) == (False, False)
    order = Order.objects.placed().get()
    assert pay(member, order, Card.objects.get(active=True)).status_code == 200
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


def errors(page: Any) -> list[str]:
    """Return the errors that the page shows: the last payment's and the messages."""
    return [text for text in [page.context["error"], *map(str, page.context["messages"])] if text]


def detach_at_stripe(simulator: Simulator, method: dict[str, Any]) -> None:
    dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    dashboard.v1.payment_methods.detach(method["id"])


def move_at_stripe(simulator: Simulator, method: dict[str, Any]) -> None:
    with simulator.store.transaction():
        simulator.store.save({**method, "customer": "cus_other"})


@pytest.mark.slow
@pytest.mark.parametrize("lose", [detach_at_stripe, move_at_stripe])
def test_payment_method_that_is_not_the_customers_any_more_is_put_aside(
    member: Client, simulator: Simulator, lose: Any
) -> None:
    begin(member)
    profile = BillingProfile.objects.get(user__isnull=False)
    method = gateway._request(
        lambda c: c.v1.payment_methods.attach("pm_card_visa", {"customer": profile.get_customer()}),
        lambda response: dict(response.to_dict()),
    )
    card = Card.objects.add_new(profile, method)
    lose(simulator, method)
    page = member.get(place_order(member, card.pk).url)
    assert errors(page) == ["This card is no longer on file."]
    assert ticked(page) == "new"


@pytest.mark.slow
def test_card_of_a_deleted_customer_is_put_aside(member: Client, simulator: Simulator) -> None:
    add_card(member)
    begin(member)
    dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    dashboard.v1.customers.delete(BillingProfile.objects.get(user__isnull=False).customer_id)
    page = member.get(place_order(member, Card.objects.get().pk).url)
    assert errors(page) == ["This card is no longer on file."]
    order = Order.objects.placed().get()
    pay(member, order, add_card(member, "tok_visa", order.order_id).json()["card"])
    order.refresh_from_db()
    assert order.status == Order.Status.PAID


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "is_kept"),
    [
        ("chargeDeclinedLostCard", False),
        ("chargeDeclinedStolenCard", False),
        ("chargeDeclinedExpiredCard", False),
        ("chargeDeclinedInsufficientFunds", True),
        ("chargeDeclinedProcessingError", True),
        ("radarBlock", True),
    ],
)
def test_card_is_removed_after_a_final_decline_only(
    member: Client, simulator: Simulator, reason: str, is_kept: bool
) -> None:
    add_card(member)
    card = Card.objects.get()
    with simulator.store.transaction():  # the bank changed its mind after the card was saved
        simulator.store.save(simulator.store.find("card", card.stripe_id) or {}, card=reason)
    begin(member)
    page = member.get(place_order(member, card.pk).url)
    assert page.context["payment_state"] == "declined"
    card.refresh_from_db()
    assert card.active is is_kept
    reconcile()
    assert bool(on_file(simulator)) is is_kept


@pytest.mark.slow
def test_card_that_was_never_tried_is_kept_after_the_final_decline_of_another(
    member: Client, simulator: Simulator
) -> None:
    add_card(member)
    begin(member)
    stolen = Card.objects.get(pk=add_card(member, "tok_amex", save="0").json()["card"])
    with simulator.store.transaction():
        simulator.store.save(simulator.store.find("card", stolen.stripe_id) or {}, card="chargeDeclinedStolenCard")
    place_order(member, stolen.pk)
    order, good = Order.objects.placed().get(), Card.objects.get(is_saved=True)
    simulator.add_fault("/v1/payment_intents/*/confirm", "drop_before")
    pay(member, order, good)
    order.payments.filter(card=good).update(timestamp=timezone.now() - timedelta(minutes=1))
    page = page_of(member, order)
    assert page.context["error"] == "The payment did not go through."
    assert page.context["ticked_card"] == good
    assert Card.objects.get(is_saved=True) == good
    assert [card.active for card in Card.objects.order_by("pk")] == [True, False]


@pytest.mark.slow
def test_order_whose_customer_was_deleted_can_be_canceled_and_placed_again(
    client: Client, simulator: Simulator
) -> None:
    """Check the way out for a shopper whose stored intent nobody can pay any more."""
    order = purchase(client, DECLINED)
    dashboard = stripe.StripeClient("sk_test_dashboard", base_addresses={"api": simulator.url})
    dashboard.v1.customers.delete(order.billing_profile.customer_id)
    page = pay(client, order, add_card(client, "tok_visa", order.order_id).json()["card"])
    assert "cancel the order and place it again" in page.text
    client.post(reverse("orders:cancel", args=[order.order_id]))
    place_order(client, add_card(client).json()["card"])
    assert list(Order.objects.placed().values_list("status", flat=True)) == ["paid", "canceled"]


@pytest.mark.slow
def test_error_of_the_shop_keeps_the_card(member: Client, simulator: Simulator) -> None:
    add_card(member)
    order = purchase(member, DECLINED, save="0")
    with simulator.store.transaction():
        simulator.store.remove(str(order.payment_intent_id))
    page = pay(member, order, Card.objects.get(is_saved=True))
    assert "Payment is not possible right now." in page.text
    assert Card.objects.get(is_saved=True).active


# Cards that only Stripe knows


def age_attempts() -> None:
    CardAttempt.objects.update(timestamp=timezone.now() - timedelta(minutes=61))


def test_card_whose_answer_was_lost_is_detached_after_an_hour(client: Client, simulator: Simulator) -> None:
    begin(client)
    simulator.add_fault("/v1/customers/*/sources", "drop_after")
    assert add_card(client).status_code == 424
    assert reconcile()["unknown cards checked"] == 0
    assert len(on_file(simulator)) == 1
    age_attempts()
    assert reconcile()["unknown cards checked"] == 1
    assert on_file(simulator) == set()
    assert reconcile()["unknown cards checked"] == 0


@pytest.mark.slow
def test_card_of_a_setup_with_which_the_browser_did_not_return_is_detached(
    client: Client, simulator: Simulator
) -> None:
    begin(client)
    secret = client.post(reverse("billing:setup_intent")).json()["client_secret"]
    browser = stripe.StripeClient("pk_test_tests", base_addresses={"api": simulator.url})
    values: Any = {"payment_method": "pm_card_visa", "client_secret": secret}
    browser.v1.setup_intents.confirm(secret.split("_secret_")[0], values)
    assert len(on_file(simulator)) == 1
    age_attempts()
    reconcile()
    assert on_file(simulator) == set()


@pytest.mark.slow
def test_check_for_unknown_cards_leaves_known_ones_and_waits_for_others(member: Client, simulator: Simulator) -> None:
    add_card(member)
    simulator.add_fault("/v1/customers/*/sources", "drop_after", times=2)
    add_card(member, "tok_amex")
    age_attempts()
    add_card(member, "tok_jcb")  # can still arrive
    reconcile()
    assert len(on_file(simulator)) == 3
    age_attempts()
    reconcile()
    assert on_file(simulator) == {Card.objects.get().stripe_id}


@pytest.mark.slow
@pytest.mark.parametrize("token", ["tok_visa", "tok_chargeDeclined", "tok_nobody"])
def test_answered_attempt_needs_no_check(client: Client, simulator: Simulator, token: str) -> None:
    begin(client)
    add_card(client, token)
    assert not CardAttempt.objects.to_check().exists()


@pytest.mark.slow
def test_unanswered_attempt_does_not_count(client: Client, simulator: Simulator) -> None:
    begin(client)
    simulator.add_fault("/v1/customers/*/sources", "drop_before")
    add_card(client)
    assert (CardAttempt.objects.recent().count(), CardAttempt.objects.count()) == (0, 1)
