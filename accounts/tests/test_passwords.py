"""Tests for resetting and changing passwords."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import AccountMail, User
from accounts.tests.mailbox import new_password_data, open_reset_link, request_password_reset, send_and_get_link
from tests.makers import PASSWORD, make_user
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
RESET, CHANGE = "/accounts/password-reset/", "/accounts/password-change/"
NEW = "an even longer walk"
INVALID_LINK = "This link does not work"


@pytest.fixture
def alice() -> User:
    return make_user(name="Alice")


def is_signed_in(client: Client) -> bool:
    return ">Logout</button>" in client.get("/").text


def can_log_in(password: str, email: str = "alice@example.org") -> bool:
    client = Client()
    client.post("/accounts/login/", {"email": email, "password": password})
    return is_signed_in(client)


def change_password(client: Client, old: str = PASSWORD, new: str = NEW, again: str | None = None) -> Any:
    return client.post(CHANGE, {"old_password": old} | new_password_data(new, again))


# Reset


def test_reset_through_emailed_link_sets_new_password(client: Client, alice: User) -> None:
    page = open_reset_link(client)
    assert "Choose a new password" in client.get(page).text
    response = client.post(page, new_password_data(NEW))
    assert response.url == "/accounts/login/"
    assert "Your password has been changed. Log in with the new one." in client.get(response.url).text
    assert (can_log_in(NEW), can_log_in(PASSWORD)) == (True, False)


def test_reset_is_offered_on_login_page(client: Client) -> None:
    assert f'href="{RESET}"' in client.get("/accounts/login/").text
    assert "Send me a link" in client.get(RESET).text


def test_reset_request_only_queues_email(client: Client, alice: User) -> None:
    assert request_password_reset(client).url == "/accounts/login/"
    assert (mail.outbox, AccountMail.objects.get().attempts) == ([], 0)


def test_reset_email_goes_to_stored_email_address(client: Client, alice: User) -> None:
    request_password_reset(client, "ALICE@Example.org")
    send_and_get_link()
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]


@pytest.mark.parametrize(
    "email", ["al\u0131ce@example.org", "alice@example.org\x00", "alice", "", "a" * 250 + "@b.org"]
)
def test_reset_for_lookalike_or_invalid_email_reaches_no_one_else(client: Client, alice: User, email: str) -> None:
    request_password_reset(client, email)
    AccountMail.objects.update(tried_at=None)
    assert {to for message in mail.outbox for to in message.to} <= {alice.email}


def test_reset_link_ignores_host_header(client: Client, alice: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    request_password_reset(client, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    send_and_get_link()
    assert "evil.example" not in mail.outbox[-1].body + mail.outbox[-1].alternatives[0].content


def test_reset_token_moves_into_session(client: Client, alice: User) -> None:
    request_password_reset(client)
    link = send_and_get_link()
    response = client.get(link)
    token = link.rstrip("/").split("/")[-1]
    assert token not in response.url
    assert token not in client.get(response.url).text


def test_reset_link_get_changes_nothing(client: Client, alice: User) -> None:
    client.get(open_reset_link(client))
    assert can_log_in(PASSWORD)


@pytest.mark.slow
def test_reset_link_works_once(client: Client, other_client: Client, alice: User) -> None:
    request_password_reset(client)
    link = send_and_get_link()
    page = client.get(link).url
    other_page = other_client.get(link).url
    client.post(page, new_password_data(NEW))
    for response in (
        client.get(link),
        client.get(page),
        other_client.post(other_page, new_password_data("stolen password")),
    ):
        assert (response.status_code, INVALID_LINK in response.text) == (404, True)
    assert can_log_in(NEW)


def test_reset_link_expires_after_one_hour(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    request_password_reset(client)
    link = send_and_get_link()
    later = default_token_generator._now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr(default_token_generator, "_now", lambda: later)
    assert INVALID_LINK in client.get(link).text


@pytest.mark.parametrize("change", [{"email": "new@example.org"}, {"is_active": False}, {"last_login": timezone.now()}])
def test_reset_link_is_invalid_after_account_change(client: Client, alice: User, change: dict) -> None:
    request_password_reset(client)
    link = send_and_get_link()
    User.objects.update(**change)
    assert client.get(link).status_code == 404


@pytest.mark.parametrize("part", [0, 1, 2])
def test_reset_link_rejects_tampering(client: Client, alice: User, part: int) -> None:
    bob = make_user("bob@example.org")
    uid, bob_uid = (urlsafe_base64_encode(force_bytes(user.pk)) for user in (alice, bob))
    token = default_token_generator.make_token(alice)
    link = [f"{RESET}{bob_uid}/{token}/", f"{RESET}{uid}/{token[:-1]}!/", f"{RESET}{uid}/set-password/"][part]
    response = client.post(link, new_password_data(NEW))
    assert (response.status_code, can_log_in(NEW), can_log_in(NEW, bob.email)) == (404, False, False)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("uid", ["x", "MTE5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "AA", "4pyT", "_-", "=" * 900])
@pytest.mark.sampled(3)
@pytest.mark.parametrize("token", ["x-y", "set-password", "\u00e9-1", "zzzzzzzzzzzzzz-" + "0" * 32, "-" * 900])
def test_reset_link_rejects_made_up_values(client: Client, uid: str, token: str) -> None:
    assert client.get(f"{RESET}{uid}/{token}/").status_code == 404


def test_reset_started_for_one_user_does_not_work_for_another(client: Client, alice: User) -> None:
    charlie = make_user("charlie@example.org")
    open_reset_link(client, charlie.email)
    alice_uid = urlsafe_base64_encode(force_bytes(alice.pk))
    response = client.post(f"{RESET}{alice_uid}/set-password/", new_password_data(NEW))
    assert (response.status_code, can_log_in(NEW), can_log_in(PASSWORD)) == (404, False, True)


def test_reset_ends_all_sessions(client: Client, other_client: Client, alice: User) -> None:
    sign_in(other_client, alice)
    assert is_signed_in(other_client)
    client.post(open_reset_link(client), new_password_data(NEW))
    assert not is_signed_in(other_client)


def test_reset_does_not_sign_in(client: Client, alice: User) -> None:
    client.post(open_reset_link(client), new_password_data(NEW))
    assert not is_signed_in(client)


def test_reset_verifies_email(client: Client, alice: User) -> None:
    client.post(open_reset_link(client), new_password_data(NEW))
    assert User.objects.get().has_verified_email


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (new_password_data("short"), "too short"),
        (new_password_data("password"), "too common"),
        (new_password_data("alice@example.org"), "too similar"),
        (new_password_data(NEW, "another"), "match"),
        (new_password_data("x" * 129), "at most 128"),
        (new_password_data(""), "Please fill in: New password."),
    ],
)
def test_reset_rejects_bad_password_with_message(
    client: Client, alice: User, form: dict[str, str], message: str
) -> None:
    response = client.post(open_reset_link(client), form)
    assert (message in response.text, "<title>Error: " in response.text) == (True, True)
    assert can_log_in(PASSWORD)


def test_reset_for_account_without_password_sends_nothing(client: Client) -> None:
    User.objects.create_user("alice@example.org")
    request_password_reset(client)
    assert (mail.outbox, can_log_in("")) == ([], False)


# Change


@pytest.mark.slow
def test_change_sets_new_password_and_keeps_session(client: Client, alice: User) -> None:
    sign_in(client, alice)
    response = change_password(client)
    assert response.url == "/accounts/profile/"
    assert "Your password has been changed. Other devices have been logged out." in client.get(response.url).text
    assert (is_signed_in(client), can_log_in(NEW), can_log_in(PASSWORD)) == (True, True, False)


def test_change_ends_all_other_sessions(client: Client, other_client: Client, alice: User) -> None:
    sign_in(client, alice)
    sign_in(other_client, alice)
    change_password(client)
    assert (is_signed_in(client), is_signed_in(other_client)) == (True, False)


def test_change_rotates_session_key(client: Client, alice: User) -> None:
    sign_in(client, alice)
    before = client.session.session_key
    change_password(client)
    assert client.session.session_key != before


def test_change_invalidates_reset_link(client: Client, other_client: Client, alice: User) -> None:
    sign_in(client, alice)
    request_password_reset(other_client)
    link = send_and_get_link()
    change_password(client)
    assert other_client.get(link).status_code == 404


@pytest.mark.parametrize("old", ["wrong", "", PASSWORD + "\x00", "x" * 5000])
def test_change_rejects_wrong_old_password(client: Client, alice: User, old: str) -> None:
    sign_in(client, alice)
    assert "There is a problem" in change_password(client, old).text
    assert (can_log_in(NEW), can_log_in(PASSWORD)) == (False, True)


def test_change_requires_login(client: Client, alice: User) -> None:
    response = change_password(client)
    assert response.url == "/accounts/login/?next=/accounts/password-change/"
    assert can_log_in(PASSWORD)


def test_change_affects_only_signed_in_user(client: Client, alice: User) -> None:
    sign_in(client, make_user("charlie@example.org"))
    client.post(CHANGE, {"old_password": PASSWORD, "user": alice.pk, "id": alice.pk} | new_password_data(NEW))
    assert (can_log_in(NEW, "charlie@example.org"), can_log_in(NEW)) == (True, False)


def test_passwords_are_not_shown_again(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert "Tr0ub4dor" not in change_password(client, "Tr0ub4dor-old", "Tr0ub4dor-new", "Tr0ub4dor-other").text


@pytest.mark.slow
def test_password_pages_are_not_cached(client: Client, alice: User) -> None:
    page = open_reset_link(client)
    sign_in(client, alice)
    for url in (RESET, page, CHANGE, "/accounts/profile/"):
        assert "no-store" in client.get(url).headers["Cache-Control"], url
