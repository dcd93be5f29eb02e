"""Tests for the signed links in order email: a link opens one order for 90 days, and nothing else."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.signing import TimestampSigner, b62_encode
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders import links
from orders.links import order_url
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.admin_forms import run_action
from tests.makers import add_card, add_to_cart, buy, make_product, make_user, place_order, submit_details

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]


@pytest.fixture
def order(client: Client, simulator: Simulator) -> Order:
    return buy(client, make_product())


def link(order: Order) -> str:
    """Return the path and key of the order's link."""
    return order_url(order).removeprefix("http://127.0.0.1:8000")


@pytest.mark.slow
def test_guest_email_contains_the_link(order: Order, other_client: Client) -> None:
    [found] = re.findall(r"http://127\.0\.0\.1:8000(/orders/\S+)", mail.outbox[0].body)
    assert other_client.get(found).url == order.get_absolute_url()
    assert other_client.get(order.get_absolute_url()).status_code == 200


@pytest.mark.slow
def test_account_email_contains_no_key(client: Client, simulator: Simulator) -> None:
    client.force_login(make_user())
    add_to_cart(client, make_product())
    submit_details(client)
    place_order(client, add_card(client).json()["card"])
    assert "?key=" not in mail.outbox[0].body


@pytest.mark.slow
def test_link_redirects_to_a_url_without_the_key(order: Order, other_client: Client) -> None:
    assert "key" not in other_client.get(link(order), follow=True).request["QUERY_STRING"]


@pytest.mark.slow
def test_stranger_without_the_link_gets_404(order: Order, other_client: Client) -> None:
    assert other_client.get(order.get_absolute_url()).status_code == 404


def test_link_does_not_open_another_order(
    order: Order, client: Client, other_client: Client, simulator: Simulator
) -> None:
    second = buy(client, make_product())
    key = link(order).split("?")[1]
    assert other_client.get(f"{second.get_absolute_url()}?{key}").url == reverse("accounts:login")
    other_client.get(link(order))
    assert other_client.get(second.get_absolute_url()).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + "x", lambda text: "?key=", str.lower])
def test_tampered_link_is_rejected(order: Order, other_client: Client, change: object) -> None:
    path, _separator, key = link(order).partition("?")
    changed = change(f"?{key}")  # type: ignore[operator]
    response = other_client.get(path + changed)
    assert response.url == reverse("accounts:login")
    assert other_client.get(order.get_absolute_url()).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(("days", "is_open"), [(89, True), (91, False)])
def test_link_is_valid_for_ninety_days(
    order: Order, other_client: Client, monkeypatch: pytest.MonkeyPatch, days: int, is_open: bool
) -> None:
    signed_at = timezone.now() - timedelta(days=days)
    monkeypatch.setattr(TimestampSigner, "timestamp", lambda self: b62_encode(int(signed_at.timestamp())))
    url = link(order)
    monkeypatch.undo()
    assert (other_client.get(url).url == order.get_absolute_url()) == is_open


@pytest.mark.slow
def test_revoking_links_ends_access_by_earlier_links(order: Order, other_client: Client, admin_client: Client) -> None:
    other_client.get(link(order))
    run_action(admin_client, reverse("admin:orders_order_changelist"), "revoke_links", order)
    assert other_client.get(order.get_absolute_url()).status_code == 404
    order.refresh_from_db()
    assert other_client.get(link(order)).url == order.get_absolute_url()


@pytest.mark.slow
def test_revoking_links_is_recorded_in_the_history(order: Order, client: Client) -> None:
    links.revoke(order, by="staff@example.org")
    assert order.events.filter(kind="links_revoked", by="staff@example.org").count() == 1
    assert "Links in earlier emails no longer open this order" in client.get(order.get_absolute_url()).content.decode()


@pytest.mark.slow
def test_revoking_links_keeps_access_for_the_session_that_placed_the_order(order: Order, client: Client) -> None:
    Order.objects.update(link_version=2)
    assert client.get(order.get_absolute_url()).status_code == 200


@pytest.mark.slow
def test_logout_ends_access_by_link(order: Order, other_client: Client) -> None:
    other_client.get(link(order))
    other_client.post(reverse("accounts:logout"))
    assert other_client.get(order.get_absolute_url()).status_code == 404
