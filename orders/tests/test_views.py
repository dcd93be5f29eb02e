"""Tests for the order pages and their access control."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import Order, OrderItem
from orders.workflow import payments
from stripe_simulator.server import Simulator
from tests.admin_forms import run_action
from tests.makers import (
    PASSWORD,
    add_card,
    add_to_cart,
    buy,
    make_paid_order,
    make_product,
    make_user,
    place_order,
    submit_details,
)

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
POSTS = ["orders:card", "orders:pay", "orders:cancel"]


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    """Return a guest's order whose payment was declined, so that every action is still possible."""
    return buy(client, make_product(), "tok_chargeCustomerFail")


@pytest.fixture
def charlie(other_client: Client) -> Client:
    """Return the client of another guest, who has an open order and a profile."""
    add_to_cart(other_client, make_product())
    submit_details(other_client, "charlie@example.org")
    return other_client


@pytest.mark.parametrize("name", ["orders:detail", "orders:status"])
def test_strangers_get_404(order: Order, charlie: Client, name: str) -> None:
    assert charlie.get(reverse(name, args=[order.order_id])).status_code == 404


@pytest.mark.parametrize("name", POSTS)
def test_post_by_a_stranger_returns_404_and_changes_nothing(order: Order, charlie: Client, name: str) -> None:
    response = charlie.post(reverse(name, args=[order.order_id]), {"card": order.billing_profile.cards.get().pk})
    order.refresh_from_db()
    assert (response.status_code, order.status) == (404, Order.Status.PLACED)


@pytest.mark.parametrize("name", POSTS)
def test_get_is_405(client: Client, name: str) -> None:
    order = make_paid_order()
    assert client.get(reverse(name, args=[order.order_id])).status_code == 405


@pytest.mark.parametrize("name", ["orders:card", "orders:card_setup"])
@pytest.mark.parametrize("status", ["paid", "canceled"])
def test_new_card_for_an_order_that_ended_in_another_tab_leads_to_the_order(
    client: Client, order: Order, name: str, status: str
) -> None:
    """Check that the card field does not say that nothing was charged."""
    Order.objects.update(status=status)
    response = client.post(reverse(name, args=[order.order_id]), {"token": "tok_visa"})
    assert (response.status_code, response.json()["link"]["url"]) == (404, order.get_absolute_url())
    assert "charged" not in response.json()["error"]


@pytest.mark.slow
def test_list_shows_status_and_number_of_items(client: Client, order: Order) -> None:
    OrderItem.objects.update(quantity=3)
    page = client.get(reverse("orders:list")).text
    assert ("Awaiting payment" in page, "3 items:" in page) == (True, True)


@pytest.mark.slow
def test_list_shows_only_the_visitors_orders(client: Client, order: Order, charlie: Client) -> None:
    assert order.order_id in client.get(reverse("orders:list")).text
    assert order.order_id not in charlie.get(reverse("orders:list")).text


@pytest.mark.slow
def test_guest_with_the_same_email_sees_no_orders(order: Order, other_client: Client) -> None:
    add_to_cart(other_client, make_product())
    submit_details(other_client, order.email)
    assert order.order_id not in other_client.get(reverse("orders:list")).text
    assert other_client.get(order.get_absolute_url()).status_code == 404


@pytest.mark.slow
def test_signup_keeps_the_guest_order(client: Client, order: Order) -> None:
    data = {"name": "Gia", "email": "gia@example.org", "password": PASSWORD}
    client.post(reverse("accounts:signup"), data)
    assert order.order_id in client.get(reverse("orders:list")).text
    assert order.billing_profile.user.email == "gia@example.org"


@pytest.mark.slow
def test_login_does_not_move_a_guest_order_to_the_account(client: Client, order: Order) -> None:
    bob = make_user("bob@example.org")
    client.post(reverse("accounts:login"), {"email": bob.email, "password": PASSWORD})
    assert order.order_id in client.get(reverse("orders:list")).text
    order.billing_profile.refresh_from_db()
    assert order.billing_profile.user is None


@pytest.mark.slow
def test_logout_ends_access_to_orders(client: Client, order: Order) -> None:
    client.post(reverse("accounts:logout"))
    assert client.get(order.get_absolute_url()).status_code == 404


@pytest.mark.slow
def test_user_sees_the_order_in_another_browser(client: Client, other_client: Client, simulator: Simulator) -> None:
    alice = make_user()
    client.login(username=alice.email, password=PASSWORD)
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"])
    other_client.login(username=alice.email, password=PASSWORD)
    order = Order.objects.placed().get()
    assert order.order_id in other_client.get(order.get_absolute_url()).text


@pytest.mark.sampled(3)
@pytest.mark.parametrize("page", ["0", "-1", "2", "abc", "1e9", "9" * 30, "٣"])
def test_invalid_list_page_is_404(client: Client, order: Order, page: str) -> None:
    assert client.get(reverse("orders:list"), {"page": page}).status_code == 404


def test_success_page_without_an_order_redirects_to_the_cart(other_client: Client) -> None:
    assert other_client.get(reverse("carts:success")).url == reverse("carts:home")


@pytest.mark.slow
def test_success_page_can_be_reloaded(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    texts = [client.get(reverse("carts:success")).text for _attempt in range(2)]
    assert [order.order_id in text for text in texts] == [True, True]


@pytest.mark.slow
def test_success_page_keeps_a_cart_started_in_another_tab(client: Client, simulator: Simulator) -> None:
    buy(client, make_product())
    add_to_cart(client, make_product())
    client.get(reverse("carts:success"))
    assert client.session["cart_items"] == 1


@pytest.mark.slow
def test_personal_pages_are_not_cached(client: Client, order: Order) -> None:
    for url in (order.get_absolute_url(), reverse("orders:list"), reverse("carts:home")):
        assert "no-store" in client.get(url).headers["Cache-Control"], url


@pytest.mark.slow
def test_timeline_lists_events_in_order(client: Client, order: Order) -> None:
    text = client.get(order.get_absolute_url()).text
    assert text.index("Order placed") < text.index("Payment started") < text.index("Payment failed")


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 30])
def test_list_runs_a_constant_number_of_queries(
    client: Client, simulator: Simulator, django_assert_num_queries: Any, count: int
) -> None:
    first = buy(client, make_product(), "tok_chargeCustomerFail")
    for _number in range(count - 1):
        order = Order.objects.create(billing_profile=first.billing_profile, email=first.email, status="placed")
        OrderItem.objects.create(order=order, product=make_product(), title="Mug", unit_price=1, quantity=1, total=1)
    # session with the version of the site, count, orders, their lines, unpaid orders of the session, shop, categories
    with django_assert_num_queries(7):
        client.get(reverse("orders:list"))


@pytest.mark.slow
def test_admin_shows_the_order_with_read_only_amounts(
    client: Client, admin_client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product())
    listed = admin_client.get(reverse("admin:orders_order_changelist"), {"q": order.order_id}).text
    page = admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert order.order_id in listed
    assert "20.95" in page
    assert 'name="total"' not in page


@pytest.mark.slow
def test_posted_admin_form_does_not_change_the_order(
    client: Client, admin_client: Client, simulator: Simulator
) -> None:
    order = buy(client, make_product())
    url = reverse("admin:orders_order_change", args=[order.pk])
    admin_client.post(url, {"status": "placed", "total": "0.01", "_save": "Save"})
    order.refresh_from_db()
    assert (order.status, str(order.total)) == (Order.Status.PAID, "20.95")


@pytest.mark.slow
def test_staff_cancel_an_unpaid_order(admin_client: Client, order: Order) -> None:
    run_action(admin_client, reverse("admin:orders_order_changelist"), "cancel_unpaid", order)
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELED


@pytest.mark.slow
def test_status_of_an_order_paid_between_two_reads_is_paid(
    client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the webhook pay the order after the view has read it and before it reads the open attempt."""
    order = buy(client, make_product(), "tok_threeDSecure2Required")
    simulator.complete_3d_secure(str(order.payment_intent_id), True)
    open_payment = Order.open_payment

    def settle_first(self: Order) -> Any:
        monkeypatch.setattr(Order, "open_payment", open_payment)
        payments.settle(Order.objects.get(pk=self.pk))
        return open_payment(self)

    monkeypatch.setattr(Order, "open_payment", settle_first)
    response = client.get(reverse("orders:status", args=[order.order_id])).json()
    assert response == {"situation": "paid", "url": reverse("carts:success")}
