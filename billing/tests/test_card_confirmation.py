"""Tests for cards while the limit of the whole shop is exceeded: an attack on it must not close the checkout."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from billing.abuse import confirmation
from billing.models import BillingProfile, Card, CardAttempt, CardMail, Rate, RateCounter
from core.http import client_key
from orders.bookkeeping.reconcile import send_emails
from orders.models import Order
from orders.workflow.erasure import erase_person
from orders.workflow.erasure.person import Person
from stripe_simulator.server import Simulator
from tests.makers import add_card, add_to_cart, make_product, make_user, place_order, submit_details

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
LINK_PAGE = "billing:card_link"


@pytest.fixture(autouse=True)
def exceeded(settings: Any) -> None:
    """Exceed the limit of the shop: three cards of others were declined."""
    settings.CARD_TRIES = {"profile": 10, "session": 10, "address": 30, "shop": 3, "no_order": 3}
    settings.STAFF_EMAIL = "staff@example.org"
    profile = BillingProfile.objects.create(email="others@example.org")
    CardAttempt.objects.bulk_create(
        CardAttempt(billing_profile=profile, kind="add", ok=False, address=str(number)) for number in range(3)
    )


def guest(email: str = "gia@example.org", address: str = "192.0.2.1") -> Client:
    """Return the client of a guest with an order to place."""
    client = Client(REMOTE_ADDR=address)
    add_to_cart(client, make_product())
    submit_details(client, email)
    return client


def request_link(client: Client) -> Any:
    return client.post(reverse(LINK_PAGE), {"order": Order.objects.latest("pk").order_id})


def emailed_path() -> str:
    """Send the emails that are due, and return the path of the link in the newest one to a guest."""
    send_emails()
    body = next(str(message.body) for message in reversed(mail.outbox) if message.to != ["staff@example.org"])
    found = re.search(r"http://\S+?(/billing/card-link/\S+)", body)
    assert found
    return found[1]


def three_d_secure_options(simulator: Simulator) -> list[Any]:
    return [
        params.get("payment_method_options")
        for _method, path, params, _key in simulator.requests
        if path.endswith("/confirm") and "payment_intents" in path
    ]


# Guests


def test_new_card_of_a_guest_is_rejected_with_a_link_to_the_next_step(simulator: Simulator) -> None:
    client = guest()
    response = add_card(client)
    order = Order.objects.get()
    assert response.status_code == 429
    assert "new cards need a confirmed email address" in response.json()["error"]
    assert response.json()["link"]["url"] == f"{reverse(LINK_PAGE)}?order={order.order_id}"
    assert not any(path.endswith("/sources") for _method, path, _params, _key in simulator.requests)
    assert "Email me a link to continue" in client.get(response.json()["link"]["url"]).text


def test_guest_who_follows_the_emailed_link_in_another_browser_buys(simulator: Simulator) -> None:
    client = guest()
    page = client.get(request_link(client).url)
    assert "We have sent a link to gia@example.org." in page.text
    other = Client(REMOTE_ADDR="198.51.100.7")
    path = emailed_path()
    assert "Yes, continue my order" in other.get(path).text
    assert "Go back to the browser" in other.post(path, follow=True).text
    placed = place_order(client, add_card(client).json()["card"])
    order = Order.objects.get()
    assert (placed.url, order.status) == (order.get_absolute_url(), Order.Status.PLACED)
    assert three_d_secure_options(simulator) == [{"card": {"request_three_d_secure": "any"}}]
    simulator.complete_3d_secure(order.payment_intent_id or "", succeed=True)
    client.get(order.get_absolute_url())
    order.refresh_from_db()
    assert order.status == Order.Status.PAID
    assert CardAttempt.objects.filter(must_authenticate=True).count() == 2


def test_link_in_the_same_browser_leads_back_to_the_checkout(simulator: Simulator) -> None:
    client = guest()
    request_link(client)
    assert f'href="{reverse(LINK_PAGE)}?order=' in client.post(emailed_path(), follow=True).text
    page = client.get(reverse(LINK_PAGE), {"order": Order.objects.get().order_id})
    assert f'href="{reverse("carts:checkout")}"' in page.text
    assert "You can pay with a new card now." in page.text


def test_opening_the_link_confirms_nothing(simulator: Simulator) -> None:
    client = guest()
    request_link(client)
    path = emailed_path()
    for _scanner in range(3):
        assert Client().get(path).status_code == 200
    assert CardMail.objects.get(kind="link").used is None
    assert add_card(client).status_code == 429


def test_link_shows_nothing_of_the_guest(simulator: Simulator) -> None:
    request_link(guest())
    page = Client().get(emailed_path())
    assert not [text for text in ("gia@", "Gia", "High Street", Order.objects.get().order_id) if text in page.text]


def test_link_confirms_only_the_session_that_requested_it(simulator: Simulator) -> None:
    client, thief = guest(), guest()
    order = Order.objects.order_by("pk").first()
    assert order
    assert client.post(reverse(LINK_PAGE), {"order": order.order_id}).status_code == 302
    Client().post(emailed_path())
    assert (add_card(client).status_code, add_card(thief).status_code) == (200, 429)


def test_stranger_cannot_request_a_link_for_an_order(simulator: Simulator) -> None:
    guest()
    response = Client().post(reverse(LINK_PAGE), {"order": Order.objects.get().order_id})
    assert (response.url, CardMail.objects.filter(kind="link").exists()) == (reverse("carts:home"), False)


@pytest.mark.parametrize("change", ["late", "email", "tampered", "canceled"])
def test_link_that_does_not_apply_any_more_is_rejected(simulator: Simulator, change: str) -> None:
    client = guest()
    request_link(client)
    path = emailed_path()
    with pytest.MonkeyPatch.context() as patch:
        if change == "late":
            patch.setattr(CardMail, "LINK_VALID_FOR", timedelta(seconds=-1))
        elif change == "email":
            submit_details(client, "other@example.org")
        elif change == "tampered":
            path = path[:-2] + "x/"
        else:
            Order.objects.update(status=Order.Status.CANCELED)
        assert Client().post(path).status_code == 404
    assert CardMail.objects.get(kind="link").used is None


def test_confirmation_ends_with_another_email_address_and_after_a_day(simulator: Simulator) -> None:
    client = guest()
    request_link(client)
    Client().post(emailed_path())
    submit_details(client, "other@example.org")
    assert add_card(client).status_code == 429
    submit_details(client, "gia@example.org")
    assert add_card(client).status_code == 200
    CardMail.objects.update(used=timezone.now() - CardMail.CONFIRMED_FOR)
    assert add_card(client, "tok_mastercard").status_code == 429


def test_visitor_limits_apply_to_a_confirmed_guest(simulator: Simulator) -> None:
    client = guest()
    request_link(client)
    Client().post(emailed_path())
    statuses = [add_card(client, "tok_chargeDeclined").status_code for _number in range(12)]
    assert statuses == [402] * 10 + [429] * 2


def test_card_entered_before_the_attack_needs_confirmation_to_pay(simulator: Simulator, settings: Any) -> None:
    client = guest()
    settings.CARD_TRIES = settings.CARD_TRIES | {"shop": 200}
    card = add_card(client).json()["card"]
    settings.CARD_TRIES = settings.CARD_TRIES | {"shop": 3}
    page = place_order(client, card)
    assert (page.status_code, Order.objects.get().status) == (429, Order.Status.OPEN)
    assert f'href="{reverse(LINK_PAGE)}?order={Order.objects.get().order_id}"' in page.text
    request_link(client)
    Client().post(emailed_path())
    assert place_order(client, card).url == Order.objects.get().get_absolute_url()


def test_guest_without_an_order_is_sent_to_the_checkout(simulator: Simulator) -> None:
    client = Client()
    client.post("/accounts/guest/", {"email": "gia@example.org"})
    assert add_card(client).json()["link"]["url"] == reverse("carts:checkout")
    assert client.get(reverse(LINK_PAGE)).url == reverse("carts:home")


# Users


def member(**fields: Any) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.2")
    client.force_login(make_user("mia@example.org", **fields))
    add_to_cart(client, make_product())
    submit_details(client)
    return client


def test_new_user_with_a_verified_email_buys(simulator: Simulator) -> None:
    client = member(email_verified="mia@example.org")
    place_order(client, add_card(client).json()["card"])
    assert three_d_secure_options(simulator) == [{"card": {"request_three_d_secure": "any"}}]
    assert Order.objects.get().payments.get().status == "requires_action"


def test_user_without_a_verified_email_gets_a_link_to_verify_it_and_buys(simulator: Simulator) -> None:
    client = member()
    rejected = add_card(client)
    assert rejected.status_code == 429
    page = client.get(rejected.json()["link"]["url"])
    assert f'action="{reverse("accounts:verify_request")}"' in page.text
    assert "mia@example.org" in page.text
    client.post(reverse("accounts:verify_request"))
    send_emails()
    body = next(str(message.body) for message in mail.outbox if message.to == ["mia@example.org"])
    found = re.search(r"http://\S+?(/accounts/verify/\S+)", body)
    assert found
    client.post(found[1])
    assert add_card(client).status_code == 200


def test_old_account_without_a_verified_email_cannot_enter_new_cards(simulator: Simulator) -> None:
    client = member()
    BillingProfile.objects.update(timestamp=timezone.now() - timedelta(days=30))
    assert add_card(client).status_code == 429


def test_card_saved_before_pays_without_confirmation_but_with_3d_secure(simulator: Simulator, settings: Any) -> None:
    client = member()
    settings.CARD_TRIES = settings.CARD_TRIES | {"shop": 200}
    card = add_card(client, save="1").json()["card"]
    settings.CARD_TRIES = settings.CARD_TRIES | {"shop": 3}
    assert place_order(client, card).status_code == 429
    Card.objects.update(is_saved=True, timestamp=timezone.now() - timedelta(hours=2))
    assert place_order(client, card).status_code == 302
    assert three_d_secure_options(simulator) == [{"card": {"request_three_d_secure": "any"}}]


def test_payment_below_the_limit_asks_for_no_3d_secure(simulator: Simulator) -> None:
    CardAttempt.objects.all().delete()
    client = guest()
    assert place_order(client, add_card(client).json()["card"]).url == reverse("carts:success")
    assert three_d_secure_options(simulator) == [None]


# The emails


@pytest.mark.slow
def test_session_can_request_three_links_an_hour(simulator: Simulator) -> None:
    client = guest()
    responses = [request_link(client) for _press in range(5)]
    assert [response.status_code for response in responses] == [302] * 3 + [429] * 2
    assert "We have already sent several links." in responses[-1].text
    assert int(responses[-1].headers["Retry-After"]) > 0
    assert CardMail.objects.filter(kind="link").count() == 3


def test_recipient_gets_at_most_five_links_an_hour_and_others_still_get_theirs(simulator: Simulator) -> None:
    for number in range(4):
        attacker = guest("victim@example.org", f"192.0.2.{number}")
        for _press in range(3):
            request_link(attacker)
    assert CardMail.objects.filter(kind="link").count() == confirmation.EMAILS_PER_RECIPIENT
    client = guest("honest@example.org", "198.51.100.7")
    request_link(client)
    Client().post(emailed_path())
    assert add_card(client).status_code == 200


def test_ip_address_can_request_twenty_links_an_hour_and_others_still_get_theirs(simulator: Simulator) -> None:
    key = f"card-mail-ip:{client_key(RequestFactory(REMOTE_ADDR='192.0.2.1').get('/'))}"
    RateCounter.objects.take({key: Rate(20, confirmation.HOUR)}, 20)
    assert request_link(guest()).status_code == 429
    client = guest("honest@example.org", "198.51.100.7")
    request_link(client)
    Client().post(emailed_path())
    assert add_card(client).status_code == 200


def test_email_of_a_link_is_not_sent_when_it_would_not_work(simulator: Simulator) -> None:
    client = guest()
    request_link(client)
    submit_details(client, "other@example.org")
    send_emails()
    assert (CardMail.objects.get(kind="link").sent, mail.outbox) == (None, [])


def test_erasure_deletes_the_emails_about_cards(simulator: Simulator) -> None:
    client = guest()
    request_link(client)
    profile = BillingProfile.objects.get(email="gia@example.org")
    erase_person(Person.of_guest([profile.pk]))
    assert not CardMail.objects.filter(kind="link").exists()


# The alert


def test_staff_are_told_once_an_hour(simulator: Simulator) -> None:
    for number in range(3):
        add_card(guest(address=f"192.0.2.{number}"))
    assert send_emails() == 1
    assert mail.outbox[0].to == ["staff@example.org"]
    assert "In the last hour, cards were declined: 3, accepted: 0." in str(mail.outbox[0].body)
    assert "/admin/billing/cardattempt/" in str(mail.outbox[0].body)
    for minutes, expected in ((59, 1), (61, 2)):
        earlier = timezone.now() - timedelta(minutes=minutes)
        CardMail.objects.filter(kind="alert").update(timestamp=earlier, about="earlier")
        add_card(guest())
        assert CardMail.objects.filter(kind="alert").count() == expected


def test_shop_without_a_staff_address_gets_no_alert(simulator: Simulator, settings: Any) -> None:
    settings.STAFF_EMAIL = ""
    assert add_card(guest()).status_code == 429
    assert not CardMail.objects.exists()
