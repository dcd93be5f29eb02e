"""Tests for emails about an order that staff send again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail as mailbox
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.emails import queue, sending, withdrawals
from orders.emails.resending import MAX_COPIES
from orders.models import Mail, Order, Withdrawal, WithdrawalMail
from orders.workflow import corrections
from orders.workflow.erasure import erase_order
from tests.makers import make_intact_order, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(3)]
COPY = "This is a copy of an email that we sent you before."


@pytest.fixture
def staff(client: Client) -> Client:
    """Return the client of a superuser."""
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def resend_url(order: Order) -> str:
    return reverse("admin:orders_order_resend", args=[order.pk])


def make_confirmed_order() -> Order:
    """Return a paid order whose confirmation was sent. The mailbox of the tests is empty."""
    order = make_intact_order()
    assert sending.send(queue.queue(order, Mail.Kind.CONFIRMATION))
    mailbox.outbox.clear()
    return order


def shown_forms(client: Client, order: Order) -> list[dict[str, str]]:
    """Return the data of each form on the page."""
    emails = client.get(resend_url(order)).context["emails"]
    return [{"email": email.key, "shown": str(len(email.rows))} for email in emails if not email.is_waiting]


def send_first_again(client: Client, order: Order) -> Any:
    return client.post(resend_url(order), shown_forms(client, order)[0], follow=True)


def copies(order: Order) -> int:
    return order.mails.filter(copy__gt=0).count()


def test_confirmation_is_sent_again_and_recorded(staff: Client) -> None:
    order = make_confirmed_order()
    page = send_first_again(staff, order)
    assert sending.send_waiting() == 1
    assert "“Order confirmed” will be sent to guest@example.org." in page.text
    assert [message.to for message in mailbox.outbox] == [["guest@example.org"]]
    event = order.events.last()
    assert event
    assert (event.display_text, event.by) == ("An email was sent again: Order confirmed", "boss@example.org")
    assert LogEntry.objects.get().get_change_message() == "Sent again: Order confirmed."


def test_copy_says_the_same_as_the_first_one_and_that_it_is_a_copy(staff: Client) -> None:
    order = make_intact_order()
    sending.send(queue.queue(order, Mail.Kind.CONFIRMATION))
    send_first_again(staff, order)
    sending.send_waiting()
    first, copy = (re.sub(r"key=\S+", "key", str(message.body)) for message in mailbox.outbox)
    assert COPY not in first
    assert copy == f"{COPY}\n\n{first}"


def test_copy_has_its_own_message_id(staff: Client) -> None:
    """Mail programs hide a second message with the same id."""
    order = make_confirmed_order()
    for _number in range(2):
        send_first_again(staff, order)
        sending.send_waiting()
    assert len(set(order.mails.values_list("message_id", flat=True))) == 3


def test_copy_goes_to_the_present_email_of_the_order(staff: Client) -> None:
    order = make_confirmed_order()
    corrections.correct_email(order, "gia@example.org", corrections.fingerprint(order.email), "boss")
    send_first_again(staff, order)
    sending.send_waiting()
    assert [message.to for message in mailbox.outbox] == [["gia@example.org"]]


def test_undeliverable_email_can_be_sent_again(staff: Client) -> None:
    order = make_confirmed_order()
    order.mails.update(sent=None, dropped=timezone.now(), refusal="550 5.1.1")
    send_first_again(staff, order)
    assert sending.send_waiting() == 1


def test_email_that_waits_is_not_sent_again(staff: Client) -> None:
    order = make_confirmed_order()
    [form] = shown_forms(staff, order)
    order.mails.update(sent=None)
    page = staff.post(resend_url(order), form, follow=True)
    assert "has not been sent yet" in page.text
    assert copies(order) == 0


def test_second_click_sends_nothing(staff: Client) -> None:
    order = make_confirmed_order()
    [form] = shown_forms(staff, order)
    staff.post(resend_url(order), form)
    sending.send_waiting()
    page = staff.post(resend_url(order), form, follow=True)
    assert "Somebody else has just sent this email again" in page.text
    assert copies(order) == 1


def test_emails_of_one_order_are_limited_by_the_hour(staff: Client) -> None:
    order = make_confirmed_order()
    for _number in range(MAX_COPIES):
        send_first_again(staff, order)
        sending.send_waiting()
    assert "Please try again later" in send_first_again(staff, order).text
    assert copies(order) == MAX_COPIES
    Mail.objects.update(timestamp=timezone.now() - timedelta(hours=2))
    send_first_again(staff, order)
    assert copies(order) == MAX_COPIES + 1


def test_emails_for_staff_are_not_listed(staff: Client) -> None:
    order = make_intact_order()
    sending.send(queue.queue(order, Mail.Kind.NEW_ORDER))
    assert shown_forms(staff, order) == []


def test_email_that_was_no_longer_true_is_not_listed(staff: Client) -> None:
    order = make_confirmed_order()
    order.mails.update(sent=None, dropped=timezone.now())
    assert shown_forms(staff, order) == []


def test_copy_does_not_record_the_confirmation_again(staff: Client) -> None:
    order = make_confirmed_order()
    send_first_again(staff, order)
    sending.send_waiting()
    assert order.events.filter(kind="mailed").count() == 1


@pytest.mark.parametrize("data", [{}, {"email": "mail-0", "shown": "1"}, {"email": "x" * 9999}, {"shown": "\0"}])
def test_hostile_form_sends_nothing(staff: Client, data: dict[str, str]) -> None:
    order = make_confirmed_order()
    page = staff.post(resend_url(order), data, follow=True)
    assert "cannot be sent again" in page.text
    assert copies(order) == 0


def test_email_of_another_order_is_not_sent(staff: Client) -> None:
    order, other = make_confirmed_order(), make_confirmed_order()
    staff.post(resend_url(order), shown_forms(staff, other)[0])
    assert (copies(order), copies(other)) == (0, 0)


def test_erased_order_gets_no_email(staff: Client) -> None:
    order = make_confirmed_order()
    [form] = shown_forms(staff, order)
    erase_order(order)
    assert "cannot be sent again" in staff.post(resend_url(order), form, follow=True).text
    assert shown_forms(staff, order) == []


def test_sending_again_needs_the_permission(client: Client) -> None:
    order = make_confirmed_order()
    client.force_login(make_user("packer@example.org", is_staff=True))
    assert [method(resend_url(order)).status_code for method in (client.get, client.post)] == [403, 403]


# Receipts of withdrawals


@pytest.fixture
def receipt(staff: Client) -> WithdrawalMail:
    """Return the receipt of a withdrawal that was sent to another address than the order has."""
    order = make_intact_order()
    withdrawal = Withdrawal.objects.create(
        order=order, is_whole_order=True, name="Gia", email="g@example.org", language="en", digest="1"
    )
    row: WithdrawalMail = WithdrawalMail.objects.create(
        withdrawal=withdrawal, kind=WithdrawalMail.Kind.RECEIPT, to=withdrawal.email, sent=timezone.now()
    )
    return row


def test_receipt_of_a_withdrawal_is_sent_again_to_the_email_of_the_order(
    staff: Client, receipt: WithdrawalMail
) -> None:
    order = receipt.withdrawal.order
    assert order
    send_first_again(staff, order)
    assert withdrawals.send_due_emails() == 1
    assert [message.to for message in mailbox.outbox] == [["guest@example.org"]]
    assert COPY in str(mailbox.outbox[0].body)
    assert receipt.withdrawal.number in str(mailbox.outbox[0].body)


def test_copy_of_a_receipt_does_not_count_towards_the_limit_of_shoppers(
    staff: Client, receipt: WithdrawalMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WithdrawalMail, "MAILBOX_LIMIT", 2)
    order = receipt.withdrawal.order
    assert order
    send_first_again(staff, order)
    WithdrawalMail.objects.update(to=receipt.to)
    assert WithdrawalMail.objects.count() == 2
    assert not WithdrawalMail.objects.is_at_limit(receipt.to, "-")
