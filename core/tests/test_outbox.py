"""Tests for the outbox: each email message is claimed once, retried a limited number of times, and sent once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from accounts.models import AccountMail
from core.emails.outbox import MAX_ATTEMPTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> AccountMail:
    return AccountMail.objects.create(kind="reset", to="alice@example.org")


def build_message(row: AccountMail) -> EmailMessage:
    return EmailMessage("Hello", "Good day", to=[row.to])


def fail_to_build(row: AccountMail) -> EmailMessage:
    raise OSError("no mail server")


def reload(row: AccountMail) -> AccountMail:
    """Reload the row, as another process would."""
    return AccountMail.objects.get(pk=row.pk)


def test_deliver_sends_the_message_and_marks_the_row_as_sent(row: AccountMail) -> None:
    assert row.deliver(build_message)
    assert len(mail.outbox) == 1
    assert (reload(row).attempts, bool(reload(row).sent)) == (1, True)
    assert AccountMail.objects.waiting() == []


def test_deliver_by_two_processes_sends_once(row: AccountMail) -> None:
    other = reload(row)
    assert (row.deliver(build_message), other.deliver(build_message)) == (True, False)
    assert len(mail.outbox) == 1


def test_deliver_does_not_send_again(row: AccountMail) -> None:
    row.deliver(build_message)
    AccountMail.objects.update(tried_at=None)
    assert not reload(row).deliver(build_message)
    assert len(mail.outbox) == 1


def test_deliver_without_a_recipient_drops_the_row(row: AccountMail) -> None:
    assert not row.deliver(lambda _row: None)
    assert (mail.outbox, reload(row).sent, bool(reload(row).dropped)) == ([], None, True)
    AccountMail.objects.update(tried_at=None)
    assert not reload(row).deliver(build_message)


def test_deliver_logs_a_failure_and_keeps_the_row_for_a_retry(
    row: AccountMail, caplog: pytest.LogCaptureFixture
) -> None:
    assert not row.deliver(fail_to_build)
    assert f"accounts.AccountMail {row.pk} could not be sent" in caplog.text
    assert (reload(row).sent, reload(row).attempts, AccountMail.objects.waiting()) == (None, 1, [])


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 2), (2, 4), (3, 8), (8, 256), (9, 360), (59, 360)])
def test_pause_grows_after_each_attempt(row: AccountMail, attempts: int, minutes: int) -> None:
    for seconds, is_due in ((-5, False), (5, True)):
        tried = timezone.now() - timedelta(minutes=minutes, seconds=seconds)
        AccountMail.objects.update(attempts=attempts, tried_at=tried)
        assert bool(AccountMail.objects.waiting()) == is_due


def test_deliver_skips_a_row_that_is_not_due(row: AccountMail) -> None:
    AccountMail.objects.update(attempts=1, tried_at=timezone.now())
    assert not reload(row).deliver(build_message)
    assert mail.outbox == []


def test_waiting_excludes_rows_without_attempts_left(row: AccountMail) -> None:
    AccountMail.objects.update(attempts=MAX_ATTEMPTS, tried_at=timezone.now() - timedelta(days=30))
    assert AccountMail.objects.waiting() == []


def test_waiting_returns_the_oldest_row_first(row: AccountMail) -> None:
    second: Any = AccountMail.objects.create(kind="reset", to="bob@example.org")
    assert AccountMail.objects.waiting() == [row, second]
