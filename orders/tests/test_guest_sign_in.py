"""Tests for what a user who logs in or signs up gets from the guest who used the browser before."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from addresses.models import Address
from carts.models import Cart, CartItem
from orders.bookkeeping.reconcile import reconcile
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.guests import (
    AFRESH,
    CHECKOUT,
    EMAIL,
    NAME,
    ORDERS,
    STREET,
    enter_details,
    knows_nothing,
    pass_hours,
    purchase,
)
from tests.makers import (
    ADDRESS,
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_discount,
    make_product,
    make_user,
    place_order,
    submit_details,
)
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


def sign_up(client: Client, email: str) -> Any:
    return client.post("/accounts/signup/", {"name": "Bo", "email": email, "password": PASSWORD})


@pytest.mark.slow
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


@pytest.mark.slow
def test_guest_who_signs_up_with_the_same_email_keeps_the_order(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    sign_up(client, order.email.upper())
    assert order.order_id in client.get(ORDERS).text


@pytest.mark.slow
def test_user_who_logs_in_with_the_email_of_the_order_still_sees_it(client: Client, simulator: Simulator) -> None:
    user = make_user(EMAIL)
    order = purchase(client)
    sign_in(client, user)
    assert order.order_id in client.get(ORDERS).text


@pytest.mark.slow
def test_unpaid_order_stays_visible_at_sign_in(client: Client, simulator: Simulator) -> None:
    order = purchase(client, "tok_chargeCustomerFail")
    sign_in(client, make_user())
    assert client.get(order.get_absolute_url()).status_code == 200


@pytest.mark.sampled(2)
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


def test_details_of_an_empty_cart_start_no_order_at_sign_in(client: Client) -> None:
    enter_details(client)
    CartItem.objects.all().delete()
    alice = make_user()
    sign_in(client, alice)
    assert "We have kept the postal addresses" not in client.get("/cart/").text
    assert not Order.objects.filter(billing_profile__user=alice).exists()


def test_details_of_a_cart_that_is_gone_do_not_prevent_sign_in(client: Client) -> None:
    enter_details(client)
    Cart.objects.update(active=False)
    assert sign_in(client, make_user()).status_code == 302
    assert "We have kept the postal addresses" not in client.get("/cart/").text


@pytest.mark.slow
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


@pytest.mark.slow
def test_separate_billing_address_survives_sign_in(client: Client) -> None:
    add_to_cart(client, make_product())
    data = {f"shipping-{name}": value for name, value in ADDRESS.items()}
    data |= {f"billing-{name}": value for name, value in (ADDRESS | {"city": "Oxford"}).items()}
    client.post(CHECKOUT, data | {"email": EMAIL})
    sign_in(client, make_user())
    order = client.get(CHECKOUT).context["order"]
    assert (order.shipping_address.city, order.billing_address.city) == ("Bath", "Oxford")


@pytest.mark.slow
def test_addresses_of_an_earlier_guest_order_do_not_go_to_a_user(client: Client, simulator: Simulator) -> None:
    buy(client, make_product())
    add_to_cart(client, make_product())
    assert client.get(CHECKOUT).context["step"] == "pay"  # with the addresses of the last order
    sign_in(client, make_user())
    page = client.get(CHECKOUT)
    assert (page.context["step"], ADDRESS["line_1"] in page.text) == ("details", False)


def test_guests_own_rows_stay_with_the_guest_at_login(client: Client) -> None:
    enter_details(client)
    sign_in(client, make_user())
    assert Address.objects.filter(billing_profile__user=None).count() == 1


# Details that were typed but not submitted


def typed_fields(**changes: str) -> dict[str, str]:
    """Return the fields of an incomplete details form, as the browser sends them."""
    return {
        f"shipping-{name}": value for name, value in (ADDRESS | {"name": NAME, "postal_code": ""} | changes).items()
    }


@pytest.mark.sampled(2)
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("way", ["update", "check"])
def test_address_chosen_after_sign_in_replaces_the_typed_details(client: Client, way: str) -> None:
    alice = make_user()
    own = Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS | {"line_1": "7 Alice Lane"})
    add_to_cart(client, make_product())
    sign_in(client, alice, **typed_fields())
    for kind in Address.Type.values:
        choice = {"address_id": str(own.pk)} if way == "update" else ADDRESS | {"line_1": "7 Alice Lane"}
        client.post(f"/addresses/{way}/", choice | {"address_type": kind})
    page = client.get(CHECKOUT)
    assert (page.context["step"], "7 Alice Lane" in page.text) == ("pay", True)


@pytest.mark.sampled(2)
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


@pytest.mark.slow
@pytest.mark.parametrize("value", ["x" * 10_000, "A\x00", "<script>"])
def test_odd_typed_details_are_kept_safely(client: Client, value: str) -> None:
    add_to_cart(client, make_product())
    client.post(CHECKOUT, typed_fields(name=value, country=value) | {"action": "log_in", "shipping-evil": "x"})
    page = client.get(CHECKOUT)
    assert (page.status_code, "<script>" in page.text) == (200, False)
    assert "shipping-evil" not in client.session["details_draft"]


@pytest.mark.slow
def test_sign_up_for_an_order_with_another_email_says_where_the_order_is(client: Client, simulator: Simulator) -> None:
    order = purchase(client)
    data = {"name": "Bo", "email": "bo@example.org", "password": PASSWORD, "next": order.get_absolute_url()}
    page = client.post("/accounts/signup/", data, follow=True)
    assert page.redirect_chain == [(ORDERS, 302)]
    assert "Orders placed here with another email are not part of it." in page.text


@pytest.mark.slow
def test_users_order_stays_in_the_session_when_the_guest_session_before_it_is_over(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_details(client)
    sign_in(client, make_user())
    place_order(client, add_card(client).json()["card"])
    pass_hours(monkeypatch, 4)
    assert client.get("/cart/success/").status_code == 200
    assert "details_order_id" not in client.session


# The card of a guest who has not ordered yet


def begin_with_card(client: Client) -> str:
    """Enter the details and a card of this guest, who then leaves. Return the card."""
    enter_details(client)
    return str(add_card(client).json()["card"])


@pytest.mark.parametrize("way", ["details", "guest", "sign up"])
def test_next_person_cannot_use_the_card_of_a_guest_who_did_not_order(
    client: Client, simulator: Simulator, way: str
) -> None:
    card = begin_with_card(client)
    if way == "sign up":
        sign_up(client, "next@example.org")
    elif way == "guest":
        client.post("/accounts/guest/", {"email": "next@example.org"})
    submit_details(client, "next@example.org", line_1="9 Other Street")
    assert client.get(CHECKOUT).context["cards"] == []
    place_order(client, card)
    assert not Order.objects.placed().exists()
    reconcile()
    assert simulator.objects("card") == []


@pytest.mark.slow
@pytest.mark.parametrize("way", ["details", "sign up"])
def test_guest_with_the_same_email_keeps_the_card(client: Client, simulator: Simulator, way: str) -> None:
    card = begin_with_card(client)
    if way == "sign up":
        sign_up(client, EMAIL)
    submit_details(client, EMAIL, name=NAME, line_1="9 Other Street")
    assert [str(row.pk) for row in client.get(CHECKOUT).context["cards"]] == [card]
