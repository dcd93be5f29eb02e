"""Tests for shipping: once, only with the permission, and with a tracking number for the shopper."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from orders.bookkeeping.audit import audit
from orders.models import Mail, Order
from stripe_simulator.server import Simulator
from tests.admin_forms import ship_page_form
from tests.makers import buy, make_paid_order, make_product, make_user, ship

pytestmark = pytest.mark.django_db


@pytest.fixture
def packer(client: Client) -> Client:
    """Return a client of staff who have only the permissions to view and ship orders."""
    user = make_user("packer@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "ship_order"]))
    client.force_login(user)
    return client


def ship_url(order: Order) -> str:
    return reverse("admin:orders_order_ship", args=[order.pk])


def state(order: Order) -> tuple[str, str, int]:
    """Return the status, the tracking number and the number of shipping messages."""
    order.refresh_from_db()
    tracking = ", ".join(shipment.tracking for shipment in order.shipments.all())
    return order.status, tracking, order.mails.filter(kind=Mail.Kind.SHIPPED).count()


def submit(client: Client, order: Order, **changes: Any) -> Any:
    """Open the ship page, change these fields and press Ship. Return the page that follows."""
    return client.post(ship_url(order), ship_page_form(client, order) | changes, follow=True)


def test_order_is_shipped_once(other_client: Client) -> None:
    order = make_paid_order()
    assert ship(order, by="packer", tracking="AB 1")
    first = order.shipped_at
    assert not ship(order, by="packer", tracking="CD 2")
    assert (state(order), order.shipped_at) == (("shipped", "AB 1", 1), first)
    assert [event.display_text for event in order.events.all()] == ["Order shipped: AB 1"]


@pytest.mark.parametrize("status", ["open", "placed", "canceling", "canceled", "shipped", "refunded"])
def test_ship_rejects_unpaid_and_finished_orders(status: str) -> None:
    order = make_paid_order(status=status)
    assert not ship(order, by="packer")
    assert (order.events.exists(), order.mails.exists()) == (False, False)


def test_ship_rejects_a_fully_refunded_order() -> None:
    order = make_paid_order()
    Order.objects.update(amount_refunded=order.total)
    assert not ship(order, by="packer")
    assert state(order) == ("paid", "", 0)


def test_ship_accepts_a_partly_refunded_order() -> None:
    order = make_paid_order()
    Order.objects.update(amount_refunded=5)
    assert ship(order, by="packer")


@pytest.mark.slow
def test_audit_accepts_a_shipped_order_and_finds_a_missing_email(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    ship(order, by="packer", tracking="4242 4242 4242 4242")  # It looks like a card number.
    assert audit() == []
    assert "Order shipped: 4242" in client.get(order.get_absolute_url()).text
    order.mails.filter(kind=Mail.Kind.SHIPPED).delete()
    assert [finding.rule for finding in audit()] == ["I9"]


def test_staff_ship_an_order_with_a_tracking_number(packer: Client) -> None:
    order = make_paid_order()
    assert ship_url(order) in packer.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert "1 High Street" in packer.get(ship_url(order)).text
    response = submit(packer, order, tracking=" AB 1 ")
    assert state(order) == ("shipped", "AB 1", 1)
    assert "has been shipped. The shopper will be notified by email." in response.text
    assert order.events.get().by == "packer@example.org"


def test_second_click_changes_nothing_and_shows_a_message(packer: Client) -> None:
    order = make_paid_order()
    form = ship_page_form(packer, order)
    packer.post(ship_url(order), form | {"tracking": "AB 1"})
    response = packer.post(ship_url(order), form | {"tracking": "AB 2"}, follow=True)
    assert state(order) == ("shipped", "AB 1", 1)
    assert "was already shipped. Nothing was changed" in response.text


@pytest.mark.parametrize("tracking", ["<script>", "AB\r\nBcc: x", "9" * 61, "ÄÖ"])
def test_invalid_tracking_number_is_rejected_with_a_message(packer: Client, tracking: str) -> None:
    order = make_paid_order()
    response = submit(packer, order, tracking=tracking)
    assert (response.status_code, state(order)) == (200, ("paid", "", 0))
    assert "errorlist" in response.text


def test_order_that_cannot_be_shipped_shows_the_reason(packer: Client) -> None:
    order = make_paid_order(status=Order.Status.REFUNDED)
    assert "cannot be shipped: Refunded." in packer.post(ship_url(order), {}, follow=True).text


def test_several_orders_are_shipped_from_the_list(packer: Client) -> None:
    orders = [make_paid_order(), make_paid_order(status=Order.Status.CANCELED)]
    data: dict[str, Any] = {"action": "ship_orders", "_selected_action": [order.pk for order in orders]}
    packer.post(reverse("admin:orders_order_changelist"), data)
    assert [state(order)[0] for order in orders] == ["shipped", "canceled"]


def test_staff_without_the_permission_cannot_ship(client: Client) -> None:
    order = make_paid_order()
    user = make_user("desk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "refund_order"]))
    client.force_login(user)
    assert ship_url(order) not in client.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert (client.get(ship_url(order)).status_code, client.post(ship_url(order)).status_code) == (403, 403)
    assert state(order) == ("paid", "", 0)
