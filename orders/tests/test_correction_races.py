"""Tests for members of staff who correct, send again and add notes at the same moment, in threads."""

from functools import partial

import pytest
from django.utils import timezone

from orders.bookkeeping.checksum import is_intact
from orders.emails import queue
from orders.emails.resending import ResendRejected, send_again, sent_emails
from orders.models import Mail, Order
from orders.workflow import corrections
from tests.makers import make_intact_order
from tests.threads import run_in_threads

THREADS = 8
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_one_of_several_simultaneous_corrections_is_made() -> None:
    order = make_intact_order()
    shown = corrections.fingerprint(order.email)

    def correct(number: int) -> bool:
        try:
            corrections.correct_email(Order.objects.get(), f"gia{number}@example.org", shown, by=f"staff {number}")
        except corrections.CorrectionRejected:
            return False
        return True

    assert sorted(run_in_threads(*[partial(correct, number) for number in range(THREADS)])) == [False] * (
        THREADS - 1
    ) + [True]
    order.refresh_from_db()
    assert (order.corrections.get().new, order.link_version) == (order.email, 2)
    assert is_intact(order)


def test_email_is_sent_again_once_for_several_simultaneous_clicks() -> None:
    order = make_intact_order()
    queue.queue(order, Mail.Kind.CONFIRMATION)
    Mail.objects.update(sent=timezone.now())
    [email] = sent_emails(order)

    def send() -> bool:
        try:
            send_again(Order.objects.get(), email.key, "1", by="staff")
        except ResendRejected:
            return False
        return True

    assert sorted(run_in_threads(*[send] * THREADS)) == [False] * (THREADS - 1) + [True]
    assert order.mails.count() == 2


def test_note_is_added_once_for_several_simultaneous_clicks() -> None:
    order = make_intact_order()
    added = run_in_threads(*[lambda: corrections.add_note(Order.objects.get(), "Called", by="staff")] * THREADS)
    assert sorted(added) == [False] * (THREADS - 1) + [True]
    assert order.notes.count() == 1
