"""Tests for changing the name and the email address of an account."""

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AccountMail, TakenSignupQuerySet, User
from accounts.tests.mailbox import send_due_emails
from tests.makers import PASSWORD, make_user
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
NAME, EMAIL = "/accounts/name/", "/accounts/email/"
NEW = {"email": "new@example.org", "password": PASSWORD}


@pytest.fixture
def alice(client: Client) -> User:
    """Return a signed-in user with a verified email address."""
    user = make_user(name="Alice", email_verified="alice@example.org")
    sign_in(client, user)
    return user


@pytest.mark.parametrize("url", [NAME, EMAIL])
def test_details_pages_require_login(client: Client, url: str) -> None:
    assert client.get(url).url == f"/accounts/login/?next={url}"


def test_name_change_saves_name(client: Client, alice: User) -> None:
    assert "Your name has been changed." in client.post(NAME, {"name": "Ada"}, follow=True).text
    assert User.objects.get().name == "Ada"


def test_name_change_rejects_too_long_name(client: Client, alice: User) -> None:
    response = client.post(NAME, {"name": "A" * 121})
    assert "Error:" in response.text
    assert User.objects.get().name == "Alice"


def test_email_change_requires_new_verification(client: Client, alice: User) -> None:
    client.post(EMAIL, NEW)
    user = User.objects.get()
    assert (user.email, user.billing_profile.email) == ("new@example.org", "new@example.org")
    assert not user.has_verified_email
    assert "new@example.org" in client.get("/accounts/profile/").text


def test_email_change_notifies_both_email_addresses(client: Client, alice: User) -> None:
    client.post(EMAIL, NEW)
    assert send_due_emails() == 2
    notification, verification = mail.outbox
    assert (notification.to, verification.to) == (["alice@example.org"], ["new@example.org"])
    assert "now has a different email" in notification.body
    assert "new@example.org" not in notification.body


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"password": "wrong"}, "The password is incorrect."),
        ({"email": "alice@example.org"}, "This is already your email."),
        ({"email": "BOB@example.org"}, "There is already an account with this email."),
        ({"email": "no address"}, "Enter a valid email address."),
        ({"email": "a@b\x00.org"}, "It contains a character that cannot be saved."),
    ],
)
def test_email_change_rejects_bad_input_with_message(
    client: Client, alice: User, changes: dict[str, str], message: str
) -> None:
    make_user("bob@example.org")
    response = client.post(EMAIL, NEW | changes)
    assert (message in response.text, "Error:" in response.text) == (True, True)
    assert User.objects.get(pk=alice.pk).email == "alice@example.org"
    assert not AccountMail.objects.exists()


def test_email_change_accepts_change_of_case(client: Client, alice: User) -> None:
    client.post(EMAIL, NEW | {"email": "Alice@example.org"})
    assert User.objects.get().email == "Alice@example.org"


@pytest.mark.slow
def test_email_change_limits_attempts_with_taken_email(client: Client, alice: User) -> None:
    make_user("bob@example.org")
    responses = [client.post(EMAIL, NEW | {"email": "bob@example.org"}) for _ in range(TakenSignupQuerySet.LIMIT + 1)]
    assert {response.status_code for response in responses[:-1]} == {200}
    assert responses[-1].status_code == 429
