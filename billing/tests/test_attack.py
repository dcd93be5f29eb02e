"""An hour of card testing, guest checkouts and polls from eight IP addresses. The checkout stays open for others."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client
from django.urls import reverse

from billing.models import CardAttempt, CardMail, RateCounter
from ecommerce import settings as defaults
from orders.bookkeeping.reconcile import send_emails
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, buy, make_product, make_user, place_order, submit_details

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ADDRESSES = [f"192.0.2.{number}" for number in range(1, 9)]
ROUND_MINUTES = 10


def pass_time(minutes: int) -> None:
    """Let the rows that the limits count become so much older."""
    RateCounter.objects.update(until=F("until") - minutes * 60_000)
    CardAttempt.objects.update(timestamp=F("timestamp") - timedelta(minutes=minutes))


class Attacker:
    """The browser of an attacker at one IP address, with an order that waits for the bank."""

    def __init__(self, address: str) -> None:
        self.address, self.polled = address, Client(REMOTE_ADDR=address)
        order = buy(self.polled, make_product(), "tok_threeDSecure2Required")
        self.status = reverse("orders:status", args=[order.order_id])

    def attack(self, minute: int) -> None:
        """Try cards without a cart, with new cookies each time, and poll the order."""
        for number in range(2):
            client = Client(REMOTE_ADDR=self.address)
            client.post("/accounts/guest/", {"email": f"a{minute}-{number}@example.org"})
            for _card in range(3):
                add_card(client, "tok_chargeDeclined")
        client = Client(REMOTE_ADDR=self.address)
        add_to_cart(client, make_product())  # with an order, more cards are allowed
        submit_details(client, f"b{minute}@example.org")
        for _card in range(8):
            add_card(client, "tok_chargeDeclined")
        for _poll in range(12):
            assert self.polled.get(self.status).status_code == 200


def finish_3d_secure(client: Client, simulator: Simulator, order: Order) -> None:
    simulator.complete_3d_secure(order.payment_intent_id or "", succeed=True)
    client.get(order.get_absolute_url())
    order.refresh_from_db()


def open_link(to: str, path: str) -> str:
    """Send the emails that are due, and return the path of the link in the one to this recipient."""
    send_emails()
    body = next(str(message.body) for message in reversed(mail.outbox) if message.to == [to])
    found = re.search(rf"http://\S+?({path}\S+)", body)
    assert found
    return found[1]


def test_attack_from_eight_ip_addresses_does_not_close_the_checkout(simulator: Simulator, settings: Any) -> None:
    attackers = [Attacker(address) for address in ADDRESSES]
    settings.CARD_TRIES, settings.REQUEST_LIMITS = dict(defaults.CARD_TRIES), dict(defaults.REQUEST_LIMITS)
    settings.STAFF_EMAIL = "staff@example.org"
    most = 0
    for minute in range(0, 60, ROUND_MINUTES):
        pass_time(ROUND_MINUTES)
        for attacker in attackers:
            before = len(simulator.requests)
            attacker.attack(minute)
            most = max(most, len(simulator.requests) - before)
    assert 15 <= most <= 30  # calls to Stripe in a minute from one IP address
    declined = CardAttempt.objects.recent().filter(ok=False)
    assert declined.count() >= 200
    assert max(declined.filter(address=address).count() for address in declined.values_list("address", flat=True)) <= 30
    assert CardMail.objects.filter(kind="alert").count() == 1

    guest = Client(REMOTE_ADDR="198.51.100.1")
    add_to_cart(guest, make_product())
    submit_details(guest, "honest@example.org")
    link_page = add_card(guest).json()["link"]["url"]
    guest.post(link_page, {"order": guest.get(link_page).context["order"].order_id})
    Client().post(open_link("honest@example.org", "/billing/card-link/"))
    place_order(guest, add_card(guest).json()["card"])
    of_guest = Order.objects.get(email="honest@example.org")
    finish_3d_secure(guest, simulator, of_guest)

    member = Client(REMOTE_ADDR="198.51.100.2")
    member.force_login(make_user("new@example.org"))
    member.post(reverse("accounts:verify_request"))
    member.post(open_link("new@example.org", "/accounts/verify/"))
    add_to_cart(member, make_product())
    submit_details(member)
    place_order(member, add_card(member).json()["card"])
    of_member = Order.objects.get(email="new@example.org")
    finish_3d_secure(member, simulator, of_member)
    assert (of_guest.status, of_member.status) == (Order.Status.PAID, Order.Status.PAID)
