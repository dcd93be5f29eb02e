"""Card testing: whoever tries one stolen card after the other is stopped, and everybody else goes on shopping."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import BillingProfile, Card, CardAttempt, fingerprint
from billing.simulator.server import Simulator
from ecommerce import settings as defaults
from ecommerce.tests.makers import add_card, add_to_cart, buy, give_details, make_product, make_user, place_order
from orders.models import Order

pytestmark = pytest.mark.django_db
LIMITS = {"profile": 10, "session": 10, "address": 30, "shop": 200}
DECLINED, FAILS_LATER = "tok_chargeDeclined", "tok_chargeCustomerFail"


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.CARD_TRIES = dict(LIMITS)


def visitor(address: str, email: str = "guest@example.org") -> Client:
    """A guest with fresh cookies at this network address."""
    client = Client(REMOTE_ADDR=address)
    client.post("/accounts/guest/", {"email": email})
    return client


def tries(client: Client, times: int, token: str = DECLINED) -> list[int]:
    """The status of each card that this visitor enters."""
    return [add_card(client, token).status_code for _try in range(times)]


def attempts(count: int, ok: bool | None, kind: str = "add", **fields: Any) -> None:
    """What others did within the last hour, each at an address of its own."""
    profile = fields.pop("profile", None) or BillingProfile.objects.create(email="others@example.org")
    CardAttempt.objects.bulk_create(
        CardAttempt(billing_profile=profile, kind=kind, ok=ok, **{"address": str(number)} | fields)
        for number in range(count)
    )


def asked_of_stripe(simulator: Simulator) -> int:
    return sum(path.endswith("/sources") for _method, path, _params, _key in simulator.requests)


def an_hour_later() -> None:
    for attempt in CardAttempt.objects.all():
        CardAttempt.objects.filter(pk=attempt.pk).update(timestamp=attempt.timestamp - timedelta(hours=1))


def test_limits_are_set_where_nobody_sets_any() -> None:
    assert defaults.CARD_TRIES == LIMITS


# Adding cards


@pytest.mark.slow
def test_forty_declined_cards_of_one_visitor_are_stopped_after_ten(simulator: Simulator) -> None:
    assert tries(visitor("192.0.2.1"), 40) == [402] * 10 + [429] * 30
    assert asked_of_stripe(simulator) == 10


@pytest.mark.slow
def test_forty_declined_cards_with_fresh_cookies_each_are_stopped_after_thirty(simulator: Simulator) -> None:
    assert [add_card(visitor("192.0.2.1"), DECLINED).status_code for _try in range(40)] == [402] * 30 + [429] * 10
    assert asked_of_stripe(simulator) == 30


@pytest.mark.slow
def test_forty_declined_cards_of_one_user_from_everywhere_are_stopped_after_ten(simulator: Simulator) -> None:
    alice, found = make_user(), []
    for number in range(40):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        client.force_login(alice)
        found.append(add_card(client, DECLINED).status_code)
    assert found == [402] * 10 + [429] * 30


def test_refusal_says_when_to_come_back(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    tries(client, 10)
    CardAttempt.objects.update(timestamp=timezone.now() - timedelta(minutes=50))
    answer = add_card(client)
    assert 540 <= int(answer.headers["Retry-After"]) <= 600
    assert "Nothing was charged. Please try again in 10 minutes." in answer.json()["error"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_others_go_on_while_one_is_stopped(simulator: Simulator) -> None:
    tries(visitor("192.0.2.1"), 40)
    assert add_card(visitor("192.0.2.2")).status_code == 200


def test_family_behind_the_same_address_goes_on_while_one_is_stopped(simulator: Simulator) -> None:
    tries(visitor("192.0.2.1"), 40)
    assert add_card(visitor("192.0.2.1")).status_code == 200


def test_shopper_is_let_in_again_after_an_hour_however_often_they_tried(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    tries(client, 20)
    an_hour_later()
    assert add_card(client).status_code == 200


def test_good_cards_count_a_third(simulator: Simulator) -> None:
    found = tries(visitor("192.0.2.1"), 31, "tok_visa")
    assert (found.count(200), found[-1]) == (28, 429)  # the one under way counts in full


def test_shopper_who_mixes_up_digits_and_then_gets_it_right_pays(simulator: Simulator) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    add_to_cart(client, make_product())
    give_details(client)
    tries(client, 5)
    place_order(client, add_card(client).json()["card"])
    assert Order.objects.placed().get().status == Order.Status.PAID


def test_outage_of_stripe_counts_against_nobody(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    simulator.add_fault("/v1/customers/*/sources", "error_500", times=15)
    assert tries(client, 15, "tok_visa") == [424] * 15
    assert add_card(client).status_code == 200


def test_setups_are_counted_before_stripe_is_asked(simulator: Simulator) -> None:
    client = visitor("192.0.2.1")
    found = [client.post(reverse("billing:setup_intent")).status_code for _try in range(12)]
    assert found == [200] * 10 + [429] * 2
    assert len(simulator.objects("setup_intent")) == 10


# Paying


def pay_step(client: Client) -> int:
    """A guest before Place order, with a card that its bank will decline; the card's id."""
    add_to_cart(client, make_product())
    give_details(client)
    return int(add_card(client, FAILS_LATER).json()["card"])


def test_declined_payments_of_one_order_are_stopped_with_a_page(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), FAILS_LATER)
    card, url = Card.objects.get().pk, reverse("orders:pay", args=[order.order_id])
    answers = [client.post(url, {"card": card}) for _press in range(12)]
    assert [answer.status_code for answer in answers] == [302] * 10 + [429] * 2
    page = answers[-1]
    assert "Please try again later" in page.text
    assert f'href="{order.get_absolute_url()}"' in page.text
    assert (int(page.headers["Retry-After"]) > 3000, "no-store" in page.headers["Cache-Control"]) == (True, True)


def test_order_is_kept_and_not_placed_where_the_limit_strikes_before(client: Client, simulator: Simulator) -> None:
    card = pay_step(client)
    attempts(10, ok=False, kind="pay", profile=BillingProfile.objects.get())
    page = place_order(client, card)
    assert (page.status_code, f'href="{reverse("carts:checkout")}"' in page.text) == (429, True)
    assert (Order.objects.placed().count(), simulator.objects("payment_intent")) == (0, [])
    an_hour_later()
    assert place_order(client, card).status_code == 302
    assert Order.objects.placed().count() == 1


def test_payments_and_cards_are_counted_apart(client: Client, simulator: Simulator) -> None:
    card = pay_step(client)
    attempts(10, ok=False, kind="add", profile=BillingProfile.objects.get())
    assert place_order(client, card).status_code == 302


def test_placing_that_is_refused_counts_for_nothing(client: Client, simulator: Simulator) -> None:
    card = pay_step(client)
    place_order(client, card, quote="stale")
    assert not CardAttempt.objects.filter(kind=CardAttempt.Kind.PAY).exists()


@pytest.mark.parametrize(
    ("token", "ok"), [("tok_visa", True), (FAILS_LATER, False), ("tok_threeDSecure2Required", True)]
)
def test_payment_is_noted_with_how_it_ended(client: Client, simulator: Simulator, token: str, ok: bool) -> None:
    add_to_cart(client, make_product())
    give_details(client)
    place_order(client, add_card(client, token).json()["card"])
    assert CardAttempt.objects.get(kind=CardAttempt.Kind.PAY).ok is ok


def test_pages_that_are_looked_at_write_no_attempt(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product(), FAILS_LATER)
    CardAttempt.objects.all().delete()
    for path in (order.get_absolute_url(), "/billing/payment-method/", "/cart/checkout/"):
        client.get(path)
    assert not CardAttempt.objects.exists()


# The whole shop


def test_tester_with_a_thousand_addresses_closes_card_entry(simulator: Simulator) -> None:
    attempts(200, ok=False)
    assert add_card(visitor("192.0.2.1")).status_code == 429
    an_hour_later()
    assert add_card(visitor("192.0.2.1")).status_code == 200


def test_busy_day_closes_nothing(simulator: Simulator) -> None:
    attempts(400, ok=False)
    attempts(400, ok=True)
    assert add_card(visitor("192.0.2.1")).status_code == 200


def test_customers_of_old_go_on_while_the_shop_is_tested(simulator: Simulator) -> None:
    attempts(200, ok=False)
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.force_login(make_user())
    assert add_card(client).status_code == 429
    BillingProfile.objects.update(timestamp=timezone.now() - timedelta(hours=2))
    assert add_card(client).status_code == 200


# The rows


def test_attempt_keeps_neither_address_nor_session(simulator: Simulator) -> None:
    client = visitor("192.0.2.77")
    add_card(client)
    row = CardAttempt.objects.get()
    kept = " ".join(str(value) for value in CardAttempt.objects.values_list().get())
    assert row.address == fingerprint("192.0.2.77") != "192.0.2.77"
    assert "192.0.2.77" not in kept
    assert client.cookies["sessionid"].value not in kept
    assert "tok_visa" not in kept


def test_fingerprint_needs_the_secret_key(settings: Any) -> None:
    before = fingerprint("192.0.2.77")
    settings.SECRET_KEY = "another" * 10
    assert fingerprint("192.0.2.77") != before


def test_old_attempts_are_forgotten() -> None:
    attempts(2, ok=True)
    attempts(1, ok=False)
    CardAttempt.objects.filter(ok=True).update(timestamp=timezone.now() - timedelta(days=2))
    assert (CardAttempt.objects.forget_old(), CardAttempt.objects.count()) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_parallel_cards_are_stopped_too(simulator: Simulator) -> None:
    cookies = visitor("192.0.2.1").cookies

    def enter(_number: int) -> int:
        tab = Client(REMOTE_ADDR="192.0.2.1")
        tab.cookies = cookies.copy()
        try:
            return add_card(tab, DECLINED).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(enter, range(40)))
    assert set(found) == {402, 429}
    assert asked_of_stripe(simulator) == found.count(402) <= 10
