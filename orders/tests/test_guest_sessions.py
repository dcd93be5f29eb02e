"""Tests for what a browser remembers of a guest: for four hours, and not after "Start afresh"."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from addresses.models import Address
from billing.models import BillingProfile, Card
from carts.models import Cart
from carts.models.rates import Discount
from orders.bookkeeping.reconcile import reconcile
from orders.links import order_url
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.makers import (
    ADDRESS,
    PASSWORD,
    add_card,
    add_to_cart,
    make_discount,
    make_product,
    make_tax,
    make_user,
    place_order,
    submit_details,
)
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
AFRESH, CHECKOUT, CART, ORDERS = "/orders/start-afresh/", "/cart/checkout/", "/cart/", "/orders/"
BUTTON = "Not you? Start afresh"
EMAIL, NAME, STREET, POSTCODE = "gia.guest@example.org", "Gia Zylinder", "77 Quince Row", "BA1 1AA"
TRACES = [EMAIL, NAME, STREET, "QUINCE", "4242"]
CANCEL = "/v1/payment_intents/*/cancel"


def paths_without_arguments() -> list[str]:
    """Return the paths of all pages of the shop that need no arguments, without the admin."""

    def walk(patterns: list[Any], prefix: str) -> Any:
        for pattern in patterns:
            if isinstance(pattern, URLResolver) and pattern.namespace != "admin":
                yield from walk(pattern.url_patterns, ":".join(filter(None, [prefix, pattern.namespace])))
            elif isinstance(pattern, URLPattern) and pattern.name and not pattern.pattern.regex.groupindex:
                yield ":".join(filter(None, [prefix, pattern.name]))

    found = []
    for name in walk(get_resolver().url_patterns, ""):
        try:
            found.append(reverse(name))
        except Exception:  # noqa: S112 - the name needs arguments
            continue
    return sorted(set(found))


def pass_hours(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Let this much more time pass for all code that asks timezone.now."""
    before = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: before() + timedelta(hours=hours))


def enter_details(client: Client, **changes: str) -> None:
    """Put a product into the cart and submit the details of this guest."""
    add_to_cart(client, make_product(title="Teal mug"))
    assert submit_details(client, EMAIL, **{"name": NAME, "line_1": STREET} | changes).url == CHECKOUT


def purchase(client: Client, token: str = "tok_visa") -> Order:
    """Buy a product as this guest, through the pages."""
    enter_details(client)
    place_order(client, add_card(client, token).json()["card"])
    return Order.objects.placed().latest("pk")


def found_traces(client: Client, *more: str) -> dict[str, list[str]]:
    """Return the texts about the guest that each page still shows, and on a POST of each address too."""
    add_to_cart(client, make_product())
    texts = {path: client.get(path, follow=True).content.decode(errors="replace") for path in paths_without_arguments()}
    texts |= {f"{CHECKOUT}?details": client.get(f"{CHECKOUT}?details").text}
    texts |= {"session": str(dict(client.session)) + str(client.cookies)}
    traces = [*TRACES, *more]
    found = {path: [trace for trace in traces if trace in text] for path, text in texts.items()}
    return {path: traces for path, traces in found.items() if traces}


def emailed_path() -> str:
    """Return the path and key of the link in the confirmation email."""
    [url] = [word for word in mail.outbox[0].body.split() if "?key=" in word]
    return url.removeprefix("http://127.0.0.1:8000")


def knows_nothing(client: Client, *orders: Order) -> bool:
    pages = [client.get(order.get_absolute_url()).status_code for order in orders]
    return (found_traces(client, *[order.order_id for order in orders]), set(pages) - {404}) == ({}, set())


# Start afresh


def test_all_pages_show_a_guest_before_starting_afresh(client: Client, simulator: Simulator) -> None:
    """Check the test itself: it must find the traces that it looks for."""
    order = purchase(client)
    found = found_traces(client, order.order_id)
    assert {CHECKOUT, ORDERS, "/accounts/signup/", "/cart/success/"} <= set(found)
    assert {trace for traces in found.values() for trace in traces} >= {EMAIL, NAME, STREET, order.order_id}


def test_no_page_shows_a_guest_after_starting_afresh(client: Client, simulator: Simulator) -> None:
    order = purchase(client)
    response = client.post(AFRESH, follow=True)
    assert "Your details are no longer stored in this browser." in response.text
    assert order.order_id not in response.text
    assert knows_nothing(client, order)


@pytest.mark.parametrize("page", [CHECKOUT, f"{CHECKOUT}?details", ORDERS, "order", "/cart/success/"])
def test_button_is_shown_to_a_guest(client: Client, simulator: Simulator, page: str) -> None:
    order = purchase(client)
    add_to_cart(client, make_product())
    assert BUTTON in client.get(order.get_absolute_url() if page == "order" else page).text
    client.post(AFRESH)
    assert BUTTON not in client.get(ORDERS if page == "order" else page, follow=True).text


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


def test_start_afresh_changes_nothing_for_a_user(client: Client) -> None:
    sign_in(client, make_user())
    enter_details(client)
    assert client.post(AFRESH).url == "/accounts/profile/"
    assert STREET in client.get(CHECKOUT).text


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


def test_start_afresh_drops_waiting_messages(client: Client, simulator: Simulator) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    client.post(reverse("orders:cancel", args=[order.order_id]))  # its message is not shown yet
    client.post(AFRESH)
    assert order.order_id not in client.get("/").text


def test_emailed_link_still_opens_the_order(client: Client, simulator: Simulator) -> None:
    order = purchase(client)
    path = emailed_path()
    client.post(AFRESH)
    assert order.order_id in client.get(path, follow=True).text


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


def test_second_tab_cannot_place_the_forgotten_order(client: Client, simulator: Simulator) -> None:
    enter_details(client)
    card = add_card(client).json()["card"]
    form = {"action": "place", "card": str(card)}
    page = client.get(CHECKOUT)
    form |= {"order": page.context["order"].order_id, "quote": page.context["quote"].signed()}
    client.post(AFRESH)
    assert client.post(CHECKOUT, form).url == CART
    assert not Order.objects.placed().exists()


# Unpaid orders


@pytest.mark.parametrize("count", [1, 2])
def test_start_afresh_cancels_all_unpaid_orders(client: Client, simulator: Simulator, count: int) -> None:
    orders = [purchase(client, "tok_chargeCustomerFail") for _order in range(count)]
    page = client.post(AFRESH, follow=True).text
    assert ("unpaid order" in page, "cancelled. Nothing was charged." in page) == (True, True)
    assert {order.status for order in Order.objects.placed()} == {"canceled"}
    assert {row["status"] for row in simulator.objects("payment_intent")} == {"canceled"}
    assert knows_nothing(client, *orders)


def test_canceled_order_returns_its_lines_to_the_cart(client: Client, simulator: Simulator) -> None:
    purchase(client, "tok_chargeCustomerFail")
    page = client.post(AFRESH, follow=True)
    assert [line.product.title for line in page.context["quote"].lines] == ["Teal mug"]


def test_unpaid_order_of_an_earlier_email_address_is_canceled_too(client: Client, simulator: Simulator) -> None:
    first = purchase(client, "tok_chargeCustomerFail")
    submit_details(client, "other@example.org")
    client.post("/accounts/guest/", {"email": "other@example.org"})
    client.post(AFRESH)
    first.refresh_from_db()
    assert first.status == "canceled"
    assert knows_nothing(client, first)


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


def test_order_paid_after_an_unknown_answer_is_reported_by_the_next_press(client: Client, simulator: Simulator) -> None:
    simulator.add_fault("/v1/payment_intents/*/confirm", "drop_after")
    order = purchase(client)
    simulator.add_fault(CANCEL, "drop_before")
    client.post(AFRESH)
    reconcile()
    assert "One order turned out to be paid" in client.post(AFRESH, follow=True).text
    assert knows_nothing(client, order)


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


# Time limit


def test_no_page_shows_a_guest_after_the_limit(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 4)
    assert knows_nothing(client, order)


def test_guest_is_known_until_the_limit(client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 3.99)
    assert order.order_id in client.get(ORDERS).text


def test_limit_counts_from_the_last_order_not_from_later_changes(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 3)
    enter_details(client)
    pass_hours(monkeypatch, 1.01)
    assert knows_nothing(client, order)


def test_limit_counts_from_the_last_change_without_an_order(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_details(client)
    pass_hours(monkeypatch, 3)
    submit_details(client, EMAIL, name=NAME, line_1=STREET)
    pass_hours(monkeypatch, 3)
    assert STREET in client.get(CHECKOUT).text
    pass_hours(monkeypatch, 1.01)
    assert knows_nothing(client)


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


def test_new_details_do_not_bring_back_an_earlier_guest(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    pass_hours(monkeypatch, 5)
    client.post("/accounts/guest/", {"email": "next@example.org"})
    assert knows_nothing(client, order)


def test_order_opened_with_a_link_is_forgotten_after_the_limit(
    client: Client, other_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client)
    path = emailed_path()
    assert order.order_id in other_client.get(path, follow=True).text
    pass_hours(monkeypatch, 4)
    assert other_client.get(order.get_absolute_url()).status_code == 404
    assert order.order_id in other_client.get(path, follow=True).text


def test_unpaid_order_stays_until_it_ends(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    pass_hours(monkeypatch, 5)
    assert client.get(order.get_absolute_url()).status_code == 200
    assert NAME not in client.get("/accounts/signup/").text
    reconcile()
    assert client.get(order.get_absolute_url()).status_code == 404


def test_checkout_in_progress_gets_a_message_at_the_limit(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_details(client)
    card = add_card(client).json()["card"]
    page = client.get(CHECKOUT)
    form = {"action": "place", "card": str(card), "order": page.context["order"].order_id}
    form |= {"quote": page.context["quote"].signed()}
    pass_hours(monkeypatch, 4)
    page = client.post(CHECKOUT, form, follow=True)
    assert "we have removed your details from this browser after 4 hours. Your cart is kept" in page.text
    assert [line.product.title for line in page.context["quote"].lines] == ["Teal mug"]
    assert submit_details(client, EMAIL).url == CHECKOUT
    assert "1 High Street" in client.get(CHECKOUT).text


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


# Sign-in


def sign_up(client: Client, email: str) -> Any:
    return client.post("/accounts/signup/", {"name": "Bo", "email": email, "password": PASSWORD})


@pytest.mark.parametrize("way", ["login", "signup"])
@pytest.mark.parametrize("when", ["afresh", "limit", "immediately"])
def test_another_person_who_signs_in_gets_nothing_of_a_guest_who_bought(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, way: str, when: str
) -> None:
    order = purchase(client)
    if when == "afresh":
        client.post(AFRESH)
    elif when == "limit":
        pass_hours(monkeypatch, 4)
    if way == "login":
        sign_in(client, make_user("bo@example.org"))
    else:
        sign_up(client, "bo@example.org")
    assert knows_nothing(client, order)
    assert User.objects.get().billing_profile.orders.exclude(status="open").count() == 0


def test_guest_who_signs_up_with_the_same_email_keeps_the_order(client: Client, simulator: Simulator) -> None:
    order = purchase(client)
    sign_up(client, EMAIL.upper())
    assert order.order_id in client.get(ORDERS).text


def test_user_who_logs_in_with_the_email_of_the_order_still_sees_it(client: Client, simulator: Simulator) -> None:
    user = make_user(EMAIL)
    order = purchase(client)
    sign_in(client, user)
    assert order.order_id in client.get(ORDERS).text


def test_unpaid_order_stays_visible_at_sign_in(client: Client, simulator: Simulator) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    sign_in(client, make_user())
    assert client.get(order.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("way", ["login", "signup"])
def test_details_of_this_checkout_survive_sign_in(client: Client, simulator: Simulator, way: str) -> None:
    make_discount("TEN")
    enter_details(client)
    client.post("/cart/discount/", {"code": "TEN"}, headers={"Sec-Fetch-Site": "same-origin"})
    if way == "login":
        sign_in(client, make_user())
    else:
        sign_up(client, "bo@example.org")
    page = client.get(CHECKOUT)
    assert page.context["step"] == "pay"
    assert (STREET in page.text, "TEN" in page.text, "Teal mug" in page.text) == (True, True, True)
    assert page.context["order"].billing_profile.user == User.objects.get()
    place_order(client, add_card(client).json()["card"])
    order = Order.objects.placed().get()
    assert (order.status, STREET in order.shipping_address_text) == ("paid", True)


def test_typed_details_win_over_the_users_last_addresses(client: Client, other_client: Client) -> None:
    alice = make_user()
    sign_in(other_client, alice)
    add_to_cart(other_client, make_product())
    submit_details(other_client, line_1="7 Alice Lane")
    enter_details(client)
    sign_in(client, alice)
    page = client.get(CHECKOUT)
    assert (STREET in page.text, "7 Alice Lane" in page.text) == (True, False)
    assert "We have kept the postal addresses that you entered." in page.text
    streets = Address.objects.for_profile(alice.billing_profile).values_list("line_1", flat=True)
    assert set(streets) == {"7 Alice Lane", STREET}


def test_separate_billing_address_survives_sign_in(client: Client) -> None:
    add_to_cart(client, make_product())
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()}
    data |= {f"billing-{name}": value for name, value in (ADDRESS | {"city": "Oxford"}).items()}
    client.post(CHECKOUT, data | {"email": EMAIL})
    sign_in(client, make_user())
    order = client.get(CHECKOUT).context["order"]
    assert (order.shipping_address.city, order.billing_address.city) == ("Bath", "Oxford")


def test_addresses_of_an_earlier_guest_order_do_not_go_to_a_user(client: Client, simulator: Simulator) -> None:
    purchase(client)
    add_to_cart(client, make_product())
    assert client.get(CHECKOUT).context["step"] == "pay"  # with the addresses of the last order
    sign_in(client, make_user())
    page = client.get(CHECKOUT)
    assert (page.context["step"], STREET in page.text) == ("details", False)


def test_guests_own_rows_stay_with_the_guest_at_login(client: Client) -> None:
    enter_details(client)
    sign_in(client, make_user())
    assert Address.objects.filter(billing_profile__user=None).count() == 1


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


def typed_fields(**changes: str) -> dict[str, str]:
    """Return the fields of an incomplete details form, as the browser sends them."""
    return {
        f"shipping-{name}": value for name, value in (ADDRESS | {"name": NAME, "postal_code": ""} | changes).items()
    }


@pytest.mark.parametrize(("action", "page"), [("log_in", "/accounts/login/"), ("sign_up", "/accounts/signup/")])
def test_incomplete_details_survive_sign_in_through_the_button(client: Client, action: str, page: str) -> None:
    add_to_cart(client, make_product())
    response = client.post(CHECKOUT, typed_fields() | {"action": action, "billing_same": "on"})
    assert response.url == f"{page}?next={CHECKOUT}"
    if action == "log_in":
        sign_in(client, make_user())
    else:
        sign_up(client, EMAIL)
    page = client.get(CHECKOUT)
    assert (page.context["step"], f'value="{NAME}"' in page.text) == ("details", True)
    assert submit_details(client, name=NAME).url == CHECKOUT
    assert client.get(CHECKOUT).context["step"] == "pay"


def test_typed_details_sent_with_the_login_form_survive_a_wrong_password(client: Client) -> None:
    alice = make_user()
    add_to_cart(client, make_product())
    sign_in(client, alice, password="wrong", **typed_fields())
    sign_in(client, alice, **typed_fields(country="US", state="CA"))
    page = client.get(CHECKOUT).text
    assert (f'value="{NAME}"' in page, "ZIP code" in page) == (True, True)


def test_typed_details_win_over_the_addresses_of_the_users_order(client: Client) -> None:
    alice = make_user()
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS | {"line_1": "7 Alice Lane"})
    add_to_cart(client, make_product())
    sign_in(client, alice, **typed_fields())
    assert f'value="{NAME}"' in client.get(CHECKOUT).text


@pytest.mark.parametrize("way", ["afresh", "limit"])
def test_typed_details_are_forgotten(client: Client, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    add_to_cart(client, make_product())
    client.post(CHECKOUT, typed_fields() | {"action": "log_in"})
    assert NAME in client.get(CHECKOUT).text
    if way == "afresh":
        client.post(AFRESH)
    else:
        pass_hours(monkeypatch, 4)
    assert NAME not in client.get(CHECKOUT).text
    assert "details_draft" not in client.session


@pytest.mark.parametrize("value", ["x" * 10_000, "A\x00", "<script>"])
def test_odd_typed_details_are_kept_safely(client: Client, value: str) -> None:
    add_to_cart(client, make_product())
    client.post(CHECKOUT, typed_fields(name=value, country=value) | {"action": "log_in", "shipping-evil": "x"})
    page = client.get(CHECKOUT)
    assert (page.status_code, "<script>" in page.text) == (200, False)
    assert "shipping-evil" not in client.session["details_draft"]
