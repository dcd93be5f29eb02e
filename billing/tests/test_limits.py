"""Tests for the limits of card attempts, which stop card testers without affecting other shoppers."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import gateway
from billing.models import BillingProfile, Card, CardAttempt
from billing.models.attempt import fingerprint
from billing.stripe_calls import admission
from carts.views import checkout_steps
from ecommerce import settings as defaults
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from orders.workflow import cancellation
from products.models import Product
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_product, make_user, place_order, submit_details

pytestmark = pytest.mark.django_db
LIMITS = {"profile": 10, "session": 10, "address": 30, "shop": 200, "no_order": 3}
DECLINED, FAILS_LATER = "tok_chargeDeclined", "tok_chargeCustomerFail"


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.CARD_TRIES = dict(LIMITS)


def visitor(address: str, email: str = "guest@example.org") -> Client:
    """Return the client of a guest with new cookies at this IP address, who has an order to place."""
    client = Client(REMOTE_ADDR=address)
    add_to_cart(client, Product.objects.first() or make_product())
    submit_details(client, email)
    return client


def visitor_without_order(address: str) -> Client:
    """Return the client of a guest with new cookies at this IP address, who has only entered an email address."""
    client = Client(REMOTE_ADDR=address)
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    return client


def enter_cards(client: Client, times: int, token: str = DECLINED) -> list[int]:
    """Enter a card repeatedly and return the response statuses."""
    return [add_card(client, token).status_code for _number in range(times)]


def create_attempts(count: int, ok: bool | None, kind: str = "add", **fields: Any) -> None:
    """Create attempts of other visitors within the last hour, each from a different IP address."""
    profile = fields.pop("profile", None) or BillingProfile.objects.create(email="others@example.org")
    CardAttempt.objects.bulk_create(
        CardAttempt(billing_profile=profile, kind=kind, ok=ok, **{"address": str(number)} | fields)
        for number in range(count)
    )


def count_card_requests(simulator: Simulator) -> int:
    return sum(path.endswith("/sources") for _method, path, _params, _key in simulator.requests)


def age_attempts_by_an_hour() -> None:
    for attempt in CardAttempt.objects.all():
        CardAttempt.objects.filter(pk=attempt.pk).update(timestamp=attempt.timestamp - timedelta(hours=1))


def test_default_limits() -> None:
    assert defaults.CARD_TRIES == LIMITS


# Adding cards


@pytest.mark.slow
def test_visitor_is_limited_to_ten_declined_cards(simulator: Simulator) -> None:
    assert enter_cards(visitor("192.0.2.1"), 40) == [402] * 10 + [429] * 30
    assert count_card_requests(simulator) == 10


@pytest.mark.slow
def test_ip_address_is_limited_to_thirty_declined_cards_with_new_cookies_each(simulator: Simulator) -> None:
    assert [add_card(visitor("192.0.2.1"), DECLINED).status_code for _number in range(40)] == [402] * 30 + [429] * 10
    assert count_card_requests(simulator) == 30


@pytest.mark.slow
def test_user_is_limited_to_ten_declined_cards_from_different_ip_addresses(simulator: Simulator) -> None:
    alice, statuses = make_user(), []
    for number in range(40):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        client.force_login(alice)
        statuses.append(add_card(client, DECLINED).status_code)
    assert statuses == [402] * 10 + [429] * 30


@pytest.mark.slow
def test_rejection_says_when_to_try_again(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    enter_cards(client, 10)
    CardAttempt.objects.update(timestamp=timezone.now() - timedelta(minutes=50))
    response = add_card(client)
    assert 540 <= int(response.headers["Retry-After"]) <= 600
    assert "Nothing was charged. Please try again in 10 minutes." in response.json()["error"]
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.slow
def test_limit_does_not_affect_other_visitors(simulator: Simulator) -> None:
    enter_cards(visitor("192.0.2.1"), 40)
    assert add_card(visitor("192.0.2.2")).status_code == 200


@pytest.mark.slow
def test_limit_does_not_affect_other_visitors_at_the_same_ip_address(simulator: Simulator) -> None:
    enter_cards(visitor("192.0.2.1"), 40)
    assert add_card(visitor("192.0.2.1")).status_code == 200


@pytest.mark.slow
def test_limit_ends_after_an_hour_regardless_of_rejected_attempts(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    enter_cards(client, 20)
    age_attempts_by_an_hour()
    assert add_card(client).status_code == 200


@pytest.mark.slow
def test_successful_cards_count_a_third(simulator: Simulator) -> None:
    statuses = enter_cards(visitor("192.0.2.1"), 31, "tok_visa")
    assert (statuses.count(200), statuses[-1]) == (28, 429)  # the attempt in progress counts in full


@pytest.mark.slow
def test_shopper_can_pay_after_five_declined_cards(simulator: Simulator) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    add_to_cart(client, make_product())
    submit_details(client)
    enter_cards(client, 5)
    place_order(client, add_card(client).json()["card"])
    assert Order.objects.placed().get().status == Order.Status.PAID


@pytest.mark.slow
def test_stripe_outage_does_not_count(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    simulator.add_fault("/v1/customers/*/sources", "error_500", times=15)
    assert enter_cards(client, 15, "tok_visa") == [424] * 15
    assert add_card(client).status_code == 200


@pytest.mark.slow
def test_setups_are_counted_before_stripe_is_called(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    statuses = [client.post(reverse("billing:setup_intent")).status_code for _number in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert len(simulator.objects("setup_intent")) == 10


# Paying


def pay_step(client: Client) -> int:
    """Prepare a checkout for Place order, with a card that the bank will decline, and return the card's id."""
    add_to_cart(client, make_product())
    submit_details(client)
    return int(add_card(client, FAILS_LATER).json()["card"])


@pytest.mark.slow
def test_declined_payments_of_one_order_lead_to_the_rate_limit_page(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), FAILS_LATER)
    card, url = Card.objects.get().pk, reverse("orders:pay", args=[order.order_id])
    responses = [client.post(url, {"card": card}) for _press in range(12)]
    assert [response.status_code for response in responses] == [302] * 10 + [429] * 2
    page = responses[-1]
    assert "Please try again later" in page.text
    assert f'href="{order.get_absolute_url()}"' in page.text
    assert (int(page.headers["Retry-After"]) > 3000, "no-store" in page.headers["Cache-Control"]) == (True, True)


@pytest.mark.slow
def test_order_over_the_limit_is_not_placed_and_can_be_placed_later(client: Client, simulator: Simulator) -> None:
    card = pay_step(client)
    create_attempts(10, ok=False, kind="pay", profile=BillingProfile.objects.get())
    page = place_order(client, card)
    assert (page.status_code, f'href="{reverse("carts:checkout")}"' in page.text) == (429, True)
    assert (Order.objects.placed().count(), simulator.objects("payment_intent")) == (0, [])
    age_attempts_by_an_hour()
    assert place_order(client, card).status_code == 302
    assert Order.objects.placed().count() == 1


@pytest.mark.slow
def test_payments_and_added_cards_are_counted_separately(client: Client, simulator: Simulator) -> None:
    card = pay_step(client)
    create_attempts(10, ok=False, kind="add", profile=BillingProfile.objects.get())
    assert place_order(client, card).status_code == 302


@pytest.mark.slow
def test_rejected_order_does_not_count(client: Client, simulator: Simulator) -> None:
    card = pay_step(client)
    place_order(client, card, quote="stale")
    assert not CardAttempt.objects.filter(kind=CardAttempt.Kind.PAY).exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "ok"), [("tok_visa", True), (FAILS_LATER, False), ("tok_threeDSecure2Required", None)]
)
def test_payment_attempt_saves_its_result(client: Client, simulator: Simulator, token: str, ok: bool | None) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client, token).json()["card"])
    assert CardAttempt.objects.get(kind=CardAttempt.Kind.PAY).ok is ok


def test_order_that_could_not_be_placed_does_not_count_as_a_tried_card(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    monkeypatch.setattr(checkout_steps, "place", fail)
    with suppress(OperationalError):
        place_order(client, card)
    assert not CardAttempt.objects.filter(kind=CardAttempt.Kind.PAY).exists()


def test_declined_card_counts_although_the_order_was_canceled_before_the_page_noticed(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = gateway.confirm_intent

    def confirm_and_cancel(*args: Any, **options: Any) -> Any:
        try:
            return confirm(*args, **options)
        finally:
            cancellation.cancel(Order.objects.get(), by="shopper")

    monkeypatch.setattr(gateway, "confirm_intent", confirm_and_cancel)
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client, FAILS_LATER).json()["card"])
    assert Order.objects.get().status == Order.Status.CANCELED
    assert CardAttempt.objects.get(kind=CardAttempt.Kind.PAY).ok is False


@pytest.mark.slow
def test_viewing_pages_creates_no_attempt(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), FAILS_LATER)
    CardAttempt.objects.all().delete()
    for path in (order.get_absolute_url(), "/billing/payment-method/", "/cart/checkout/"):
        client.get(path)
    assert not CardAttempt.objects.exists()


# Guests without an order


def test_guest_without_an_order_can_try_three_cards(simulator: Simulator) -> None:
    client = visitor_without_order("192.0.2.1")
    assert enter_cards(client, 2) + enter_cards(client, 2, "tok_visa") == [402, 402, 200, 429]
    rejected = add_card(client).json()
    assert "Please fill your cart and enter your postal address" in rejected["error"]
    assert rejected["link"] == {"url": reverse("carts:checkout"), "text": "Go to checkout"}
    assert count_card_requests(simulator) == 3


def test_guests_without_an_order_can_try_three_cards_from_one_ip_address(simulator: Simulator) -> None:
    assert [add_card(visitor_without_order("192.0.2.1"), DECLINED).status_code for _number in range(4)][3:] == [429]
    assert add_card(visitor_without_order("192.0.2.2")).status_code == 200


def test_setups_of_a_guest_without_an_order_are_limited_too(simulator: Simulator) -> None:
    client = visitor_without_order("192.0.2.1")
    assert [client.post(reverse("billing:setup_intent")).status_code for _number in range(4)] == [200] * 3 + [429]


def test_empty_cart_or_missing_address_is_no_order(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    add_to_cart(client, Product.objects.get(), action="remove")
    assert enter_cards(client, 4) == [402] * 3 + [429]
    assert CardAttempt.objects.filter(is_without_order=True).count() == 3


def test_shopper_buys_from_an_ip_address_whose_cards_without_an_order_are_used_up(simulator: Simulator) -> None:
    enter_cards(visitor_without_order("192.0.2.1"), 10)
    client = visitor("192.0.2.1")
    assert place_order(client, add_card(client).json()["card"]).url == reverse("carts:success")


def test_user_without_an_order_is_not_limited_to_three_cards(simulator: Simulator) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(make_user())
    assert enter_cards(client, 4) == [402] * 4


def test_card_of_a_guest_without_an_order_is_detached_after_an_hour(simulator: Simulator) -> None:
    add_card(visitor_without_order("192.0.2.1"))
    Card.objects.update(entered_at=timezone.now() - timedelta(minutes=61))
    reconcile()
    assert (Card.objects.get().active, Card.objects.get().is_detach_due) == (False, False)
    assert simulator.requests[-1][0] == "DELETE"


# The whole shop


def test_what_a_narrow_limit_stops_does_not_count_for_a_wider_one(simulator: Simulator) -> None:
    enter_cards(visitor("192.0.2.1"), 40)
    for _number in range(4):
        enter_cards(visitor("192.0.2.2"), 12)
    counted = CardAttempt.objects.recent()
    assert (counted.filter(ok=False).count(), counted.count()) == (40, 40)  # 10 of the first, 30 of the other address


def test_shop_limit_does_not_apply_unless_declines_outnumber_successes(simulator: Simulator) -> None:
    create_attempts(400, ok=False)
    create_attempts(400, ok=True)
    assert add_card(visitor("192.0.2.1")).status_code == 200


# The rows


def test_attempt_stores_no_ip_address_session_or_token(simulator: Simulator) -> None:
    client = visitor("192.0.2.77")
    add_card(client)
    row = CardAttempt.objects.get()
    stored = " ".join(str(value) for value in CardAttempt.objects.values_list().get())
    assert row.address == fingerprint("192.0.2.77") != "192.0.2.77"
    assert "192.0.2.77" not in stored
    assert client.cookies["sessionid"].value not in stored
    assert "tok_visa" not in stored


def test_fingerprint_depends_on_the_secret_key(settings: Any) -> None:
    before = fingerprint("192.0.2.77")
    settings.SECRET_KEY = "another" * 10
    assert fingerprint("192.0.2.77") != before


def test_attempts_are_old_after_a_day() -> None:
    create_attempts(2, ok=True)
    create_attempts(1, ok=False)
    CardAttempt.objects.filter(ok=True).update(timestamp=timezone.now() - timedelta(days=2))
    assert set(CardAttempt.objects.old()) == set(CardAttempt.objects.filter(ok=True))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_concurrent_attempts_are_limited(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "slots", admission.Slots(8, 1.0))  # as if several processes called Stripe
    cookies = visitor("192.0.2.1").cookies

    def enter(_number: int) -> int:
        tab = Client(REMOTE_ADDR="192.0.2.1")
        tab.cookies = cookies.copy()
        try:
            return add_card(tab, DECLINED).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(enter, range(40)))
    assert set(statuses) == {402, 429}
    assert count_card_requests(simulator) == statuses.count(402) <= 10
