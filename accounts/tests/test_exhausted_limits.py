"""Tests in which a stranger exhausts a limit of the accounts, and an honest person still gets in."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AccountMail, AccountMailQuerySet, TakenSignupQuerySet, User
from accounts.tests.mailbox import get_link, new_password_data, request_password_reset, send_due_emails
from tests.makers import PASSWORD, make_user
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
HERE, ELSEWHERE = "198.51.100.1", "203.0.113.9"
NEW = "an even longer walk"
ALICE, SIGNUP, LOGIN = "alice@example.org", "/accounts/signup/", "/accounts/login/"


def log_in(client: Client, password: str = PASSWORD, ip_address: str = HERE) -> int:
    answer = client.post(LOGIN, {"email": ALICE, "password": password}, REMOTE_ADDR=ip_address)
    return int(answer.status_code)


def sign_up(client: Client, email: str, ip_address: str = HERE) -> int:
    data = {"name": "Someone", "email": email, "password": "a long walk home"}
    return int(client.post(SIGNUP, data, REMOTE_ADDR=ip_address).status_code)


def set_password_with(client: Client, message: Any) -> None:
    """Set a new password through the link of this email."""
    page = client.get(get_link(message)).url
    assert client.post(page, new_password_data(NEW)).status_code == 302


# Emails that a stranger causes


def test_owner_uses_the_link_of_a_strangers_requests(client: Client, other_client: Client) -> None:
    make_user()
    for _ in range(AccountMailQuerySet.RECIPIENT_LIMIT + 3):
        request_password_reset(other_client, REMOTE_ADDR=ELSEWHERE)
    request_password_reset(client, REMOTE_ADDR=HERE)
    assert send_due_emails() == AccountMailQuerySet.RECIPIENT_LIMIT
    set_password_with(client, mail.outbox[-1])
    assert log_in(client, NEW) == 302


def test_owner_gets_a_link_although_a_stranger_has_exhausted_another_connection(
    client: Client, other_client: Client
) -> None:
    make_user()
    for number in range(AccountMailQuerySet.CLIENT_LIMIT + 3):
        request_password_reset(other_client, f"guess{number}@example.org", REMOTE_ADDR=ELSEWHERE)
    request_password_reset(client, REMOTE_ADDR=HERE)
    send_due_emails()
    set_password_with(client, mail.outbox[-1])
    assert log_in(client, NEW) == 302


def test_owner_of_an_email_gets_the_account_that_a_stranger_created_with_it(
    client: Client, other_client: Client
) -> None:
    assert sign_up(other_client, ALICE, ELSEWHERE) == 302
    for _ in range(AccountMailQuerySet.RECIPIENT_LIMIT):
        other_client.post("/accounts/verify/", REMOTE_ADDR=ELSEWHERE)
    assert sign_up(client, ALICE) == 200  # it says that there is an account
    request_password_reset(client, REMOTE_ADDR=HERE)
    send_due_emails()
    set_password_with(client, mail.outbox[-1])
    assert log_in(client, NEW) == 302
    assert ">Logout</button>" not in other_client.get("/").text


def test_shopper_signs_up_although_a_stranger_has_exhausted_the_emails_to_the_address(
    client: Client, other_client: Client
) -> None:
    sign_in(other_client, make_user("mallory@example.org"))
    form = {"password": PASSWORD}
    other_client.post("/accounts/email/", form | {"email": ALICE}, REMOTE_ADDR=ELSEWHERE)
    for _ in range(AccountMailQuerySet.RECIPIENT_LIMIT):
        other_client.post("/accounts/verify/", REMOTE_ADDR=ELSEWHERE)
    other_client.post("/accounts/email/", form | {"email": "mallory@example.org"}, REMOTE_ADDR=ELSEWHERE)
    assert sign_up(client, ALICE) == 302
    assert ">Logout</button>" in client.get("/").text


def test_stranger_cannot_exhaust_the_links_that_only_the_owner_requests(client: Client, other_client: Client) -> None:
    alice = make_user()
    for _ in range(AccountMailQuerySet.RECIPIENT_LIMIT + 3):
        request_password_reset(other_client, REMOTE_ADDR=ELSEWHERE)
        other_client.post("/accounts/guest/", {"email": ALICE}, REMOTE_ADDR=ELSEWHERE)
    sign_in(client, alice)
    client.post("/accounts/verify/", REMOTE_ADDR=HERE)
    assert AccountMail.objects.filter(kind="verify", to=ALICE).count() == 1


# Limits of an internet connection that a stranger shares


def test_stranger_who_exhausts_sign_ups_of_a_connection_keeps_nobody_else_out(
    client: Client, other_client: Client
) -> None:
    make_user()
    for _ in range(TakenSignupQuerySet.LIMIT + 1):
        status = sign_up(other_client, ALICE)
    assert (status, sign_up(Client(), "bob@example.org")) == (429, 429)
    assert sign_up(Client(), "bob@example.org", ELSEWHERE) == 302
    assert log_in(client) == 302
    assert Client().post("/accounts/guest/", {"email": "bob@example.org"}, REMOTE_ADDR=HERE).status_code == 302


@pytest.fixture
def exhausted_connection(settings: Any, client: Client) -> User:
    """Return a user who has signed in on `client`, after a stranger has used up the passwords of the connection."""
    alice = make_user()
    sign_in(client, alice)
    client.post("/accounts/logout/")
    settings.AXES_ENABLED, settings.AXES_FAILURE_LIMIT = True, 3
    statuses = []
    for email in [ALICE] * 3 + [f"guess{number}@example.org" for number in range(28)]:
        answer = Client().post(LOGIN, {"email": email, "password": "wrong"}, REMOTE_ADDR=HERE)
        statuses.append(answer.status_code)
    assert (statuses[2], statuses[-1]) == (429, 429)
    return alice


def test_owner_signs_in_on_a_known_device_behind_an_exhausted_connection(
    exhausted_connection: User, client: Client
) -> None:
    assert (log_in(Client()), log_in(client)) == (429, 302)


@pytest.mark.slow
def test_owner_signs_in_on_a_new_device_behind_an_exhausted_connection_through_a_reset_link(
    exhausted_connection: User, other_client: Client
) -> None:
    request_password_reset(other_client, REMOTE_ADDR=HERE)
    send_due_emails()
    set_password_with(other_client, mail.outbox[-1])
    assert log_in(other_client, NEW) == 302


def test_wrong_passwords_on_a_known_device_still_lock_it(exhausted_connection: User, client: Client) -> None:
    assert [log_in(client, "wrong") for _ in range(4)] == [200, 200, 429, 429]
    answer = client.post(LOGIN, {"email": ALICE, "password": PASSWORD}, REMOTE_ADDR=ELSEWHERE)
    assert "Too many wrong passwords were entered on this device." in answer.text
