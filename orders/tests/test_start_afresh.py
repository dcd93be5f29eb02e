"""Tests for "Not you? Start afresh": unpaid orders are canceled, and the browser forgets the guest."""

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addresses.models import Address
from billing.models import BillingProfile, Card
from carts.models import Cart
from carts.models.rates import Discount
from orders.bookkeeping.reconcile import reconcile
from orders.links import order_url
from orders.models import Order
from orders.workflow.cancellation import cancel
from stripe_simulator.server import Simulator
from tests.guests import (
    AFRESH,
    BUTTON,
    CART,
    CHECKOUT,
    EMAIL,
    NAME,
    ORDERS,
    STREET,
    emailed_path,
    enter_details,
    found_traces,
    knows_nothing,
    pass_hours,
    purchase,
)
from tests.makers import (
    add_card,
    add_to_cart,
    buy,
    make_discount,
    make_product,
    make_tax,
    make_user,
    submit_details,
)
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
CANCEL = "/v1/payment_intents/*/cancel"


@pytest.mark.slow
def test_all_pages_show_a_guest_before_starting_afresh(client: Client, simulator: Simulator) -> None:
    """Check the test itself: it must find the traces that it looks for."""
    order = purchase(client)
    found = found_traces(client, order.order_id)
    assert {CHECKOUT, ORDERS, "/accounts/signup/", "/cart/success/"} <= set(found)
    assert {trace for traces in found.values() for trace in traces} >= {EMAIL, NAME, STREET, order.order_id}


@pytest.mark.slow
def test_no_page_shows_a_guest_after_starting_afresh(client: Client, simulator: Simulator) -> None:
    order = purchase(client)
    response = client.post(AFRESH, follow=True)
    assert "Your details are no longer stored in this browser." in response.text
    assert order.order_id not in response.text
    assert knows_nothing(client, order)


@pytest.mark.slow
def test_cart_does_not_name_the_expired_order_of_the_guest_before(client: Client, simulator: Simulator) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    cancel(order, by="expiry")
    client.post(AFRESH)
    page = client.get(CART).text
    assert ("Teal mug" in page, order.order_id in page) == (True, False)


@pytest.mark.slow
def test_cart_does_not_name_the_expired_order_of_a_guest_whose_time_is_over(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    cancel(order, by="expiry")
    pass_hours(monkeypatch, 5)
    assert knows_nothing(client, order)


def test_start_afresh_forgets_the_order_and_the_details(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    enter_details(client)
    client.post(AFRESH)
    assert client.get(order.get_absolute_url()).status_code == 404
    page = client.get(CHECKOUT)
    assert page.context["step"] == "details"
    assert [trace for trace in (EMAIL, NAME, STREET, order.order_id) if trace in page.text] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", [CHECKOUT, f"{CHECKOUT}?details", ORDERS, "order", "/cart/success/"])
def test_button_is_shown_to_a_guest(client: Client, simulator: Simulator, page: str) -> None:
    order = purchase(client)
    add_to_cart(client, make_product())
    assert BUTTON in client.get(order.get_absolute_url() if page == "order" else page).text
    client.post(AFRESH)
    assert BUTTON not in client.get(ORDERS if page == "order" else page, follow=True).text


@pytest.mark.slow
@pytest.mark.parametrize("page", [CHECKOUT, ORDERS])
def test_button_is_not_shown_to_visitors_without_details_or_to_users(client: Client, page: str) -> None:
    add_to_cart(client, make_product())
    assert BUTTON not in client.get(page).text
    sign_in(client, make_user())
    submit_details(client)
    assert BUTTON not in client.get(page).text


def test_start_afresh_needs_post_and_a_token(client: Client) -> None:
    enter_details(client)
    assert client.get(AFRESH).status_code == 405
    assert Client(enforce_csrf_checks=True).post(AFRESH).status_code == 403
    assert STREET in client.get(CHECKOUT).text


def test_start_afresh_does_nothing_for_a_new_visitor(client: Client) -> None:
    assert client.post(AFRESH).url == CART
    assert not BillingProfile.objects.exists()


@pytest.mark.slow
def test_start_afresh_changes_nothing_for_a_user(client: Client) -> None:
    sign_in(client, make_user())
    enter_details(client)
    assert client.post(AFRESH).url == "/accounts/profile/"
    assert STREET in client.get(CHECKOUT).text


@pytest.mark.slow
def test_start_afresh_keeps_the_cart_without_its_destination_and_code(client: Client) -> None:
    make_discount("GIAS-OWN")
    make_tax(country="US", region="California", title="Sales tax")
    enter_details(client, country="US", city="Fresno", state="CA", postal_code="93650")
    client.post("/cart/discount/", {"code": "GIAS-OWN"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert "GIAS-OWN" in client.get(CART).text
    client.post(AFRESH)
    page = client.get(CART)
    assert [line.product.title for line in page.context["quote"].lines] == ["Teal mug"]
    assert ("GIAS-OWN" in page.text, "Sales tax" in page.text, client.session["cart_items"]) == (False, False, 1)
    cart = Cart.objects.get(active=True)
    assert (cart.country, cart.region, cart.discount_code, cart.billing_profile) == ("", "", "", None)
    assert cart.session_key == client.session.session_key


@pytest.mark.slow
def test_start_afresh_removes_postal_addresses_and_cards_that_no_order_needs(
    client: Client, simulator: Simulator
) -> None:
    order = purchase(client)
    enter_details(client, line_1="2 Other Street")
    client.post(AFRESH)
    order.refresh_from_db()
    assert list(Address.objects.all()) == [order.shipping_address]
    assert STREET in order.shipping_address_text
    assert not Card.objects.filter(active=True).exists()
    reconcile()
    assert not Card.objects.filter(is_detach_due=True).exists()
    assert not Order.objects.filter(status="open", shipping_address__isnull=False).exists()


@pytest.mark.slow
def test_start_afresh_drops_waiting_messages(client: Client, simulator: Simulator) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    client.post(reverse("orders:cancel", args=[order.order_id]))  # its message is not shown yet
    client.post(AFRESH)
    assert order.order_id not in client.get("/").text


@pytest.mark.slow
def test_emailed_link_still_opens_the_order(client: Client, simulator: Simulator) -> None:
    order = purchase(client)
    path = emailed_path()
    client.post(AFRESH)
    assert order.order_id in client.get(path, follow=True).text


@pytest.mark.slow
def test_orders_opened_with_a_link_are_forgotten_but_not_canceled(
    client: Client, other_client: Client, simulator: Simulator
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    session = other_client.session
    session["order_links"] = {order.order_id: order.link_version}
    session["guest_times"] = {"changed": timezone.now().timestamp()}
    session.save()
    other_client.cookies["sessionid"] = session.session_key
    assert BUTTON in other_client.get(order.get_absolute_url()).text
    other_client.post(AFRESH)
    assert other_client.get(order.get_absolute_url()).status_code == 404
    order.refresh_from_db()
    assert order.status == Order.Status.PLACED


@pytest.mark.slow
def test_second_tab_cannot_place_the_forgotten_order(client: Client, simulator: Simulator) -> None:
    enter_details(client)
    card = add_card(client).json()["card"]
    form = {"action": "place", "card": str(card)}
    page = client.get(CHECKOUT)
    form |= {"order": page.context["order"].order_id, "quote": page.context["agreement"].signed()}
    client.post(AFRESH)
    assert client.post(CHECKOUT, form).url == CART
    assert not Order.objects.placed().exists()


def test_postal_addresses_of_an_open_order_are_removed(client: Client) -> None:
    enter_details(client)
    client.post(AFRESH)
    order = Order.objects.get()
    assert (order.shipping_address, order.billing_address, order.active) == (None, None, False)
    assert not Address.objects.exists()


def test_running_request_cannot_write_the_guest_back_into_the_session(client: Client) -> None:
    enter_details(client)
    running = client.session
    client.post(AFRESH)
    with pytest.raises(UpdateError):
        running.save()
    assert EMAIL not in client.get(ORDERS, follow=True).text


# Unpaid orders


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_start_afresh_cancels_all_unpaid_orders(client: Client, simulator: Simulator, count: int) -> None:
    orders = [purchase(client, "tok_chargeCustomerFail") for _order in range(count)]
    page = client.post(AFRESH, follow=True).text
    assert ("unpaid order" in page, "cancelled. Nothing was charged." in page) == (True, True)
    assert {order.status for order in Order.objects.placed()} == {"canceled"}
    assert {row["status"] for row in simulator.objects("payment_intent")} == {"canceled"}
    assert knows_nothing(client, *orders)


@pytest.mark.slow
def test_cancellation_is_confirmed_in_a_message(client: Client, simulator: Simulator) -> None:
    purchase(client, "tok_chargeCustomerFail")
    assert "The unpaid order has been cancelled. Nothing was charged." in client.post(AFRESH, follow=True).text


@pytest.mark.slow
def test_canceled_order_returns_its_lines_to_the_cart(client: Client, simulator: Simulator) -> None:
    buy(client, make_product(title="Teal mug"), "tok_chargeCustomerFail")
    page = client.post(AFRESH, follow=True)
    assert [line.product.title for line in page.context["quote"].lines] == ["Teal mug"]


@pytest.mark.slow
def test_unpaid_order_of_an_earlier_email_address_is_canceled_too(client: Client, simulator: Simulator) -> None:
    first = purchase(client, "tok_chargeCustomerFail")
    submit_details(client, "other@example.org")
    client.post("/accounts/guest/", {"email": "other@example.org"})
    client.post(AFRESH)
    first.refresh_from_db()
    assert first.status == "canceled"
    assert knows_nothing(client, first)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop_before", "error_500", "html"])
def test_order_stays_while_the_answer_is_unknown_and_a_second_press_finishes(
    client: Client, simulator: Simulator, fault: str
) -> None:
    unknown, paid = purchase(client, "tok_chargeCustomerFail"), purchase(client)
    simulator.add_fault(CANCEL, fault)
    simulator.add_fault("/v1/payment_intents/*", fault)
    page = client.post(AFRESH, follow=True).text
    assert f"We do not know yet whether order {unknown.order_id} was paid" in page
    assert BUTTON in page
    assert client.get(paid.get_absolute_url()).status_code == 404
    assert NAME not in client.get("/accounts/signup/").text
    simulator.clear_faults()
    page = client.post(AFRESH, follow=True).text
    assert "The unpaid order has been cancelled." in page
    unknown.refresh_from_db()
    assert unknown.status == "canceled"
    assert knows_nothing(client, unknown, paid)


@pytest.mark.slow
def test_order_that_turns_out_to_be_paid_is_forgotten_and_reported(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents/*/confirm", "drop_after")
    order = purchase(client)
    assert order.status == "placed"
    page = client.post(AFRESH, follow=True).text
    order.refresh_from_db()
    assert order.status == "paid"
    assert "One order turned out to be paid" in page
    assert [message.to for message in mail.outbox] == [[EMAIL]]
    assert knows_nothing(client, order)


@pytest.mark.slow
def test_order_paid_after_an_unknown_answer_is_reported_by_the_next_press(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents/*/confirm", "drop_after")
    order = purchase(client)
    simulator.add_fault(CANCEL, "drop_before")
    client.post(AFRESH)
    reconcile()
    assert "One order turned out to be paid" in client.post(AFRESH, follow=True).text
    assert knows_nothing(client, order)


@pytest.mark.slow
def test_choices_do_not_return_when_a_held_order_is_canceled_later(client: Client, simulator: Simulator) -> None:
    make_discount("GIAS-OWN")
    add_to_cart(client, make_product())
    client.post("/cart/discount/", {"code": "GIAS-OWN"}, headers={"Sec-Fetch-Site": "same-origin"})
    purchase(client, "tok_chargeCustomerFail")
    simulator.add_fault(CANCEL, "drop_before")
    client.post(AFRESH)
    assert Discount.objects.get().uses == 1
    reconcile()
    assert Discount.objects.get().uses == 0
    add_to_cart(client, make_product())
    assert "GIAS-OWN" not in client.get(CART).text
    assert not Cart.objects.filter(discount_code="GIAS-OWN").exists()


@pytest.mark.slow
def test_lines_of_a_held_order_return_without_its_number_when_it_is_canceled_later(
    client: Client, simulator: Simulator
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    simulator.add_fault(CANCEL, "drop_before")
    client.post(AFRESH)
    client.get(ORDERS)  # shows the message about the unknown outcome
    reconcile()
    page = client.get(CART).text
    assert ("Teal mug" in page, order.order_id in page) == (True, False)


# Any order of steps


STEPS = ["details", "buy", "decline", "link", "estimate", "checkout", "cancel", "other email"]


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4), way=st.sampled_from(["afresh", "limit"]))
def test_nothing_of_a_guest_is_left_whatever_they_did(simulator: Simulator, steps: list[str], way: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        client = Client()
        for step in steps:
            take_step(client, step)
        if way == "afresh":
            client.post(AFRESH)
        else:
            pass_hours(monkeypatch, 4)
            reconcile()  # an unpaid order stays until it ends
        assert knows_nothing(client, *Order.objects.placed().filter(email=EMAIL))


def take_step(client: Client, step: str) -> None:
    if step in ("buy", "decline"):
        purchase(client, "tok_visa" if step == "buy" else "tok_chargeCustomerFail")
    elif step == "link":
        order = purchase(Client())
        client.get(order_url(order).removeprefix("http://127.0.0.1:8000"))
    elif step == "cancel":
        for order in Order.objects.filter(status="placed"):
            client.post(reverse("orders:cancel", args=[order.order_id]))
    elif step == "other email":
        client.post("/accounts/guest/", {"email": f"2.{EMAIL}"})
    elif step == "estimate":
        add_to_cart(client, make_product())
        client.post("/cart/delivery/", {"country": "DE"}, headers={"Sec-Fetch-Site": "same-origin"})
    elif step == "details":
        enter_details(client)
    else:
        client.get(CHECKOUT)
