"""The signed link of an order's mail: opens this order to its reader for 90 days, and nothing else to anybody."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.signing import TimestampSigner, b62_encode
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.simulator.server import Simulator
from ecommerce.tests.makers import add_card, add_to_cart, buy, give_details, make_product, make_user, place_order
from orders import links
from orders.links import order_url
from orders.models import Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    return buy(client, make_product())


def link(order: Order) -> str:
    """The path and key of the order's link."""
    return order_url(order).removeprefix("http://127.0.0.1:8000")


def test_mail_of_a_guest_carries_the_link(order: Order, other_client: Client) -> None:
    [found] = re.findall(r"http://127\.0\.0\.1:8000(/orders/\S+)", mail.outbox[0].body)
    assert other_client.get(found).url == order.get_absolute_url()
    assert other_client.get(order.get_absolute_url()).status_code == 200


def test_mail_of_a_member_carries_no_key(client: Client, simulator: Simulator) -> None:
    client.force_login(make_user())
    add_to_cart(client, make_product())
    give_details(client)
    place_order(client, add_card(client).json()["card"])
    assert "?key=" not in mail.outbox[0].body


def test_link_leads_to_an_address_without_the_key(order: Order, other_client: Client) -> None:
    assert "key" not in other_client.get(link(order), follow=True).request["QUERY_STRING"]


def test_order_is_closed_to_a_stranger_without_the_link(order: Order, other_client: Client) -> None:
    assert other_client.get(order.get_absolute_url()).status_code == 404


def test_link_opens_no_other_order(order: Order, client: Client, other_client: Client, simulator: Simulator) -> None:
    second = buy(client, make_product())
    key = link(order).split("?")[1]
    assert other_client.get(f"{second.get_absolute_url()}?{key}").url == reverse("accounts:login")
    other_client.get(link(order))
    assert other_client.get(second.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + "x", lambda text: "?key=", str.lower])
def test_tampered_link_opens_nothing(order: Order, other_client: Client, change: object) -> None:
    path, _mark, key = link(order).partition("?")
    changed = change(f"?{key}")  # type: ignore[operator]
    answer = other_client.get(path + changed)
    assert answer.url == reverse("accounts:login")
    assert other_client.get(order.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(("days", "is_open"), [(89, True), (91, False)])
def test_link_is_good_for_ninety_days(
    order: Order, other_client: Client, monkeypatch: pytest.MonkeyPatch, days: int, is_open: bool
) -> None:
    made_then = timezone.now() - timedelta(days=days)
    monkeypatch.setattr(TimestampSigner, "timestamp", lambda self: b62_encode(int(made_then.timestamp())))
    url = link(order)
    monkeypatch.undo()
    assert (other_client.get(url).url == order.get_absolute_url()) == is_open


def test_revoked_link_closes_the_order_to_those_it_opened(
    order: Order, other_client: Client, admin_client: Client
) -> None:
    other_client.get(link(order))
    data = {"action": "revoke_links", "_selected_action": [order.pk]}
    admin_client.post(reverse("admin:orders_order_changelist"), data)
    assert other_client.get(order.get_absolute_url()).status_code == 404
    order.refresh_from_db()
    assert other_client.get(link(order)).url == order.get_absolute_url()


def test_revoking_is_told_in_the_history(order: Order, client: Client) -> None:
    links.revoke(order, by="staff@example.org")
    assert order.events.filter(kind="links_revoked", by="staff@example.org").count() == 1
    assert "Links in earlier emails no longer open this order" in client.get(order.get_absolute_url()).content.decode()


def test_revoked_link_stays_with_who_placed_the_order(order: Order, client: Client) -> None:
    Order.objects.update(link_version=2)
    assert client.get(order.get_absolute_url()).status_code == 200


def test_logging_out_closes_what_a_link_opened(order: Order, other_client: Client) -> None:
    other_client.get(link(order))
    other_client.post(reverse("accounts:logout"))
    assert other_client.get(order.get_absolute_url()).status_code == 404
