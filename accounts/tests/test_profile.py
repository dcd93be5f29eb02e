"""Tests for the profile page and the verification of the email address."""

from urllib.parse import unquote

import pytest
from django.core import mail, signing
from django.test import Client

from accounts.models import AccountMail, User
from accounts.tests.mailbox import send_and_get_link, send_due_emails
from tests.makers import make_user
from tests.visitors import count_queries, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
PROFILE, VERIFY = "/accounts/profile/", "/accounts/verify/"
SIGNUP = {"name": "Alice", "email": "alice@example.org", "password": "a long walk home"}
INVALID_LINK = "This link does not work"


@pytest.fixture
def alice(client: Client) -> User:
    """Return a signed-in user."""
    user = make_user(name="Alice")
    sign_in(client, user)
    return user


def is_verified(email: str = "alice@example.org") -> bool:
    return User.objects.get(email=email).has_verified_email


def verify_link(client: Client) -> str:
    client.post(VERIFY)
    return send_and_get_link()


def test_profile_shows_name_email_and_links(client: Client, alice: User) -> None:
    page = client.get(PROFILE).text
    assert "Alice" in page
    assert "alice@example.org" in page
    for url in ("/orders/", "/billing/payment-method/", "/accounts/password-change/", VERIFY):
        assert f'"{url}"' in page


def test_profile_is_linked_from_home_page(client: Client, alice: User) -> None:
    assert f'href="{PROFILE}"' in client.get("/").text


@pytest.mark.parametrize("url", [PROFILE, VERIFY + "token/", "/accounts/claim/token/"])
def test_profile_pages_require_login(client: Client, url: str) -> None:
    assert client.get(url).url == f"/accounts/login/?next={url}"


@pytest.mark.parametrize("url", [VERIFY, "/accounts/claim/"])
def test_link_request_requires_login(client: Client, url: str) -> None:
    assert client.post(url).url.startswith("/accounts/login/")
    assert not AccountMail.objects.exists()


@pytest.mark.parametrize("url", [VERIFY, "/accounts/claim/"])
def test_link_request_rejects_get(client: Client, alice: User, url: str) -> None:
    assert client.get(url).status_code == 405


def test_profile_escapes_name(client: Client, alice: User) -> None:
    User.objects.update(name="<b>Alice</b>")
    assert "&lt;b&gt;Alice&lt;/b&gt;" in client.get(PROFILE).text


def test_signup_sends_verification_link(client: Client) -> None:
    client.post("/accounts/signup/", SIGNUP)
    assert (mail.outbox, is_verified()) == ([], False)
    client.post(send_and_get_link())
    assert is_verified()


def test_verify_link_get_changes_nothing(client: Client, alice: User) -> None:
    link = verify_link(client)
    with count_queries() as queries:
        page = client.get(link).text
    assert "Yes, verify my email" in page
    assert {query.split()[0] for query in queries} == {"SELECT"}
    assert not is_verified()


def test_verify_link_post_verifies_email(client: Client, alice: User) -> None:
    link = verify_link(client)
    response = client.post(link, follow=True)
    assert "Thank you, your email is verified." in response.text
    assert "not verified" not in response.text
    assert is_verified()


def test_verify_link_reports_verified_email(client: Client, alice: User) -> None:
    link = verify_link(client)
    client.post(link)
    assert "Your email is verified." in client.get(link, follow=True).text


def test_verify_link_requires_login_and_returns(other_client: Client, client: Client, alice: User) -> None:
    link = verify_link(client)
    login = other_client.get(link).url
    assert sign_in(other_client, alice, next=unquote(login.split("next=")[1])).url == link


def test_verify_link_is_rejected_for_another_user(client: Client, other_client: Client, alice: User) -> None:
    charlie = make_user("charlie@example.org")
    sign_in(other_client, charlie)
    response = other_client.post(verify_link(client))
    assert (response.status_code, INVALID_LINK in response.text) == (404, True)
    assert (is_verified(), is_verified(charlie.email)) == (False, False)


def test_verify_link_is_invalid_after_email_change(client: Client, alice: User) -> None:
    link = verify_link(client)
    User.objects.update(email="new@example.org")
    sign_in(client, User.objects.get())
    assert client.post(link).status_code == 404
    assert not is_verified("new@example.org")


def test_verified_email_requires_verification_after_change(client: Client, alice: User) -> None:
    client.post(verify_link(client))
    User.objects.update(email="new@example.org")
    assert not is_verified("new@example.org")
    sign_in(client, User.objects.get())
    assert "not verified" in client.get(PROFILE).text


def test_verified_email_stays_verified_in_another_case(client: Client, alice: User) -> None:
    client.post(verify_link(client))
    User.objects.update(email="Alice@Example.org")
    assert is_verified("Alice@Example.org")


def test_verify_link_works_once(client: Client, alice: User) -> None:
    link = verify_link(client)
    client.post(link)
    User.objects.update(email_verified="")
    assert client.post(link).status_code == 404
    assert not is_verified()


def test_verify_link_expires_after_three_days(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    link = verify_link(client)
    later = signing.time.time() + 3 * 86_400 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert client.post(link).status_code == 404
    assert not is_verified()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("token", ["x", "a:b:c", "\u00e9:1:2", ":::", "W10:1:x", "x" * 3000])
@pytest.mark.parametrize("page", ["verify", "claim"])
def test_link_rejects_made_up_token(client: Client, alice: User, page: str, token: str) -> None:
    response = client.post(f"/accounts/{page}/{token}/")
    assert (response.status_code, INVALID_LINK in response.text) == (404, True)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("payload", [None, [], {}, "text", [1], [1, 2, 3, 4], ["x", None, []]])
@pytest.mark.parametrize("kind", ["verify", "claim"])
def test_link_rejects_signed_token_with_wrong_payload(client: Client, alice: User, kind: str, payload: object) -> None:
    assert client.post(f"/accounts/{kind}/{signing.dumps(payload, salt=f'accounts.{kind}')}/").status_code == 404


def test_verify_link_rejects_tampering(client: Client, alice: User) -> None:
    link = verify_link(client)
    assert client.post(link[:-2] + ("A" if link[-2] != "A" else "B") + "/").status_code == 404
    assert not is_verified()


def test_verify_link_does_not_work_for_claim(client: Client, alice: User) -> None:
    link = verify_link(client)
    assert client.post(link.replace("verify", "claim")).status_code == 404


def test_verify_email_is_not_sent_if_already_verified(client: Client, alice: User) -> None:
    client.post(VERIFY)
    User.objects.update(email_verified=alice.email)
    assert (send_due_emails(), mail.outbox) == (0, [])


def test_verify_email_is_not_sent_to_former_email_address(client: Client, alice: User) -> None:
    client.post(VERIFY)
    User.objects.update(email="new@example.org")
    assert (send_due_emails(), mail.outbox) == (0, [])


def test_verify_email_does_not_contain_name(client: Client) -> None:
    client.post("/accounts/signup/", SIGNUP | {"name": "Win at https://evil.example"})
    send_and_get_link()
    assert "evil.example" not in mail.outbox[0].body + mail.outbox[0].alternatives[0].content + mail.outbox[0].subject
