"""New passwords: by a mailed link, or by the old one."""

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
from accounts.tests.mailbox import ask_for_reset, mailed_link, new_password, reset_page
from ecommerce.tests.makers import PASSWORD, make_user
from ecommerce.tests.visitors import sign_in

pytestmark = pytest.mark.django_db
RESET, CHANGE = "/accounts/password-reset/", "/accounts/password-change/"
NEW = "an even longer walk"
DEAD = "This link does not work"


@pytest.fixture
def alice() -> User:
    return make_user(name="Alice")


def is_in(client: Client) -> bool:
    return ">Logout</button>" in client.get("/").text


def can_log_in(password: str, email: str = "alice@example.org") -> bool:
    client = Client()
    client.post("/accounts/login/", {"email": email, "password": password})
    return is_in(client)


def change(client: Client, old: str = PASSWORD, new: str = NEW, again: str | None = None) -> Any:
    return client.post(CHANGE, {"old_password": old} | new_password(new, again))


# Reset


def test_reset_by_the_mailed_link_sets_a_new_password(client: Client, alice: User) -> None:
    page = reset_page(client)
    assert "Choose a new password" in client.get(page).text
    answer = client.post(page, new_password(NEW))
    assert answer.url == "/accounts/login/"
    assert "Your password has been changed. Log in with the new one." in client.get(answer.url).text
    assert (can_log_in(NEW), can_log_in(PASSWORD)) == (True, False)


def test_reset_is_offered_on_the_login_page(client: Client) -> None:
    assert f'href="{RESET}"' in client.get("/accounts/login/").text
    assert "Send me a link" in client.get(RESET).text


def test_reset_sends_nothing_itself(client: Client, alice: User) -> None:
    assert ask_for_reset(client).url == "/accounts/login/"
    assert (mail.outbox, AccountMail.objects.get().attempts) == ([], 0)


def test_reset_mail_goes_to_the_accounts_own_address(client: Client, alice: User) -> None:
    ask_for_reset(client, "ALICE@Example.org")
    mailed_link()
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]


@pytest.mark.parametrize(
    "email", ["al\u0131ce@example.org", "alice@example.org\x00", "alice", "", "a" * 250 + "@b.org"]
)
def test_reset_for_what_only_looks_like_an_address_mails_no_other(client: Client, alice: User, email: str) -> None:
    ask_for_reset(client, email)
    AccountMail.objects.update(tried_at=None)
    assert {to for message in mail.outbox for to in message.to} <= {alice.email}


def test_reset_link_names_the_shop_whatever_host_was_asked(client: Client, alice: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    ask_for_reset(client, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    mailed_link()
    assert "evil.example" not in mail.outbox[-1].body + mail.outbox[-1].alternatives[0].content


def test_reset_token_moves_into_the_session(client: Client, alice: User) -> None:
    ask_for_reset(client)
    link = mailed_link()
    answer = client.get(link)
    token = link.rstrip("/").split("/")[-1]
    assert token not in answer.url
    assert token not in client.get(answer.url).text


def test_reset_link_opened_changes_nothing_yet(client: Client, alice: User) -> None:
    client.get(reset_page(client))
    assert can_log_in(PASSWORD)


def test_reset_link_works_once(client: Client, other_client: Client, alice: User) -> None:
    ask_for_reset(client)
    link = mailed_link()
    page = client.get(link).url
    other_page = other_client.get(link).url
    client.post(page, new_password(NEW))
    for answer in (client.get(link), client.get(page), other_client.post(other_page, new_password("stolen password"))):
        assert (answer.status_code, DEAD in answer.text) == (404, True)
    assert can_log_in(NEW)


def test_reset_link_is_dead_after_an_hour(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for_reset(client)
    link = mailed_link()
    later = default_token_generator._now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr(default_token_generator, "_now", lambda: later)
    assert DEAD in client.get(link).text


@pytest.mark.parametrize("change", [{"email": "new@example.org"}, {"is_active": False}, {"last_login": timezone.now()}])
def test_reset_link_is_dead_when_the_account_changed(client: Client, alice: User, change: dict) -> None:
    ask_for_reset(client)
    link = mailed_link()
    User.objects.update(**change)
    assert client.get(link).status_code == 404


@pytest.mark.parametrize("part", [0, 1, 2])
def test_reset_link_tampered_with_is_dead(client: Client, alice: User, part: int) -> None:
    bob = make_user("bob@example.org")
    uid, bobs = (urlsafe_base64_encode(force_bytes(user.pk)) for user in (alice, bob))
    token = default_token_generator.make_token(alice)
    link = [f"{RESET}{bobs}/{token}/", f"{RESET}{uid}/{token[:-1]}!/", f"{RESET}{uid}/set-password/"][part]
    answer = client.post(link, new_password(NEW))
    assert (answer.status_code, can_log_in(NEW), can_log_in(NEW, bob.email)) == (404, False, False)


@pytest.mark.parametrize("uid", ["x", "MTE5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "AA", "4pyT", "_-", "=" * 900])
@pytest.mark.parametrize("token", ["x-y", "set-password", "\u00e9-1", "zzzzzzzzzzzzzz-" + "0" * 32, "-" * 900])
def test_reset_link_made_up_is_dead(client: Client, uid: str, token: str) -> None:
    assert client.get(f"{RESET}{uid}/{token}/").status_code == 404


def test_reset_begun_for_oneself_opens_nobody_elses(client: Client, alice: User) -> None:
    charlie = make_user("charlie@example.org")
    reset_page(client, charlie.email)
    bobs = urlsafe_base64_encode(force_bytes(alice.pk))
    answer = client.post(f"{RESET}{bobs}/set-password/", new_password(NEW))
    assert (answer.status_code, can_log_in(NEW), can_log_in(PASSWORD)) == (404, False, True)


def test_reset_ends_all_sessions(client: Client, other_client: Client, alice: User) -> None:
    sign_in(other_client, alice)
    assert is_in(other_client)
    client.post(reset_page(client), new_password(NEW))
    assert not is_in(other_client)


def test_reset_signs_nobody_in(client: Client, alice: User) -> None:
    client.post(reset_page(client), new_password(NEW))
    assert not is_in(client)


def test_reset_proves_the_email(client: Client, alice: User) -> None:
    client.post(reset_page(client), new_password(NEW))
    assert User.objects.get().has_verified_email


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (new_password("short"), "too short"),
        (new_password("password"), "too common"),
        (new_password("alice@example.org"), "too similar"),
        (new_password(NEW, "another"), "match"),
        (new_password("x" * 129), "at most 128"),
        (new_password(""), "Please fill in: New password."),
    ],
)
def test_reset_with_a_bad_password_is_refused_with_words(
    client: Client, alice: User, form: dict[str, str], words: str
) -> None:
    answer = client.post(reset_page(client), form)
    assert (words in answer.text, "<title>Error: " in answer.text) == (True, True)
    assert can_log_in(PASSWORD)


def test_reset_for_an_account_without_a_password_sends_nothing(client: Client) -> None:
    User.objects.create_user("alice@example.org")
    ask_for_reset(client)
    assert (mail.outbox, can_log_in("")) == ([], False)


# Change


def test_change_sets_a_new_password_and_stays_signed_in(client: Client, alice: User) -> None:
    sign_in(client, alice)
    answer = change(client)
    assert answer.url == "/accounts/profile/"
    assert "Your password has been changed. Other devices have been logged out." in client.get(answer.url).text
    assert (is_in(client), can_log_in(NEW), can_log_in(PASSWORD)) == (True, True, False)


def test_change_ends_all_other_sessions(client: Client, other_client: Client, alice: User) -> None:
    sign_in(client, alice)
    sign_in(other_client, alice)
    change(client)
    assert (is_in(client), is_in(other_client)) == (True, False)


def test_change_makes_a_new_session_key(client: Client, alice: User) -> None:
    sign_in(client, alice)
    before = client.session.session_key
    change(client)
    assert client.session.session_key != before


def test_change_makes_a_reset_link_worthless(client: Client, other_client: Client, alice: User) -> None:
    sign_in(client, alice)
    ask_for_reset(other_client)
    link = mailed_link()
    change(client)
    assert other_client.get(link).status_code == 404


@pytest.mark.parametrize("old", ["wrong", "", PASSWORD + "\x00", "x" * 5000])
def test_change_without_the_old_password_is_refused(client: Client, alice: User, old: str) -> None:
    sign_in(client, alice)
    assert "There is a problem" in change(client, old).text
    assert (can_log_in(NEW), can_log_in(PASSWORD)) == (False, True)


def test_change_is_for_who_is_signed_in(client: Client, alice: User) -> None:
    answer = change(client)
    assert answer.url == "/accounts/login/?next=/accounts/password-change/"
    assert can_log_in(PASSWORD)


def test_change_by_another_changes_only_their_own(client: Client, alice: User) -> None:
    sign_in(client, make_user("charlie@example.org"))
    client.post(CHANGE, {"old_password": PASSWORD, "user": alice.pk, "id": alice.pk} | new_password(NEW))
    assert (can_log_in(NEW, "charlie@example.org"), can_log_in(NEW)) == (True, False)


def test_passwords_are_never_shown_again(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert "Tr0ub4dor" not in change(client, "Tr0ub4dor-old", "Tr0ub4dor-new", "Tr0ub4dor-other").text


def test_password_pages_are_kept_out_of_caches(client: Client, alice: User) -> None:
    page = reset_page(client)
    sign_in(client, alice)
    for address in (RESET, page, CHANGE, "/accounts/profile/"):
        assert "no-store" in client.get(address).headers["Cache-Control"], address
