"""Orders on their way: sent once, by those who may, with a number that the shopper reads."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.simulator.server import Simulator
from ecommerce.tests.makers import buy, make_paid_order, make_product, make_user
from orders.audit import audit
from orders.models import Mail, Order
from orders.shipping import ship

pytestmark = pytest.mark.django_db


@pytest.fixture
def packer(client: Client) -> Client:
    """Staff who may look at orders and send them, and no more."""
    user = make_user("packer@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "ship_order"]))
    client.force_login(user)
    return client


def page(order: Order) -> str:
    return reverse("admin:orders_order_ship", args=[order.pk])


def state(order: Order) -> tuple[str, str, int]:
    """Status, tracking number, and how many mails tell of it."""
    order.refresh_from_db()
    return order.status, order.tracking, order.mails.filter(kind=Mail.Kind.SHIPPED).count()


def test_order_is_sent_once(other_client: Client) -> None:
    order = make_paid_order()
    assert ship(order, by="packer", tracking="AB 1")
    first = order.shipped_at
    assert not ship(order, by="packer", tracking="CD 2")
    assert (state(order), order.shipped_at) == (("shipped", "AB 1", 1), first)
    assert [event.said for event in order.events.all()] == ["Order shipped: AB 1"]


@pytest.mark.parametrize("status", ["open", "placed", "canceling", "canceled", "shipped", "refunded"])
def test_order_that_is_not_paid_or_was_sent_is_not_sent(status: str) -> None:
    order = make_paid_order(status=status)
    assert not ship(order, by="packer")
    assert (order.events.exists(), order.mails.exists()) == (False, False)


def test_order_whose_money_goes_back_is_not_sent() -> None:
    order = make_paid_order()
    Order.objects.update(amount_refunded=order.total)
    assert not ship(order, by="packer")
    assert state(order) == ("paid", "", 0)


def test_part_of_the_money_back_does_not_hold_the_rest_up() -> None:
    order = make_paid_order()
    Order.objects.update(amount_refunded=5)
    assert ship(order, by="packer")


def test_sent_order_is_well_in_the_books_and_a_missing_mail_is_found(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    ship(order, by="packer", tracking="4242 4242 4242 4242")  # a parcel's number may look like a card's
    assert audit() == []
    assert "Order shipped: 4242" in client.get(order.get_absolute_url()).text
    order.mails.filter(kind=Mail.Kind.SHIPPED).delete()
    assert [finding.rule for finding in audit()] == ["I9"]


def test_staff_send_an_order_with_its_number(packer: Client) -> None:
    order = make_paid_order()
    assert page(order) in packer.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert "1 High Street" in packer.get(page(order)).text
    answer = packer.post(page(order), {"tracking": " AB 1 "}, follow=True)
    assert state(order) == ("shipped", "AB 1", 1)
    assert "has been shipped. The shopper will be notified by email." in answer.text
    assert order.events.get().by == "packer@example.org"


def test_second_click_changes_nothing_and_says_so(packer: Client) -> None:
    order = make_paid_order()
    packer.post(page(order), {"tracking": "AB 1"})
    answer = packer.post(page(order), {"tracking": "AB 2"}, follow=True)
    assert state(order) == ("shipped", "AB 1", 1)
    assert "was already shipped. Nothing was changed" in answer.text


@pytest.mark.parametrize("tracking", ["<script>", "AB\r\nBcc: x", "9" * 61, "ÄÖ"])
def test_number_that_is_none_is_refused_with_words(packer: Client, tracking: str) -> None:
    order = make_paid_order()
    answer = packer.post(page(order), {"tracking": tracking})
    assert (answer.status_code, state(order)) == (200, ("paid", "", 0))
    assert "errorlist" in answer.text


def test_order_that_cannot_be_sent_says_why(packer: Client) -> None:
    order = make_paid_order(status=Order.Status.REFUNDED)
    assert "cannot be shipped: Refunded." in packer.post(page(order), {}, follow=True).text


def test_several_orders_are_sent_from_the_list(packer: Client) -> None:
    orders = [make_paid_order(), make_paid_order(status=Order.Status.CANCELED)]
    data: dict[str, Any] = {"action": "send_orders", "_selected_action": [order.pk for order in orders]}
    packer.post(reverse("admin:orders_order_changelist"), data)
    assert [state(order)[0] for order in orders] == ["shipped", "canceled"]


def test_staff_without_the_permission_send_nothing(client: Client) -> None:
    order = make_paid_order()
    user = make_user("desk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "refund_order"]))
    client.force_login(user)
    assert page(order) not in client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert (client.get(page(order)).status_code, client.post(page(order)).status_code) == (403, 403)
    assert state(order) == ("paid", "", 0)
