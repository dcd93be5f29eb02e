"""Tests for account emails: queueing, limits and sending."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccountMail
from accounts.tests.mailbox import get_link, request_password_reset, send_and_get_link, send_due_emails
from tests.makers import make_user
from tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db


def ago(**time: int) -> Any:
    return timezone.now() - timedelta(**time)


def rows() -> list[dict[str, Any]]:
    """Return all rows without the columns that depend on the time or the email address."""
    return list(
        AccountMail.objects.values(
            "kind", "user", "client", "language", "attempts", "tried_at", "sent", "dropped", "used", "refusal"
        )
    )


@pytest.mark.parametrize("fields", [{}, {"is_active": False}])
def test_reset_stores_same_row_for_known_and_unknown_email(client: Client, fields: dict[str, Any]) -> None:
    make_user("known@example.org", **fields)
    with count_queries() as known:
        response = request_password_reset(client, "known@example.org")
    with count_queries() as unknown:
        other_response = request_password_reset(client, "unkno@example.org")
    assert (response.status_code, response.url) == (other_response.status_code, other_response.url)
    assert [query.split()[0] for query in known] == [query.split()[0] for query in unknown]
    assert [query.split()[0] for query in known if "advisory" not in query] == ["INSERT", "SELECT", "SELECT"]
    assert rows()[0] == rows()[1]
    assert "If there is an account with this email" in client.get(response.url).text


def test_reset_request_does_not_query_users(client: Client) -> None:
    with count_queries() as queries:
        request_password_reset(client)
    assert not any("accounts_user" in query for query in queries if query.startswith("SELECT"))


def test_reset_for_unknown_email_is_dropped(client: Client) -> None:
    request_password_reset(client)
    assert (send_due_emails(), mail.outbox) == (0, [])
    row = AccountMail.objects.get()
    assert (row.sent, bool(row.dropped)) == (None, True)


def test_email_is_sent_only_once(client: Client) -> None:
    make_user()
    request_password_reset(client)
    assert (send_due_emails(), send_due_emails(), len(mail.outbox)) == (1, 0, 1)


def test_email_is_retried_after_server_failure(client: Client, settings: Any) -> None:
    make_user()
    request_password_reset(client)
    settings.EMAIL_BACKEND = "nowhere.Backend"
    assert send_due_emails() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_due_emails() == 0  # The last attempt was just now, so the email is not due yet.
    AccountMail.objects.update(tried_at=ago(minutes=3))
    assert send_due_emails() == 1


def test_email_older_than_one_day_is_dropped(client: Client) -> None:
    make_user()
    request_password_reset(client)
    AccountMail.objects.update(timestamp=ago(hours=25))
    assert (send_due_emails(), mail.outbox) == (0, [])
    assert AccountMail.objects.get().dropped


def test_email_rows_do_not_store_link(client: Client) -> None:
    make_user()
    request_password_reset(client)
    token = send_and_get_link().rstrip("/").split("/")[-1]
    stored = " ".join(str(value) for row in AccountMail.objects.values() for value in row.values())
    assert token not in stored


def test_email_headers_say_auto_generated_and_use_site_host(client: Client, settings: Any) -> None:
    make_user()
    request_password_reset(client)
    send_due_emails()
    headers = mail.outbox[0].message()
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"].endswith(f"@{settings.SITE_HOST}>")


def test_email_uses_language_of_request(client: Client, settings: Any) -> None:
    make_user()
    request_password_reset(client)
    AccountMail.objects.update(language="ar")
    send_and_get_link()
    assert '<html lang="ar">' in mail.outbox[0].alternatives[0].content


def test_email_subject_and_text_match_kind(client: Client) -> None:
    sign_in(client, make_user())
    request_password_reset(client)
    client.post(reverse("accounts:verify_request"))
    send_due_emails()
    reset, verify = mail.outbox
    assert reset.subject == "Reset your password at Hearth & Clay"
    assert verify.subject == "Verify your email at Hearth & Clay"
    assert "Choose a new password" in reset.body
    assert "Verify your email" in verify.body
    assert get_link(reset) != get_link(verify)


def test_recipient_gets_at_most_five_reset_emails_per_hour(client: Client) -> None:
    make_user()
    urls = {request_password_reset(client, email).url for email in ["alice@example.org", "ALICE@example.org"] * 4}
    assert urls == {"/accounts/login/"}
    assert send_due_emails() == 5
    AccountMail.objects.update(timestamp=ago(minutes=61))
    request_password_reset(client)
    assert send_due_emails() == 1


def test_recipient_limit_does_not_affect_other_recipients(client: Client) -> None:
    make_user("bob@example.org")
    for _ in range(6):
        request_password_reset(client)
    request_password_reset(client, "bob@example.org")
    assert send_due_emails() == 1


def test_recipient_limit_applies_to_unknown_email(client: Client) -> None:
    for _ in range(3):
        request_password_reset(client)
    send_due_emails()
    for _ in range(5):
        request_password_reset(client)
    assert AccountMail.objects.count() == 5


def test_recipient_limit_is_counted_per_kind(client: Client, other_client: Client) -> None:
    alice = make_user()
    for _ in range(6):
        request_password_reset(other_client, REMOTE_ADDR="198.51.100.1")
    sign_in(client, alice)
    client.post(reverse("accounts:verify_request"))
    assert AccountMail.objects.filter(kind="verify").count() == 1


@pytest.mark.slow
def test_client_can_queue_at_most_twenty_emails_per_hour(client: Client) -> None:
    for number in range(25):
        assert request_password_reset(client, f"guess{number}@example.org").url == "/accounts/login/"
    assert AccountMail.objects.count() == 20
    request_password_reset(client, "guess99@example.org", REMOTE_ADDR="198.51.100.1")
    assert AccountMail.objects.count() == 21


@pytest.mark.slow
def test_client_cannot_bypass_limit_with_forwarded_header(client: Client) -> None:
    for number in range(25):
        request_password_reset(
            client, f"guess{number}@example.org", headers={"X-Forwarded-For": f"198.51.100.{number}"}
        )
    assert AccountMail.objects.count() == 20


def test_client_is_stored_as_hash(client: Client) -> None:
    request_password_reset(client, REMOTE_ADDR="198.51.100.77")
    stored = AccountMail.objects.get().client
    assert (len(stored), "198.51" in stored) == (64, False)


@pytest.mark.slow
def test_admin_shows_emails_read_only(client: Client) -> None:
    request_password_reset(client)
    row = AccountMail.objects.get()
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    assert "alice@example.org" in client.get(reverse("admin:accounts_accountmail_changelist")).text
    page = client.get(reverse("admin:accounts_accountmail_change", args=[row.pk])).text
    assert ("alice@example.org" in page, 'name="_save"' in page, row.client in page) == (True, False, False)
    client.post(reverse("admin:accounts_accountmail_change", args=[row.pk]), {"to": "x@example.org"})
    assert AccountMail.objects.get(pk=row.pk).to == "alice@example.org"
