"""Tests for email messages that a mail server refuses, with a real SMTP server."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import emails
from accounts.models import AccountMail, User
from core.emails.addresses import format_address
from core.emails.outbox import MAX_ATTEMPTS
from orders.emails import queue, sending
from orders.models import Mail, Order
from orders.workflow.alerts import alert_staff
from tests.makers import make_paid_order, make_shipment
from tests.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db
Kind = Mail.Kind
REFUSED = "550 5.1.1 <guest@example.org>: user unknown"


@pytest.fixture
def smtp(settings: Any) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        for name, value in server.settings().items():
            setattr(settings, name, value)
        yield server


def send_again_and_again(row: Any) -> None:
    """Send all waiting email a few times, as reconcile does within hours."""
    for _ in range(3):
        sending.send_waiting()
        type(row).objects.update(tried_at=timezone.now() - timedelta(days=1))


def test_message_to_a_mailbox_that_does_not_exist_is_tried_once(
    smtp: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    smtp.answers["RCPT"] = REFUSED
    order = make_paid_order()
    row = queue.queue(order, Kind.CONFIRMATION)
    send_again_and_again(row)
    row = Mail.objects.get(kind=Kind.CONFIRMATION)
    assert (row.attempts, row.sent, bool(row.dropped), row.refusal) == (1, None, True, "550 5.1.1")
    assert f"orders.Mail {row.pk} could not be sent: 550 5.1.1" in caplog.text
    assert "guest@example.org" not in caplog.text
    assert "user unknown" not in caplog.text


@pytest.mark.slow
def test_confirmation_of_a_shop_with_a_comma_in_its_name_arrives(smtp: SmtpServer, settings: Any) -> None:
    settings.SITE_NAME = "Hearth, Clay & Co"
    settings.DEFAULT_FROM_EMAIL = format_address(settings.SITE_NAME, "shop@shop.example")
    assert sending.send(queue.queue(make_paid_order(), Kind.CONFIRMATION))
    message = message_from_bytes(smtp.deliveries[0].content, policy=policy.default)
    assert message["From"].addresses[0].display_name == "Hearth, Clay & Co"
    assert message["Subject"].endswith("at Hearth, Clay & Co")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["RCPT", "END"])
def test_message_refused_for_now_is_tried_again_until_it_arrives(smtp: SmtpServer, command: str) -> None:
    smtp.answers[command] = "451 4.7.1 try later"
    row = queue.queue(make_paid_order(), Kind.CONFIRMATION)
    send_again_and_again(row)
    row = Mail.objects.get(kind=Kind.CONFIRMATION)
    assert (row.attempts, row.dropped, row.refusal) == (3, None, "")
    del smtp.answers[command]
    assert sending.send_waiting() == 1
    assert smtp.deliveries[0].recipients == ["guest@example.org"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "answer"),
    [("CONNECT", "421 busy"), ("EHLO", "500 no"), ("MAIL", "550 5.7.1 no"), ("RCPT", "554 5.7.1 relay access denied")],
)
def test_message_refused_because_of_our_settings_stays_in_the_queue(
    smtp: SmtpServer, command: str, answer: str
) -> None:
    smtp.answers |= {command: answer} | ({"HELO": answer} if command == "EHLO" else {})
    row = queue.queue(make_paid_order(), Kind.CONFIRMATION)
    assert not sending.send(row)
    assert [row.pk for row in Mail.objects.unsent()] == [row.pk]


def test_staff_are_alerted_to_an_undeliverable_message_of_a_paid_order_once(smtp: SmtpServer) -> None:
    smtp.answers["RCPT"] = REFUSED
    order = make_paid_order()
    send_again_and_again(queue.queue(order, Kind.CONFIRMATION))
    order.refresh_from_db()
    assert order.attention == "The email “Order confirmed” could not be delivered to the shopper: 550 5.1.1"
    alerts = Mail.objects.filter(kind=Kind.ATTENTION)
    assert [(row.refusal, row.attempts) for row in alerts] == [("550 5.1.1", 1)]  # no alert about the alert


@pytest.mark.parametrize("kind", [Kind.NEW_ORDER, Kind.ATTENTION])
def test_undeliverable_message_to_staff_raises_no_alert(smtp: SmtpServer, kind: str) -> None:
    smtp.answers["RCPT"] = REFUSED
    order = make_paid_order()
    alert_staff(order, "Look") if kind == Kind.ATTENTION else queue.queue(order, kind)
    send_again_and_again(Mail(order=order))
    assert [row.refusal for row in Mail.objects.all()] == ["550 5.1.1"]


@pytest.mark.slow
def test_undeliverable_message_of_an_unpaid_order_raises_no_alert(smtp: SmtpServer) -> None:
    smtp.answers["RCPT"] = REFUSED
    order = make_paid_order(status=Order.Status.CANCELED)
    order.payments.update(status="failed")
    sending.send(queue.queue(order, Kind.CANCELED))
    assert [(row.kind, row.refusal) for row in Mail.objects.all()] == [(Kind.CANCELED, "550 5.1.1")]


@pytest.mark.slow
def test_alert_is_repeated_if_the_process_died_before_the_message_was_closed(smtp: SmtpServer) -> None:
    smtp.answers["RCPT"] = REFUSED
    order = make_paid_order()
    row = queue.queue(order, Kind.CONFIRMATION)
    sending.send(row)
    Mail.objects.filter(kind=Kind.CONFIRMATION).update(dropped=None, refusal="", tried_at=None)
    sending.send_waiting()
    assert Mail.objects.get(kind=Kind.CONFIRMATION).refusal == "550 5.1.1"
    assert order.events.filter(kind="told_staff").count() == 1


@pytest.mark.slow
def test_message_is_given_up_visibly_after_the_last_attempt(smtp: SmtpServer) -> None:
    smtp.answers["RCPT"] = "451 4.7.1 try later"
    order = make_paid_order()
    make_shipment(order)
    queue.queue(order, Kind.SHIPPED)
    Mail.objects.update(attempts=MAX_ATTEMPTS - 1)
    sending.send_waiting()
    assert Mail.objects.get(kind=Kind.SHIPPED).refusal == "451 4.7.1"
    order.refresh_from_db()
    assert "could not be delivered" in order.attention


@pytest.mark.slow
def test_account_email_to_a_mailbox_that_does_not_exist_is_tried_once(smtp: SmtpServer) -> None:
    smtp.answers["END"] = REFUSED
    user = User.objects.create_user("ann@example.org")
    row = AccountMail.objects.create(kind="verify", to=user.email, user=user)
    assert emails.send_due_emails(lambda user: False) == 0
    row.refresh_from_db()
    assert (row.attempts, bool(row.dropped), row.refusal) == (1, True, "550 5.1.1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        ("", {Kind.CONFIRMATION, Kind.NEW_ORDER, Kind.SHIPPED, Kind.REFUNDED}),
        ("waiting", {Kind.NEW_ORDER}),
        ("sent", {Kind.SHIPPED}),
        ("undeliverable", {Kind.CONFIRMATION}),
        ("not_needed", {Kind.REFUNDED}),
        ("nonsense", {Kind.CONFIRMATION, Kind.NEW_ORDER, Kind.SHIPPED, Kind.REFUNDED}),
    ],
)
def test_staff_filter_messages_by_what_became_of_them(admin_client: Client, choice: str, kinds: set[str]) -> None:
    order, now = make_paid_order(), timezone.now()
    states: dict[str, dict[str, Any]] = {
        Kind.CONFIRMATION: {"dropped": now, "refusal": "550 5.1.1"},
        Kind.NEW_ORDER: {},
        Kind.SHIPPED: {"sent": now},
        Kind.REFUNDED: {"dropped": now},
    }
    for kind, fields in states.items():
        Mail.objects.create(order=order, kind=kind, to=order.email, message_id=f"<{kind}>", **fields)
    page = admin_client.get(reverse("admin:orders_mail_changelist"), {"delivery": choice} if choice else {})
    assert {row.kind for row in page.context["cl"].result_list} == kinds
    assert ("550 5.1.1" in page.content.decode()) == (Kind.CONFIRMATION in kinds)
