"""What a shopper does with mails: has them sent, and follows their links."""

import re
from typing import Any

from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.mails import send_waiting


def link_of(message: Any) -> str:
    """The path of the one link in a mail's text; the same must stand in its HTML."""
    [link] = set(re.findall(rf"{settings.SITE_URL}(/accounts/\S+/)", message.body))
    assert f'href="{settings.SITE_URL}{link}"' in message.alternatives[0].content
    return str(link)


def mailed_link() -> str:
    """Send what waits; the link in the last mail."""
    assert send_waiting()
    return link_of(mail.outbox[-1])


def ask_for_reset(client: Client, email: str = "alice@example.org", **extra: Any) -> Any:
    return client.post(reverse("accounts:password_reset"), {"email": email}, **extra)


def reset_page(client: Client, email: str = "alice@example.org") -> str:
    """The address of the page for a new password, after its link was asked for and followed."""
    ask_for_reset(client, email)
    return str(client.get(mailed_link()).url)


def new_password(password: str, again: str | None = None) -> dict[str, str]:
    """The form's two fields."""
    return {"new_password1": password, "new_password2": password if again is None else again}
