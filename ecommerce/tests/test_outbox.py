"""Mails as rows: claimed once, tried again, given up, never sent twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from accounts.models import AccountMail
from ecommerce.outbox import MOST_ATTEMPTS

pytestmark = pytest.mark.django_db


@pytest.fixture
def row() -> AccountMail:
    return AccountMail.objects.create(kind="reset", to="alice@example.org")


def letter(row: AccountMail) -> EmailMessage:
    return EmailMessage("Hello", "Good day", to=[row.to])


def broken(row: AccountMail) -> EmailMessage:
    raise OSError("no mail server")


def again(row: AccountMail) -> AccountMail:
    """The row as another process reads it."""
    return AccountMail.objects.get(pk=row.pk)


def test_mail_goes_out_and_its_row_says_so(row: AccountMail) -> None:
    assert row.deliver(letter)
    assert len(mail.outbox) == 1
    assert (again(row).attempts, bool(again(row).sent)) == (1, True)
    assert AccountMail.objects.waiting() == []


def test_mail_that_two_processes_read_goes_out_once(row: AccountMail) -> None:
    other = again(row)
    assert (row.deliver(letter), other.deliver(letter)) == (True, False)
    assert len(mail.outbox) == 1


def test_mail_that_was_sent_is_not_sent_again(row: AccountMail) -> None:
    row.deliver(letter)
    AccountMail.objects.update(tried_at=None)
    assert not again(row).deliver(letter)
    assert len(mail.outbox) == 1


def test_mail_without_a_receiver_is_closed(row: AccountMail) -> None:
    assert not row.deliver(lambda _row: None)
    assert (mail.outbox, again(row).sent, bool(again(row).dropped)) == ([], None, True)
    AccountMail.objects.update(tried_at=None)
    assert not again(row).deliver(letter)


def test_mail_that_failed_is_logged_and_waits(row: AccountMail, caplog: pytest.LogCaptureFixture) -> None:
    assert not row.deliver(broken)
    assert f"accounts.AccountMail {row.pk} could not be sent" in caplog.text
    assert (again(row).sent, again(row).attempts, AccountMail.objects.waiting()) == (None, 1, [])


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 2), (2, 4), (3, 8), (8, 256), (9, 360), (59, 360)])
def test_mail_waits_longer_after_each_attempt(row: AccountMail, attempts: int, minutes: int) -> None:
    for seconds, is_due in ((-5, False), (5, True)):
        tried = timezone.now() - timedelta(minutes=minutes, seconds=seconds)
        AccountMail.objects.update(attempts=attempts, tried_at=tried)
        assert bool(AccountMail.objects.waiting()) == is_due


def test_mail_that_is_not_due_is_not_sent(row: AccountMail) -> None:
    AccountMail.objects.update(attempts=1, tried_at=timezone.now())
    assert not again(row).deliver(letter)
    assert mail.outbox == []


def test_mail_is_given_up_in_the_end(row: AccountMail) -> None:
    AccountMail.objects.update(attempts=MOST_ATTEMPTS, tried_at=timezone.now() - timedelta(days=30))
    assert AccountMail.objects.waiting() == []


def test_mails_wait_in_the_order_they_were_written(row: AccountMail) -> None:
    second: Any = AccountMail.objects.create(kind="reset", to="bob@example.org")
    assert AccountMail.objects.waiting() == [row, second]
