"""Tests for the page on which staff ship an order or a part of it, and for carriers and shipments in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.models import Mail, Order, Shipment
from tests.admin_forms import field_errors, read_form, ship_page_form
from tests.makers import make_carrier, make_paid_order, make_product, make_shipment, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
TO_SHIP, SHIP_NEXT = "/admin/orders/order/?to_ship=yes", "/admin/orders/order/ship-next/"


@pytest.fixture
def packer(client: Client) -> Client:
    """Return a client of staff with the permissions of a packer."""
    user = make_user("packer@example.org", is_staff=True)
    names = ["view_order", "ship_order", "view_shipment", "view_carrier"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


@pytest.fixture
def order() -> Order:
    """Return a paid order of three mugs."""
    order = make_paid_order(make_product(title="Mug"), paid_at=timezone.now())
    order.items.update(quantity=3)
    return order


def ship_url(order: Order) -> str:
    return reverse("admin:orders_order_ship", args=[order.pk])


def field(order: Order) -> str:
    return f"units_{order.items.get().pk}"


def submit(client: Client, order: Order, **changes: Any) -> Any:
    return client.post(ship_url(order), ship_page_form(client, order) | changes, follow=True)


def test_page_is_filled_in_with_all_units_and_the_last_carrier(packer: Client, order: Order) -> None:
    make_carrier(name="Aaa")
    last = make_carrier(name="Bbb")
    make_shipment(make_paid_order(), carrier=last)
    form = ship_page_form(packer, order)
    assert (form[field(order)], form["carrier"], form["tracking"]) == ("3", str(last.pk), "")


def test_inactive_carrier_is_not_offered(packer: Client, order: Order) -> None:
    carrier = make_carrier(name="Aaa", active=False)
    make_shipment(make_paid_order(), carrier=carrier)
    make_carrier(name="Bbb")
    page = packer.get(ship_url(order)).text
    assert ("Aaa" in page, "Bbb" in page) == (False, True)


def test_staff_ship_a_part_and_then_the_rest(packer: Client, order: Order) -> None:
    carrier = make_carrier()
    response = submit(packer, order, **{field(order): "2", "carrier": str(carrier.pk), "tracking": "AB 1"})
    assert f"A part of {order} has been shipped." in response.text
    assert ship_page_form(packer, order)[field(order)] == "1"
    submit(packer, order)
    order.refresh_from_db()
    assert [(row.tracking, row.carrier) for row in order.shipments.all()] == [("AB 1", carrier), ("", carrier)]
    assert (order.status, order.mails.filter(kind=Mail.Kind.SHIPPED).count()) == ("shipped", 2)


@pytest.mark.parametrize("units", ["", "0", "-1", "4", "x", "9" * 30])
def test_wrong_units_ship_nothing(packer: Client, order: Order, units: str) -> None:
    response = submit(packer, order, **{field(order): units})
    assert (response.status_code, "errorlist" in response.text or "errornote" in response.text or "error" in
            response.text) == (200, True)  # fmt: skip
    assert not order.shipments.exists()


def test_rejected_form_keeps_the_tracking_number(packer: Client, order: Order) -> None:
    form = ship_page_form(packer, order)
    submit(packer, order, **{field(order): "1"})
    response = packer.post(ship_url(order), form | {"tracking": "AB 1"}, follow=True)
    assert "its units to ship have changed" in response.text
    assert 'value="AB 1"' in response.text
    assert order.shipments.count() == 1


def test_order_whose_address_was_corrected_meanwhile_is_not_shipped(packer: Client, order: Order) -> None:
    form = ship_page_form(packer, order)
    Order.objects.filter(pk=order.pk).update(shipping_address_text="Gia Guest\n2 Low Street")
    page = packer.post(ship_url(order), form | {"tracking": "AB 1"}, follow=True)
    assert f"{order} was not shipped: its postal address has changed. Check the address on the parcel." in page.text
    assert ("2 Low Street" in page.text, 'value="AB 1"' in page.text) == (True, True)
    assert not order.shipments.exists()


def test_order_is_shipped_to_the_address_that_the_rejection_showed(packer: Client, order: Order) -> None:
    form = ship_page_form(packer, order)
    Order.objects.filter(pk=order.pk).update(shipping_address_text="Gia Guest\n2 Low Street")
    again = read_form(packer, ship_url(order), packer.post(ship_url(order), form))
    again.submit()
    assert order.shipments.count() == 1


def test_ship_and_next_opens_the_oldest_other_order(packer: Client, order: Order) -> None:
    now = timezone.now()
    older, oldest = (make_paid_order(paid_at=now - timedelta(days=days)) for days in (1, 2))
    assert submit(packer, order, next="1").redirect_chain[0][0] == ship_url(oldest)
    assert submit(packer, oldest, next="1").redirect_chain[0][0] == ship_url(older)
    response = submit(packer, older, next="1")
    assert response.redirect_chain[0][0] == TO_SHIP
    assert "No other order can be shipped now." in response.text


def test_link_to_the_oldest_order_opens_its_page(packer: Client, order: Order) -> None:
    oldest = make_paid_order(paid_at=timezone.now() - timedelta(days=1))
    assert packer.get(SHIP_NEXT).headers["Location"] == ship_url(oldest)


def test_link_to_the_oldest_order_says_that_there_is_none(packer: Client, order: Order) -> None:
    Order.objects.update(attention="Look at this")
    response = packer.get(SHIP_NEXT, follow=True)
    assert response.redirect_chain[0][0] == TO_SHIP
    assert "No order can be shipped now." in response.text


def test_list_tells_that_an_order_is_partly_shipped(packer: Client, order: Order) -> None:
    make_shipment(order, units={})
    assert "partly shipped" in packer.get(reverse("admin:orders_order_changelist")).text


def test_order_lists_its_shipments_with_links(packer: Client, order: Order) -> None:
    shipment = make_shipment(order, carrier=make_carrier(), tracking="AB 1")
    page = packer.get(reverse("admin:orders_order_change", args=[order.pk])).text
    assert "https://track.example.com/?id=AB%201" in page
    assert reverse("admin:orders_shipment_change", args=[shipment.pk]) in page
    assert "3 × Mug" in page


def test_shipment_is_marked_as_delivered_by_one_of_two(packer: Client, order: Order) -> None:
    shipment = make_shipment(order)
    url = reverse("admin:orders_shipment_delivered", args=[shipment.pk])
    assert url in packer.get(reverse("admin:orders_shipment_change", args=[shipment.pk])).text
    assert packer.get(url).status_code == 405
    assert "is marked as delivered" in packer.post(url, follow=True).text
    first = Shipment.objects.get().delivered_at
    assert "was already marked as delivered" in packer.post(url, follow=True).text
    assert (first is not None, Shipment.objects.get().delivered_at) == (True, first)


def test_staff_without_the_permission_cannot_mark_as_delivered(client: Client, order: Order) -> None:
    shipment = make_shipment(order)
    user = make_user("desk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "view_shipment"]))
    client.force_login(user)
    url = reverse("admin:orders_shipment_delivered", args=[shipment.pk])
    assert url not in client.get(reverse("admin:orders_shipment_change", args=[shipment.pk])).text
    assert client.post(url).status_code == 403
    assert Shipment.objects.get().delivered_at is None


def test_carrier_with_shipments_is_not_deleted(admin_client: Client, order: Order) -> None:
    carrier = make_carrier()
    make_shipment(order, carrier=carrier)
    url = reverse("admin:orders_carrier_delete", args=[carrier.pk])
    assert "Make it inactive instead." in admin_client.get(url).text
    admin_client.post(url, {"post": "yes"})
    assert Shipment.objects.get().carrier == carrier


def test_carrier_with_an_unsafe_tracking_url_is_not_saved(admin_client: Client) -> None:
    data = {"name": "Parcels", "tracking_pattern": "http://x.example/{number}", "position": "0", "active": "on"}
    response = admin_client.post(reverse("admin:orders_carrier_add"), data)
    assert "Enter a URL that begins with https://" in response.text


def test_more_units_than_ordered_are_rejected_with_the_limit(packer: Client, order: Order) -> None:
    assert field_errors(submit(packer, order, **{field(order): "4"})) == "At most 3."
