"""The name and the e-mail of an account, changed by its owner."""

import pytest
from django.core import mail
from django.test import Client

from accounts.mails import send_waiting
from accounts.models import AccountMail, TakenSignupQuerySet, User
from ecommerce.tests.makers import PASSWORD, make_user
from ecommerce.tests.visitors import sign_in

pytestmark = pytest.mark.django_db
NAME, EMAIL = "/accounts/name/", "/accounts/email/"
NEW = {"email": "new@example.org", "password": PASSWORD}


@pytest.fixture
def alice(client: Client) -> User:
    """Signed in, with a proven e-mail."""
    user = make_user(name="Alice", email_verified="alice@example.org")
    sign_in(client, user)
    return user


@pytest.mark.parametrize("address", [NAME, EMAIL])
def test_details_are_for_who_is_signed_in(client: Client, address: str) -> None:
    assert client.get(address).url == f"/accounts/login/?next={address}"


def test_name_is_changed(client: Client, alice: User) -> None:
    assert "Your name has been changed." in client.post(NAME, {"name": "Ada"}, follow=True).text
    assert User.objects.get().name == "Ada"


def test_name_too_long_is_told_at_the_field(client: Client, alice: User) -> None:
    answer = client.post(NAME, {"name": "A" * 121})
    assert "Error:" in answer.text
    assert User.objects.get().name == "Alice"


def test_email_is_changed_and_has_to_be_proven_anew(client: Client, alice: User) -> None:
    client.post(EMAIL, NEW)
    user = User.objects.get()
    assert (user.email, user.billing_profile.email) == ("new@example.org", "new@example.org")
    assert not user.has_verified_email
    assert "new@example.org" in client.get("/accounts/profile/").text


def test_email_changed_is_told_to_both_addresses(client: Client, alice: User) -> None:
    client.post(EMAIL, NEW)
    assert send_waiting() == 2
    told, link = mail.outbox
    assert (told.to, link.to) == (["alice@example.org"], ["new@example.org"])
    assert "now has a different email" in told.body
    assert "new@example.org" not in told.body


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "The password is incorrect."),
        ({"email": "alice@example.org"}, "This is already your email."),
        ({"email": "BOB@example.org"}, "There is already an account with this email."),
        ({"email": "no address"}, "Enter a valid email address."),
        ({"email": "a@b\x00.org"}, "It contains a character that cannot be saved."),
    ],
)
def test_email_change_refused_says_why_and_changes_nothing(
    client: Client, alice: User, changes: dict[str, str], words: str
) -> None:
    make_user("bob@example.org")
    answer = client.post(EMAIL, NEW | changes)
    assert (words in answer.text, "Error:" in answer.text) == (True, True)
    assert User.objects.get(pk=alice.pk).email == "alice@example.org"
    assert not AccountMail.objects.exists()


def test_email_change_in_capitals_alone_is_taken(client: Client, alice: User) -> None:
    client.post(EMAIL, NEW | {"email": "Alice@example.org"})
    assert User.objects.get().email == "Alice@example.org"


def test_email_change_tells_no_more_than_ten_times_that_an_address_is_taken(client: Client, alice: User) -> None:
    make_user("bob@example.org")
    asked = [client.post(EMAIL, NEW | {"email": "bob@example.org"}) for _ in range(TakenSignupQuerySet.LIMIT + 1)]
    assert {answer.status_code for answer in asked[:-1]} == {200}
    assert asked[-1].status_code == 429
