"""Tests for the contact page: the message reaches the shop, within limits, and tells nothing about people."""

from datetime import timedelta
from email.headerregistry import HeaderRegistry
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from core.contact.sending import send_due_emails
from core.models import ContactMail, Shop
from core.pages.models import Page
from core.pages.publishing import publish
from orders.workflow.erasure import Person, erase_person
from orders.workflow.personal_data import export_personal_data
from tests.makers import make_user

pytestmark = pytest.mark.django_db
MESSAGE = {"name": "Gia Guest", "email": "gia@example.org", "order_number": "1234", "message": "Is it blue?\n\nThanks"}


def send(client: Client, ip: str = "192.0.2.1", **changes: str) -> Any:
    return client.post("/contact/", MESSAGE | changes, follow=True, REMOTE_ADDR=ip)


def test_message_goes_to_the_shop_and_its_answer_to_the_sender(client: Client) -> None:
    Shop.objects.update_or_create(defaults={"name": "Clay", "email": "help@clay.example"})
    assert "Thank you for your message" in send(client).text
    assert mail.outbox == []
    assert send_due_emails() == 1
    [message] = mail.outbox
    assert message.to == ["help@clay.example"]
    assert message.reply_to == ["Gia Guest <gia@example.org>"]
    assert message.subject == "Message from Gia Guest"
    for text in (message.body, str(message.alternatives[0][0])):  # type: ignore[attr-defined]
        assert "Is it blue?" in text
        assert "1234" in text
        assert "gia@example.org" in text


def test_order_number_is_optional(client: Client) -> None:
    send(client, order_number="")
    send_due_emails()
    assert "Order number" not in mail.outbox[0].body


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Gia\r\nBcc: all@example.org"},
        {"name": "Gia\u2028Bcc: all@example.org"},
        {"email": "gia@example.org\nBcc: all@example.org"},
        {"email": '"gia x"@example.org'},
        {"email": "gia"},
        {"order_number": "1\r\n2"},
        {"order_number": "1" * 41},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"message": "x" * 4001},
        {"message": "a\x00b"},
        {"message": " "},
    ],
)
def test_invalid_message_is_rejected_with_an_error(client: Client, changes: dict[str, str]) -> None:
    page = send(client, **changes)
    assert page.status_code == 200
    assert "There is a problem" in page.text
    assert not ContactMail.objects.exists()


@pytest.mark.parametrize("name", ['Bo, "the" <x@evil.example>', "Jörg Müller", "a@b.example", '; \\ "'])
def test_name_never_changes_where_the_answer_goes(client: Client, name: str) -> None:
    send(client, name=name)
    assert send_due_emails() == 1
    header = HeaderRegistry()("Reply-To", str(mail.outbox[0].message()["Reply-To"]))
    assert [address.addr_spec for address in header.addresses] == ["gia@example.org"]  # type: ignore[attr-defined]


def test_message_can_be_as_long_as_the_page_says(client: Client) -> None:
    assert "Thank you" in send(client, message="x\n" * 1999 + "xx").text
    assert ContactMail.objects.count() == 1


def test_answer_is_the_same_for_known_and_unknown_people(client: Client, other_client: Client) -> None:
    make_user("alice@example.org")
    known, unknown = send(client, email="alice@example.org"), send(other_client, email="nobody@example.org")
    strip = [page.text.split("<main")[1].split("csrfmiddlewaretoken")[0] for page in (known, unknown)]
    assert strip[0] == strip[1]


# Limits


def test_eleventh_message_of_an_hour_is_rejected_and_keeps_the_input(client: Client) -> None:
    for number in range(10):
        assert send(client, message=f"Message {number}").status_code == 200
    page = send(client, message="One more")
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "3600"
    assert "Too many messages were sent from your internet connection" in page.text
    assert "One more" in page.text
    assert ContactMail.objects.count() == 10
    assert "Thank you" in send(client, ip="192.0.2.2", message="One more").text
    ContactMail.objects.update(timestamp=timezone.now() - timedelta(hours=1, seconds=1))
    assert "Thank you" in send(client, message="One more").text


def test_message_sent_twice_is_one_row(client: Client) -> None:
    for _press in range(12):
        assert "Thank you" in send(client).text
    assert ContactMail.objects.count() == 1


def test_ip_address_is_not_stored(client: Client) -> None:
    send(client)
    row = ContactMail.objects.values().get()
    assert "192.0.2.1" not in str(row)
    assert len(row["client"]) == 64


# Page


def test_form_is_there_with_and_without_a_contact_page(client: Client) -> None:
    assert "<h1>Contact</h1>" in client.get("/contact/").text
    page = Page.objects.create(kind="contact", slug="contact", title="Write", draft="We like to **hear** from you.")
    publish(page)
    shown = client.get("/contact/").text
    assert shown.count("<h1>") == 1
    assert shown.index("<strong>hear</strong>") < shown.index('name="message"')


def test_signed_in_people_find_their_name_and_email_in_the_form(client: Client) -> None:
    client.force_login(make_user("alice@example.org", name="Alice"))
    page = client.get("/contact/")
    assert 'value="alice@example.org"' in page.text
    assert 'value="Alice"' in page.text
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_rejected(client: Client, method: str) -> None:
    assert getattr(client, method)("/contact/").status_code == 405


# Personal data


def test_erasure_deletes_the_messages_of_this_person_only(client: Client) -> None:
    alice = make_user("alice@example.org")
    send(client, email="Alice@example.org")
    send(client, email="bob@example.org")
    assert [row["sender"] for row in export_personal_data(alice)["messages"]] == ["Alice@example.org"]
    erase_person(Person.of_user(User.objects.get(pk=alice.pk)))
    assert list(ContactMail.objects.values_list("sender", flat=True)) == ["bob@example.org"]


def test_sent_message_is_deleted_after_a_day_and_others_after_thirty(client: Client) -> None:
    for number in range(4):
        send(client, message=f"{number}")
    first, second, third, fourth = ContactMail.objects.order_by("pk")
    now = timezone.now()
    ages = [(first, 25, now), (second, 25, None), (third, 23, now), (fourth, 24 * 30 + 1, None)]
    for row, hours, sent in ages:
        ContactMail.objects.filter(pk=row.pk).update(timestamp=now - timedelta(hours=hours), sent=sent)
    assert set(ContactMail.objects.old()) == {first, fourth}
