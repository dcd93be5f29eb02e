"""Tests for "Find my order": the same answer for everybody, and a link by email for who owns the order."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as mailbox
from django.test import Client
from django.utils import timezone

from orders.bookkeeping.reconcile import send_emails
from orders.models import Order, OrderLinkMail
from tests.makers import make_paid_order, make_user
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
PATH = "/orders/find/"
ANSWER = "If an order with this number and email exists, we have sent a link to it to this email."


def find(client: Client, number: str, email: str = "guest@example.org", **extra: Any) -> str:
    """Submit the form. Return the text of the page that follows."""
    response = client.post(PATH, {"order_number": number, "email": email}, follow=True, **extra)
    return str(response.text)


def test_link_opens_the_order_of_a_guest(client: Client, other_client: Client) -> None:
    order = make_paid_order()
    assert ANSWER in find(client, f"#{order.order_id.lower()} ", "GUEST@example.org")
    assert send_emails() == 1
    [message] = mailbox.outbox
    assert message.to == ["guest@example.org"]
    [path] = set(re.findall(r"http://127\.0\.0\.1:8000(/orders/\S+)", str(message.body)))
    assert order.order_id in other_client.get(path, follow=True).text


@pytest.mark.parametrize(
    ("number", "email"),
    [("{}", "other@example.org"), ("UNKNOWN234", "guest@example.org"), ("{}X", "guest@example.org")],
)
def test_nothing_is_sent_for_another_number_or_email(client: Client, number: str, email: str) -> None:
    order = make_paid_order()
    assert ANSWER in find(client, number.format(order.order_id), email)
    send_emails()
    assert mailbox.outbox == []


@pytest.mark.parametrize("status", [Order.Status.OPEN])
def test_order_that_was_not_placed_is_not_found(client: Client, status: str) -> None:
    order = make_paid_order(status=status)
    find(client, order.order_id)
    send_emails()
    assert mailbox.outbox == []


def test_erased_order_is_not_found(client: Client) -> None:
    order = make_paid_order()
    order.billing_profile.__class__.objects.update(forgotten=timezone.now())
    find(client, order.order_id)
    send_emails()
    assert mailbox.outbox == []


def test_member_gets_a_link_without_a_key(client: Client) -> None:
    user = make_user("guest@example.org")
    order = make_paid_order()
    order.billing_profile.__class__.objects.filter(pk=order.billing_profile.pk).update(user=None)
    Order.objects.update(billing_profile=user.billing_profile)
    find(client, order.order_id)
    send_emails()
    assert "?key=" not in mailbox.outbox[0].body


def test_answer_and_queries_are_the_same_for_known_and_unknown_orders() -> None:
    order, results = make_paid_order(), []
    for number in (order.order_id, "UNKNOWN234"):
        visitor = Client()
        with count_queries() as queries:
            response = visitor.post(PATH, {"order_number": number, "email": "guest@example.org"})
        page = visitor.get(response["Location"]).text
        kinds = [" ".join(query.split()[:3]) for query in queries]
        results.append((response.status_code, response["Location"], kinds, number in page, ANSWER in page))
    assert results[0] == results[1]


def test_requests_are_limited_by_ip_address(client: Client) -> None:
    order = make_paid_order()
    for number in range(25):
        assert ANSWER in find(client, order.order_id, f"g{number}@example.org")
    assert OrderLinkMail.objects.count() == 20
    OrderLinkMail.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    find(client, order.order_id)
    assert OrderLinkMail.objects.count() == 21


def test_mailbox_gets_five_links_an_hour(client: Client) -> None:
    order = make_paid_order()
    for number in range(7):
        assert ANSWER in find(client, order.order_id, REMOTE_ADDR=f"192.0.2.{number}")
        send_emails()
    assert len(mailbox.outbox) == 5
    OrderLinkMail.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    find(client, order.order_id, REMOTE_ADDR="192.0.2.8")
    send_emails()
    assert len(mailbox.outbox) == 6


@pytest.mark.parametrize("is_sent_between", [True, False])
def test_stranger_who_guesses_numbers_does_not_use_up_the_limit_of_a_mailbox(
    client: Client, other_client: Client, is_sent_between: bool
) -> None:
    order = make_paid_order()
    for number in range(10):
        find(other_client, f"GUESS2345{number}", REMOTE_ADDR="198.51.100.1")
    if is_sent_between:
        send_emails()
    find(client, order.order_id)
    send_emails()
    assert len(mailbox.outbox) == 1


def test_late_request_is_not_answered(client: Client) -> None:
    order = make_paid_order()
    find(client, order.order_id)
    OrderLinkMail.objects.update(timestamp=timezone.now() - timedelta(hours=25))
    send_emails()
    assert mailbox.outbox == []


def test_form_is_linked_for_who_is_not_signed_in(client: Client) -> None:
    for path in ("/", "/accounts/login/", "/orders/"):
        assert f'href="{PATH}"' in client.get(path).text, path
