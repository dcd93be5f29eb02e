"""Tests that emails of one mailbox or client are counted one after the other, so that their limits are exact."""

from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import AccountMail
from core.models import ContactMail
from orders.emails.order_links import queue_link
from orders.emails.withdrawals import queue_receipt
from orders.workflow.withdrawals.declaring import Declaration
from tests.threads import run_in_threads

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="On SQLite, a transaction that writes is alone."),
]


def send_receipt(email: str, ip: str) -> None:
    declaration = Declaration("Gia", email, "1234", is_whole_order=True, language="en")
    row = declaration.as_row(timezone.now(), ip)
    row.digest = f"{email} {ip} {connection.connection.info.backend_pid}"
    row.save()
    queue_receipt(row)


def send_link(email: str, ip: str) -> None:
    queue_link(RequestFactory().post("/", REMOTE_ADDR=ip), "1234", email)


def send_message(email: str, ip: str) -> None:
    ContactMail.objects.queue(ContactMail(name="Gia", sender=email, message="Hello", client=ip))


def send_signup(email: str, ip: str) -> None:
    AccountMail.objects.queue(AccountMail.Kind.VERIFY, email, ip, None)


def waits(send: Callable[[str, str], None], email: str, ip: str) -> bool:
    """Return whether an email in a separate transaction waits for a lock. Queue nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    try:
        with transaction.atomic():
            send(email, ip)
            transaction.set_rollback(True)
    except OperationalError:
        return True
    return False


@pytest.mark.parametrize(
    ("send", "email", "ip"),
    [
        (send_receipt, "Gia@example.org", "192.0.2.9"),
        (send_receipt, "else@example.org", "192.0.2.1"),
        (send_link, "else@example.org", "192.0.2.1"),
        (send_signup, "Gia@example.org", "192.0.2.9"),
        (send_signup, "else@example.org", "192.0.2.1"),
        (send_message, "else@example.org", "192.0.2.1"),
    ],
)
def test_email_under_the_same_limit_waits_until_the_first_is_committed(
    send: Callable[[str, str], None], email: str, ip: str
) -> None:
    with transaction.atomic():
        send("gia@example.org", "192.0.2.1")
        of_others = run_in_threads(lambda: waits(send, "else@example.org", "192.0.2.9"))
        assert (run_in_threads(lambda: waits(send, email, ip)), of_others) == ([True], [False])
    assert run_in_threads(lambda: waits(send, email, ip)) == [False]
