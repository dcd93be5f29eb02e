"""Tests for names and addresses in email headers, with a real SMTP server."""

from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.emails.addresses import PLAIN_EMAIL, format_address, is_email_address, parse_address
from core.emails.messages import build_email
from tests.smtp_server import SmtpServer

NAMES = [
    "Hearth, Clay & Co", 'The "Best" Mugs', "Back\\slash", "Müller, Söhne & Co", "Töpferei 🏺", "<b>Mugs</b>",
    "mugs@home; and: more", "(Mugs)", "陶器の店、東京", "Long name, " + "with many words " * 5 + "at the end",
]  # fmt: skip
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=100)


def send(server: SmtpServer, django_settings: Any, sender: str) -> Any:
    """Send a message with this From header over SMTP. Return the parsed header, as a mail program reads it."""
    for name, value in server.settings().items():
        setattr(django_settings, name, value)
    assert EmailMessage("Hello", "Good day", sender, ["ann@example.org"]).send() == 1
    [delivery] = server.deliveries
    assert (delivery.sender, delivery.recipients) == ("shop@shop.example", ["ann@example.org"])
    return message_from_bytes(delivery.content, policy=policy.default)["From"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", NAMES)
def test_sender_with_any_name_arrives_over_smtp(settings: Any, name: str) -> None:
    with SmtpServer() as server:
        [address] = send(server, settings, format_address(name, "shop@shop.example")).addresses
    assert (address.display_name, address.addr_spec) == (name, "shop@shop.example")


def test_shop_name_with_a_line_break_adds_no_header(settings: Any) -> None:
    with SmtpServer() as server:
        header = send(server, settings, format_address("Mugs\r\nBcc: all@example.org", "shop@shop.example"))
        assert b"\nBcc:" not in server.deliveries[0].content
    assert header.addresses[0].display_name == "Mugs Bcc: all@example.org"


@pytest.mark.slow
@pytest.mark.django_db
def test_email_of_a_shop_with_a_comma_in_its_name_arrives_over_smtp(settings: Any) -> None:
    settings.SITE_NAME, settings.SUPPORT_EMAIL = "Hearth, Clay & Co", "help@shop.example"
    settings.DEFAULT_FROM_EMAIL = format_address(settings.SITE_NAME, "shop@shop.example")
    context = {"url": "http://127.0.0.1/", "email": "ann@example.org"}
    subject = f"Welcome to {settings.SITE_NAME}\nBcc: all@example.org"
    with SmtpServer() as server:
        for name, value in server.settings().items():
            setattr(settings, name, value)
        build_email("accounts/emails/verify", subject, "ann@example.org", "<1@shop.example>", context).send()
        message = message_from_bytes(server.deliveries[0].content, policy=policy.default)
    assert message["Subject"] == "Welcome to Hearth, Clay & Co Bcc: all@example.org"
    assert (message["From"].addresses[0].display_name, message["Bcc"]) == ("Hearth, Clay & Co", None)
    assert [address.addr_spec for address in message["Reply-To"].addresses] == ["help@shop.example"]


@pytest.mark.slow
@given(name=PRINTABLE)
@example(name='"')
@example(name="\\")
@settings(deadline=None)
def test_formatted_address_is_parsed_as_the_same_name_and_address(name: str) -> None:
    header = format_address(name, "shop@shop.example")
    message = EmailMessage("Hello", "Good day", header, ["ann@example.org"]).message()
    [address] = message_from_bytes(message.as_bytes(), policy=policy.default)["From"].addresses
    if "=?" not in name:  # a mail program decodes such a name, also if it is plain text
        assert address.display_name == " ".join(name.split())
    assert address.addr_spec == "shop@shop.example"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("shop@shop.example", ("", "shop@shop.example")),
        ("<shop@shop.example>", ("", "shop@shop.example")),
        ("Hearth, Clay & Co <shop@shop.example>", ("Hearth, Clay & Co", "shop@shop.example")),
        ('"Hearth, Clay & Co" <shop@shop.example>', ("Hearth, Clay & Co", "shop@shop.example")),
        (r'"Say \"Hi\" \\ bye" <shop@shop.example>', ('Say "Hi" \\ bye', "shop@shop.example")),
        ("Müller <shop@müller.example>", ("Müller", "shop@müller.example")),
    ],
)
def test_address_is_parsed_with_or_without_a_name(text: str, parts: tuple[str, str]) -> None:
    assert parse_address(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "", "shop", "shop@", "@shop.example", "Shop <>", "Shop <shop>", "a@shop.example, b@shop.example",
        "a@shop.example <b@shop.example>", "A <a@shop.example>, B <b@shop.example>", "Shop <a@b@shop.example>",
        "Shop\nBcc: x <shop@shop.example>", "shop@shop.example\n", "Shop <shop@shop.example> x", '"a b"@shop.example',
    ],
)  # fmt: skip
def test_anything_but_one_address_is_rejected(text: str) -> None:
    if text.endswith("\n"):
        assert not is_email_address(text)
    else:
        with pytest.raises(ValueError, match="address"):
            parse_address(text)


@given(st.from_regex(PLAIN_EMAIL, fullmatch=True).filter(lambda text: len(text) <= 254))
@settings(max_examples=25, deadline=None)
def test_validator_accepts_all_plain_addresses(text: str) -> None:
    validate_email(text)
