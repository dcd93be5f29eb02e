"""Tests for the limit of calls to Stripe that the requests of one IP address cause together."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.urls import reverse

from billing import gateway
from billing.abuse import calls
from billing.models import BillingProfile, CardAttempt, Rate, RateCounter
from orders.bookkeeping.pruning import prune
from orders.models import Order, Payment
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_product, make_user, place_order, submit_details
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
THREE_D_SECURE = "tok_threeDSecure2Required"


@pytest.fixture(autouse=True)
def limit(settings: Any) -> None:
    settings.REQUEST_LIMITS = {"stripe_calls": 30, "guests_address": 1000, "guests_session": 1000}


def visitor(address: str = "192.0.2.1") -> Client:
    return Client(REMOTE_ADDR=address)


def use_up(address: str = "192.0.2.1", left: int = 0) -> None:
    """Let the visitors of this IP address make all calls of the minute but `left`."""
    client = visitor(address)
    client.get("/")
    key = f"calls:{calls.client_key(client.get('/').wsgi_request)}"
    RateCounter.objects.filter(key=key).delete()
    if left < 30:
        assert RateCounter.objects.take({key: Rate(30, calls.SECONDS)}, 30 - left) == []


def end_minute() -> None:
    RateCounter.objects.update(until=F("until") - 60_000)


def waiting_order(client: Client) -> Order:
    """Return an order of this visitor whose payment the bank has to authenticate."""
    order = buy(client, make_product(), THREE_D_SECURE)
    assert order.payments.get().status == Payment.Status.REQUIRES_ACTION
    return order


def requests_of(simulator: Simulator, act: Any) -> int:
    """Return how many requests Stripe received while this ran."""
    before = len(simulator.requests)
    act()
    return len(simulator.requests) - before


# Reads


@pytest.mark.slow
def test_order_page_and_status_over_the_limit_show_the_rows_without_a_call(simulator: Simulator) -> None:
    client = visitor()
    order = waiting_order(client)
    simulator.complete_3d_secure(order.payment_intent_id or "", succeed=True)
    use_up()
    page = client.get(order.get_absolute_url())
    status = client.get(reverse("orders:status", args=[order.order_id]))
    assert (page.status_code, status.json()["situation"]) == (200, "action")
    end_minute()
    Order.objects.update(asked_at=None)
    assert client.get(reverse("orders:status", args=[order.order_id])).json()["situation"] == "paid"


def test_polls_of_one_ip_address_make_at_most_thirty_calls_a_minute(simulator: Simulator) -> None:
    clients = [visitor() for _number in range(4)]
    urls = [reverse("orders:status", args=[waiting_order(client).order_id]) for client in clients]

    def poll() -> None:
        for _round in range(15):
            assert {client.get(url).status_code for client, url in zip(clients, urls, strict=True)} == {200}

    assert requests_of(simulator, poll) <= 30


# Actions


def test_guest_start_over_the_limit_is_rejected_with_a_page(simulator: Simulator) -> None:
    use_up()
    response = visitor().post("/accounts/guest/", {"email": "gia@example.org"})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert "Please try again in 1 minute." in response.text
    assert not BillingProfile.objects.exists()
    assert visitor("192.0.2.2").post("/accounts/guest/", {"email": "gia@example.org"}).status_code == 302


def test_details_over_the_limit_are_not_stored(simulator: Simulator) -> None:
    client = visitor()
    add_to_cart(client, make_product())
    use_up()
    assert submit_details(client).status_code == 429
    assert (BillingProfile.objects.exists(), Order.objects.exists()) == (False, False)
    end_minute()
    assert submit_details(client).status_code == 302


def test_card_over_the_limit_is_rejected_as_json_and_does_not_count_as_an_attempt(simulator: Simulator) -> None:
    client = visitor()
    add_to_cart(client, make_product())
    submit_details(client)
    use_up(left=1)  # a card needs two calls, so it is not begun
    response = add_card(client)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert "Please try again in 1 minute." in response.json()["error"]
    assert not CardAttempt.objects.exists()
    end_minute()
    assert add_card(client).status_code == 200


def test_order_over_the_limit_is_not_placed_and_can_be_placed_a_minute_later(simulator: Simulator) -> None:
    client = visitor()
    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    use_up(left=3)  # a payment needs four calls
    assert requests_of(simulator, lambda: place_order(client, card)) == 0
    assert Order.objects.get().status == Order.Status.OPEN
    end_minute()
    assert place_order(client, card).url == reverse("carts:success")


def test_cancellation_over_the_limit_is_rejected_and_changes_nothing(simulator: Simulator) -> None:
    client = visitor()
    order = waiting_order(client)
    use_up(left=1)
    response = client.post(reverse("orders:cancel", args=[order.order_id]))
    order.refresh_from_db()
    assert (response.status_code, order.status) == (429, Order.Status.PLACED)
    assert f'href="{order.get_absolute_url()}"' in response.text


@pytest.mark.django_db(transaction=True)  # the customer is not created inside a transaction
def test_sign_up_over_the_limit_creates_the_customer_later(simulator: Simulator) -> None:
    use_up()
    data = {"name": "Mia", "email": "mia@example.org", "password": "correct horse battery"}
    assert visitor().post("/accounts/signup/", data).status_code == 302
    assert (BillingProfile.objects.get().customer_id, simulator.requests) == ("", [])


@pytest.mark.django_db(transaction=True)  # the customer is not created inside a transaction
def test_purchase_is_counted_completely(simulator: Simulator) -> None:
    client = visitor()

    def purchase() -> None:
        add_to_cart(client, make_product())
        submit_details(client)
        assert place_order(client, add_card(client).json()["card"]).url == reverse("carts:success")

    made = requests_of(simulator, purchase)
    assert RateCounter.objects.get(key__startswith="calls:").count == made  # with the card that is detached afterwards


def test_further_calls_of_an_action_fail_as_if_stripe_did_not_answer(simulator: Simulator) -> None:
    client = visitor()
    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    BillingProfile.objects.update(customer_id="")  # creating it is the fifth call
    use_up(left=4)
    assert requests_of(simulator, lambda: place_order(client, card)) <= 4
    assert Order.objects.placed().count() == 1


def test_work_after_the_response_is_counted_too(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    client = visitor()
    add_to_cart(client, make_product())
    submit_details(client)
    card = add_card(client).json()["card"]
    monkeypatch.setattr(calls, "PAYMENT", 3)  # the fourth detaches the card after the response
    use_up(left=3)
    assert requests_of(simulator, lambda: place_order(client, card)) == 3
    assert Order.objects.get().status == Order.Status.PAID


def test_shopper_buys_while_the_calls_of_another_ip_address_are_used_up(simulator: Simulator) -> None:
    use_up()
    client = visitor("198.51.100.7")
    add_to_cart(client, make_product())
    submit_details(client)
    assert place_order(client, add_card(client).json()["card"]).url == reverse("carts:success")


# Who is limited


def test_staff_webhooks_and_commands_are_not_limited(simulator: Simulator) -> None:
    client = visitor()
    order = waiting_order(client)
    use_up()
    staff = visitor()
    staff.force_login(make_user("boss@example.org", is_staff=True))
    assert add_card(staff).status_code == 200
    assert gateway.retrieve_intent(order.payment_intent_id or "").id == order.payment_intent_id


def test_forged_webhook_makes_no_call(simulator: Simulator) -> None:
    visitor().post("/billing/webhook/", "{}", content_type="application/json")
    assert not RateCounter.objects.exists()


def test_calls_of_signed_webhooks_are_not_counted(simulator: Simulator, live_server: Any) -> None:
    simulator.webhook_url = f"{live_server.url}/billing/webhook/"
    client = visitor()
    order = waiting_order(client)
    RateCounter.objects.all().delete()
    simulator.complete_3d_secure(order.payment_intent_id or "", succeed=True)
    assert simulator.wait_for_deliveries()
    order.refresh_from_db()
    assert (order.status, RateCounter.objects.exists()) == (Order.Status.PAID, False)


def test_page_without_calls_costs_no_statement(simulator: Simulator) -> None:
    product = make_product()
    client = visitor()
    for url in ("/", "/products/", product.get_absolute_url()):
        client.get(url)
        with count_queries() as queries:
            client.get(url)
        assert not [query for query in queries if "ratecounter" in query]


def test_request_that_calls_stripe_costs_one_statement(simulator: Simulator) -> None:
    client = visitor()
    url = reverse("orders:status", args=[waiting_order(client).order_id])
    with count_queries() as queries:
        client.get(url)
    assert len([query for query in queries if "ratecounter" in query]) == 1


# The counters


def test_counter_holds_for_simultaneous_requests(transactional_db: None) -> None:
    def take(_number: int) -> bool:
        try:
            return not RateCounter.objects.take({"a": Rate(30, 60), "b": Rate(1000, 3600)})
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(100)))
    assert taken.count(True) == 30
    assert {counter.key: counter.count for counter in RateCounter.objects.all()} == {"a": 30, "b": 30}


def test_counter_begins_again_after_its_time() -> None:
    assert [RateCounter.objects.take({"a": Rate(2, 60)}) for _number in range(3)] == [[], [], ["a"]]
    end_minute()
    assert RateCounter.objects.take({"a": Rate(2, 60)}) == []
    assert RateCounter.objects.get().count == 1


def test_counter_rejects_more_than_its_limit_at_once() -> None:
    assert RateCounter.objects.take({"a": Rate(2, 60), "b": Rate(9, 60)}, 3) == ["a"]
    assert not RateCounter.objects.exists()


def test_old_counters_are_pruned() -> None:
    RateCounter.objects.take({"old": Rate(2, 60), "new": Rate(2, 3600)})
    RateCounter.objects.update(until=F("until") - 61_000)
    prune()
    assert [counter.key for counter in RateCounter.objects.all()] == ["new"]
