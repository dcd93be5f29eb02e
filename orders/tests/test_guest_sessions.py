"""Tests for the time limit of a guest session."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import guest_session
from billing.models import BillingProfile
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.guests import (
    CART,
    CHECKOUT,
    EMAIL,
    NAME,
    ORDERS,
    STREET,
    TRACES,
    emailed_path,
    enter_details,
    knows_nothing,
    pass_hours,
    purchase,
)
from tests.makers import (
    ADDRESS,
    add_card,
    add_to_cart,
    buy,
    make_product,
    make_tax,
    submit_details,
)
from tests.visitors import make_request

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_no_page_shows_a_guest_after_the_limit(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 4)
    assert knows_nothing(client, order)


def test_guest_is_known_until_the_limit(client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    order = buy(client, make_product())
    pass_hours(monkeypatch, 3.99)
    assert order.order_id in client.get(ORDERS).text
    pass_hours(monkeypatch, 0.01)
    assert order.order_id not in client.get(ORDERS).text
    assert client.get(order.get_absolute_url()).status_code == 404


@pytest.mark.slow
def test_first_page_after_the_limit_does_not_name_an_unpaid_order(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    assert order.order_id in client.get("/products/").text
    pass_hours(monkeypatch, 4)
    assert order.order_id not in client.get("/products/").text


@pytest.mark.slow
def test_limit_counts_from_the_last_order_not_from_later_changes(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 3)
    enter_details(client)
    pass_hours(monkeypatch, 1.01)
    assert knows_nothing(client, order)


@pytest.mark.slow
def test_limit_counts_from_the_last_change_without_an_order(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_details(client)
    pass_hours(monkeypatch, 3)
    submit_details(client, EMAIL, name=NAME, line_1=STREET)
    pass_hours(monkeypatch, 3)
    assert STREET in client.get(CHECKOUT).text
    pass_hours(monkeypatch, 1.01)
    assert knows_nothing(client)


@pytest.mark.slow
@pytest.mark.parametrize("first_page", [CART, CHECKOUT, ORDERS, "/accounts/signup/", "/cart/success/", "order"])
def test_first_page_after_the_limit_shows_nothing(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, first_page: str
) -> None:
    make_tax(country="US", region="California", title="Sales tax")
    order = purchase(client)
    add_to_cart(client, make_product())
    submit_details(
        client, EMAIL, name=NAME, line_1=STREET, country="US", city="Fresno", state="CA", postal_code="93650"
    )
    pass_hours(monkeypatch, 4)
    page = client.get(order.get_absolute_url() if first_page == "order" else first_page, follow=True).text
    traces = [*TRACES, "California", "Sales tax"] + ([] if first_page == "order" else [order.order_id])
    assert [trace for trace in traces if trace in page] == []


@pytest.mark.slow
def test_cart_does_not_name_the_expired_order_of_an_earlier_guest(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    pass_hours(monkeypatch, 4)
    reconcile()
    page = client.get(CART).text
    assert ("Teal mug" in page, order.order_id in page) == (True, False)


@pytest.mark.slow
def test_new_details_do_not_bring_back_an_earlier_guest(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 5)
    client.post("/accounts/guest/", {"email": "next@example.org"})
    assert knows_nothing(client, order)


@pytest.mark.slow
def test_order_opened_with_a_link_is_forgotten_after_the_limit(
    client: Client, other_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    path = emailed_path()
    assert order.order_id in other_client.get(path, follow=True).text
    pass_hours(monkeypatch, 4)
    assert other_client.get(order.get_absolute_url()).status_code == 404
    assert order.order_id in other_client.get(path, follow=True).text
    pass_hours(monkeypatch, 4)
    assert order.order_id in other_client.get(path, follow=True).text  # as the first page after the limit


@pytest.mark.slow
def test_unpaid_order_stays_until_it_ends(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    pass_hours(monkeypatch, 5)
    assert client.get(order.get_absolute_url()).status_code == 200
    assert NAME not in client.get("/accounts/signup/").text
    reconcile()
    assert client.get(order.get_absolute_url()).status_code == 404


@pytest.mark.slow
def test_checkout_in_progress_gets_a_message_at_the_limit(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_details(client)
    card = add_card(client).json()["card"]
    page = client.get(CHECKOUT)
    form = {"action": "place", "card": str(card), "order": page.context["order"].order_id}
    form |= {"quote": page.context["agreement"].signed()}
    pass_hours(monkeypatch, 4)
    page = client.post(CHECKOUT, form, follow=True)
    assert "we have removed your details from this browser after 4 hours. Your cart is kept" in page.text
    assert [line.product.title for line in page.context["quote"].lines] == ["Teal mug"]
    assert submit_details(client, EMAIL).url == CHECKOUT
    assert "1 High Street" in client.get(CHECKOUT).text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/addresses/check/"), ("post", "/addresses/update/"), ("post", "/billing/payment-processing/"),
        ("post", "/billing/setup-intent/"), ("get", "/addresses/check/"), ("get", "/billing/payment-method/"),
    ],
)  # fmt: skip
def test_other_pages_of_the_checkout_answer_after_the_limit(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    enter_details(client)
    pass_hours(monkeypatch, 4)
    response = getattr(client, method)(path, ADDRESS | {"token": "tok_visa"})
    assert response.status_code in (302, 403)
    assert BillingProfile.objects.get().cards.count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("age", [1, 5])
def test_session_from_before_times_were_recorded_is_dated_by_its_rows(
    client: Client, simulator: Simulator, age: int
) -> None:
    order = purchase(client)
    session = client.session
    del session["guest_times"]
    session.save()
    old = timezone.now() - timedelta(hours=age)
    BillingProfile.objects.update(updated=old)
    Order.objects.update(placed_at=old)
    assert (order.order_id in client.get(ORDERS).text) is (age < 4)
    assert (STREET in client.get(f"{CHECKOUT}?details", follow=True).text) is False  # the cart is empty


def test_new_time_does_not_prolong_a_session_that_is_over() -> None:
    request = make_request(order_ids=["X"], guest_times={"changed": 1.0})
    guest_session.record_change(request)
    assert "order_ids" not in request.session
