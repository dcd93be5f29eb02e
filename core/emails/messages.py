"""Email messages with a text and an HTML version, from templates/<name>.txt and templates/<name>.html."""

import re
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


def build_email(name: str, subject: str, to: str, message_id: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    """Return the email message in the active language.

    The templates receive the subject, the name, URL and support email address of the shop, and `context`.
    """
    message = build_text_email(name, subject, to, message_id, context)
    context = {"subject": message.subject} | _shop_context() | context
    message.attach_alternative(render_to_string(f"{name}.html", context), "text/html")
    return message


def build_text_email(
    name: str, subject: str, to: str, message_id: str, context: dict[str, Any]
) -> EmailMultiAlternatives:
    """Return an email message that has only a text version."""
    subject = " ".join(subject.split())  # a line break would start another header
    context = {"subject": subject} | _shop_context() | context
    text = re.sub(r"\n\s*\n", "\n\n", render_to_string(f"{name}.txt", context)).strip() + "\n"
    headers = {"Auto-Submitted": "auto-generated", "Message-ID": message_id}
    return EmailMultiAlternatives(subject, text, to=[to], headers=headers, reply_to=[settings.SUPPORT_EMAIL])


def message_id_domain() -> str:
    """Return what follows the @ in a Message-ID: the shop's host, or an IPv6 address as RFC 5321 spells it."""
    host = settings.SITE_HOST or "localhost"
    return f"[IPv6:{host}]" if ":" in host else host


def _shop_context() -> dict[str, Any]:
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "support_email": settings.SUPPORT_EMAIL,
    }
