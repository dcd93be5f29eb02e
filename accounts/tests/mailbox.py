"""Test helpers for account emails and their links."""

import re
from typing import Any

from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import emails
from orders.workflow.claims import has_earlier_orders


def send_due_emails() -> int:
    """Send the account emails that are due, as reconcile does. Return their number."""
    return emails.send_due_emails(has_earlier_orders)


def get_link(message: Any) -> str:
    """Return the path of the only link in the text of an email. Assert that the HTML has the same link."""
    [link] = set(re.findall(rf"{settings.SITE_URL}(/accounts/\S+/)", message.body))
    assert f'href="{settings.SITE_URL}{link}"' in message.alternatives[0].content
    return str(link)


def send_and_get_link() -> str:
    """Send the queued emails and return the path of the link in the last one."""
    assert send_due_emails()
    return get_link(mail.outbox[-1])


def request_password_reset(client: Client, email: str = "alice@example.org", **extra: Any) -> Any:
    return client.post(reverse("accounts:password_reset"), {"email": email}, **extra)


def open_reset_link(client: Client, email: str = "alice@example.org") -> str:
    """Request and open a password reset link. Return the URL of the form for the new password."""
    request_password_reset(client, email)
    return str(client.get(send_and_get_link()).url)


def new_password_data(password: str, again: str | None = None) -> dict[str, str]:
    """Return the data for the two password fields of the form."""
    return {"new_password1": password, "new_password2": password if again is None else again}
