"""The account's own page and the proof of its e-mail."""

from urllib.parse import unquote

import pytest
from django.core import mail, signing
from django.test import Client

from accounts.mails import send_waiting
from accounts.models import AccountMail, User
from accounts.tests.mailbox import mailed_link
from ecommerce.tests.makers import make_user
from ecommerce.tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
PROFILE, VERIFY = "/accounts/profile/", "/accounts/verify/"
SIGNUP = {"name": "Alice", "email": "alice@example.org", "password": "a long walk home"}
DEAD = "This link does not work"


@pytest.fixture
def alice(client: Client) -> User:
    """Signed in."""
    user = make_user(name="Alice")
    sign_in(client, user)
    return user


def is_verified(email: str = "alice@example.org") -> bool:
    return User.objects.get(email=email).has_verified_email


def verify_link(client: Client) -> str:
    client.post(VERIFY)
    return mailed_link()


def test_profile_shows_name_and_email_and_the_ways_on(client: Client, alice: User) -> None:
    page = client.get(PROFILE).text
    assert "Alice" in page
    assert "alice@example.org" in page
    for address in ("/orders/", "/billing/payment-method/", "/accounts/password-change/", VERIFY):
        assert f'"{address}"' in page


def test_profile_is_linked_from_every_page(client: Client, alice: User) -> None:
    assert f'href="{PROFILE}"' in client.get("/").text


@pytest.mark.parametrize("address", [PROFILE, VERIFY + "token/", "/accounts/claim/token/"])
def test_profile_pages_are_for_who_is_signed_in(client: Client, address: str) -> None:
    assert client.get(address).url == f"/accounts/login/?next={address}"


@pytest.mark.parametrize("address", [VERIFY, "/accounts/claim/"])
def test_asking_for_a_link_is_for_who_is_signed_in(client: Client, address: str) -> None:
    assert client.post(address).url.startswith("/accounts/login/")
    assert not AccountMail.objects.exists()


@pytest.mark.parametrize("address", [VERIFY, "/accounts/claim/"])
def test_asking_for_a_link_takes_a_button(client: Client, alice: User, address: str) -> None:
    assert client.get(address).status_code == 405


def test_profile_shows_markup_in_a_name_as_text(client: Client, alice: User) -> None:
    User.objects.update(name="<b>Alice</b>")
    assert "&lt;b&gt;Alice&lt;/b&gt;" in client.get(PROFILE).text


def test_signup_mails_a_link_to_verify(client: Client) -> None:
    client.post("/accounts/signup/", SIGNUP)
    assert (mail.outbox, is_verified()) == ([], False)
    client.post(mailed_link())
    assert is_verified()


def test_verify_link_opened_changes_nothing(client: Client, alice: User) -> None:
    link = verify_link(client)
    with count_queries() as queries:
        page = client.get(link).text
    assert "Yes, verify my email" in page
    assert {query.split()[0] for query in queries} == {"SELECT"}
    assert not is_verified()


def test_verify_button_proves_the_email(client: Client, alice: User) -> None:
    link = verify_link(client)
    answer = client.post(link, follow=True)
    assert "Thank you, your email is verified." in answer.text
    assert "not verified" not in answer.text
    assert is_verified()


def test_verify_link_again_says_so(client: Client, alice: User) -> None:
    link = verify_link(client)
    client.post(link)
    assert "Your email is verified." in client.get(link, follow=True).text


def test_verify_asks_who_is_signed_out_to_log_in_and_comes_back(
    other_client: Client, client: Client, alice: User
) -> None:
    link = verify_link(client)
    login = other_client.get(link).url
    assert sign_in(other_client, alice, next=unquote(login.split("next=")[1])).url == link


def test_verify_link_is_worthless_to_another(client: Client, other_client: Client, alice: User) -> None:
    charlie = make_user("charlie@example.org")
    sign_in(other_client, charlie)
    answer = other_client.post(verify_link(client))
    assert (answer.status_code, DEAD in answer.text) == (404, True)
    assert (is_verified(), is_verified(charlie.email)) == (False, False)


def test_verify_link_is_dead_after_the_email_changed(client: Client, alice: User) -> None:
    link = verify_link(client)
    User.objects.update(email="new@example.org")
    assert client.post(link).status_code == 404
    assert not is_verified("new@example.org")


def test_verified_email_that_changes_is_to_be_proven_anew(client: Client, alice: User) -> None:
    client.post(verify_link(client))
    User.objects.update(email="new@example.org")
    assert not is_verified("new@example.org")
    assert "not verified" in client.get(PROFILE).text


def test_verified_email_written_in_another_case_stays_proven(client: Client, alice: User) -> None:
    client.post(verify_link(client))
    User.objects.update(email="Alice@Example.org")
    assert is_verified("Alice@Example.org")


def test_verify_link_used_is_dead_even_when_the_email_changes_back(client: Client, alice: User) -> None:
    link = verify_link(client)
    client.post(link)
    User.objects.update(email_verified="")
    assert client.post(link).status_code == 404
    assert not is_verified()


def test_verify_link_is_dead_after_three_days(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    link = verify_link(client)
    later = signing.time.time() + 3 * 86_400 + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert client.post(link).status_code == 404
    assert not is_verified()


@pytest.mark.parametrize("token", ["x", "a:b:c", "\u00e9:1:2", ":::", "W10:1:x", "x" * 3000])
@pytest.mark.parametrize("page", ["verify", "claim"])
def test_mailed_link_made_up_is_dead(client: Client, alice: User, page: str, token: str) -> None:
    answer = client.post(f"/accounts/{page}/{token}/")
    assert (answer.status_code, DEAD in answer.text) == (404, True)


@pytest.mark.parametrize("payload", [None, [], {}, "text", [1], [1, 2, 3, 4], ["x", None, []]])
@pytest.mark.parametrize("kind", ["verify", "claim"])
def test_signed_nonsense_is_dead_too(client: Client, alice: User, kind: str, payload: object) -> None:
    assert client.post(f"/accounts/{kind}/{signing.dumps(payload, salt=f'accounts.{kind}')}/").status_code == 404


def test_verify_link_tampered_with_is_dead(client: Client, alice: User) -> None:
    link = verify_link(client)
    assert client.post(link[:-2] + ("A" if link[-2] != "A" else "B") + "/").status_code == 404
    assert not is_verified()


def test_verify_link_opens_no_claim(client: Client, alice: User) -> None:
    link = verify_link(client)
    assert client.post(link.replace("verify", "claim")).status_code == 404


def test_verify_mail_is_not_sent_to_who_is_verified_already(client: Client, alice: User) -> None:
    client.post(VERIFY)
    User.objects.update(email_verified=alice.email)
    assert (send_waiting(), mail.outbox) == (0, [])


def test_verify_mail_is_not_sent_to_an_address_left_in_between(client: Client, alice: User) -> None:
    client.post(VERIFY)
    User.objects.update(email="new@example.org")
    assert (send_waiting(), mail.outbox) == (0, [])


def test_verify_mail_names_nobody(client: Client) -> None:
    client.post("/accounts/signup/", SIGNUP | {"name": "Win at https://evil.example"})
    mailed_link()
    assert "evil.example" not in mail.outbox[0].body + mail.outbox[0].alternatives[0].content + mail.outbox[0].subject
