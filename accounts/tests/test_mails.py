"""Mails about accounts: rows for any address, limits, and the sending after."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mails import send_waiting
from accounts.models import AccountMail, TakenSignup
from accounts.tests.mailbox import ask_for_reset, link_of, mailed_link
from ecommerce.tests.makers import make_user
from ecommerce.tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db


def ago(**time: int) -> Any:
    return timezone.now() - timedelta(**time)


def rows() -> list[dict[str, Any]]:
    """All rows, without what tells one moment and one address from another."""
    return list(
        AccountMail.objects.values(
            "kind", "user", "client", "language", "attempts", "tried_at", "sent", "dropped", "used"
        )
    )


@pytest.mark.parametrize("fields", [{}, {"is_active": False}])
def test_reset_writes_the_same_for_a_known_and_an_unknown_address(client: Client, fields: dict[str, Any]) -> None:
    make_user("known@example.org", **fields)
    with count_queries() as known:
        answer = ask_for_reset(client, "known@example.org")
    with count_queries() as unknown:
        other_answer = ask_for_reset(client, "unkno@example.org")
    assert (answer.status_code, answer.url) == (other_answer.status_code, other_answer.url)
    assert (
        [query.split()[0] for query in known]
        == [query.split()[0] for query in unknown]
        == ["INSERT", "SELECT", "SELECT"]
    )
    assert rows()[0] == rows()[1]
    assert "If there is an account with this email" in client.get(answer.url).text


def test_reset_looks_nobody_up(client: Client) -> None:
    with count_queries() as queries:
        ask_for_reset(client)
    assert not any("accounts_user" in query for query in queries if query.startswith("SELECT"))


def test_reset_for_an_unknown_address_is_closed_without_a_mail(client: Client) -> None:
    ask_for_reset(client)
    assert (send_waiting(), mail.outbox) == (0, [])
    row = AccountMail.objects.get()
    assert (row.sent, bool(row.dropped)) == (None, True)


def test_mail_that_is_sent_is_not_sent_again(client: Client) -> None:
    make_user()
    ask_for_reset(client)
    assert (send_waiting(), send_waiting(), len(mail.outbox)) == (1, 0, 1)


def test_mail_is_tried_again_when_the_server_failed(client: Client, settings: Any) -> None:
    make_user()
    ask_for_reset(client)
    settings.EMAIL_BACKEND = "nowhere.Backend"
    assert send_waiting() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_waiting() == 0  # not yet: the last attempt was just now
    AccountMail.objects.update(tried_at=ago(minutes=3))
    assert send_waiting() == 1


def test_mail_that_nobody_waits_for_any_more_is_dropped(client: Client) -> None:
    make_user()
    ask_for_reset(client)
    AccountMail.objects.update(timestamp=ago(hours=25))
    assert (send_waiting(), mail.outbox) == (0, [])
    assert AccountMail.objects.get().dropped


def test_mail_rows_are_forgotten_after_a_month(client: Client) -> None:
    ask_for_reset(client)
    TakenSignup.objects.note("here")
    AccountMail.objects.update(timestamp=ago(days=29))
    TakenSignup.objects.update(timestamp=ago(days=31))
    send_waiting()
    assert (AccountMail.objects.count(), TakenSignup.objects.count()) == (1, 0)
    AccountMail.objects.update(timestamp=ago(days=31))
    send_waiting()
    assert not AccountMail.objects.exists()


def test_mail_rows_hold_no_link(client: Client) -> None:
    make_user()
    ask_for_reset(client)
    token = mailed_link().rstrip("/").split("/")[-1]
    kept = " ".join(str(value) for row in AccountMail.objects.values() for value in row.values())
    assert token not in kept


def test_mail_says_that_a_machine_sent_it_and_names_no_host_of_ours(client: Client, settings: Any) -> None:
    make_user()
    ask_for_reset(client)
    send_waiting()
    headers = mail.outbox[0].message()
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"].endswith(f"@{settings.SITE_HOST}>")


def test_mail_is_written_in_the_language_it_was_asked_for_in(client: Client, settings: Any) -> None:
    make_user()
    ask_for_reset(client)
    AccountMail.objects.update(language="ar")
    mailed_link()
    assert '<html lang="ar">' in mail.outbox[0].alternatives[0].content


def test_each_kind_of_mail_says_what_its_link_does(client: Client) -> None:
    sign_in(client, make_user())
    ask_for_reset(client)
    client.post(reverse("accounts:verify_request"))
    send_waiting()
    reset, verify = mail.outbox
    assert reset.subject == "Reset your password at Hearth & Clay"
    assert verify.subject == "Verify your email at Hearth & Clay"
    assert "Choose a new password" in reset.body
    assert "Verify your email" in verify.body
    assert link_of(reset) != link_of(verify)


def test_address_gets_five_reset_mails_an_hour(client: Client) -> None:
    make_user()
    answers = {ask_for_reset(client, email).url for email in ["alice@example.org", "ALICE@example.org"] * 4}
    assert answers == {"/accounts/login/"}
    assert send_waiting() == 5
    AccountMail.objects.update(timestamp=ago(minutes=61))
    ask_for_reset(client)
    assert send_waiting() == 1


def test_address_beyond_its_limit_takes_nothing_from_others(client: Client) -> None:
    make_user("bob@example.org")
    for _ in range(6):
        ask_for_reset(client)
    ask_for_reset(client, "bob@example.org")
    assert send_waiting() == 1


def test_address_that_is_unknown_fills_its_limit_too(client: Client) -> None:
    for _ in range(3):
        ask_for_reset(client)
    send_waiting()
    for _ in range(5):
        ask_for_reset(client)
    assert AccountMail.objects.count() == 5


def test_owner_may_still_verify_when_a_stranger_asked_for_resets(client: Client, other_client: Client) -> None:
    alice = make_user()
    for _ in range(6):
        ask_for_reset(other_client, REMOTE_ADDR="198.51.100.1")
    sign_in(client, alice)
    client.post(reverse("accounts:verify_request"))
    assert AccountMail.objects.filter(kind="verify").count() == 1


def test_client_gets_twenty_mails_sent_an_hour(client: Client) -> None:
    for number in range(25):
        assert ask_for_reset(client, f"guess{number}@example.org").url == "/accounts/login/"
    assert AccountMail.objects.count() == 20
    ask_for_reset(client, "guess99@example.org", REMOTE_ADDR="198.51.100.1")
    assert AccountMail.objects.count() == 21


def test_client_cannot_escape_its_limit_by_a_header(client: Client) -> None:
    for number in range(25):
        ask_for_reset(client, f"guess{number}@example.org", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert AccountMail.objects.count() == 20


def test_client_is_kept_as_a_hash(client: Client) -> None:
    ask_for_reset(client, REMOTE_ADDR="198.51.100.77")
    kept = AccountMail.objects.get().client
    assert (len(kept), "198.51" in kept) == (64, False)


def test_admin_shows_mails_to_read_alone(client: Client) -> None:
    ask_for_reset(client)
    row = AccountMail.objects.get()
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    assert "alice@example.org" in client.get(reverse("admin:accounts_accountmail_changelist")).text
    page = client.get(reverse("admin:accounts_accountmail_change", args=[row.pk])).text
    assert ("alice@example.org" in page, 'name="_save"' in page, row.client in page) == (True, False, False)
    client.post(reverse("admin:accounts_accountmail_change", args=[row.pk]), {"to": "x@example.org"})
    assert AccountMail.objects.get().to == "alice@example.org"
