"""Email addresses in headers: a name and an address are formatted and parsed here, never joined from text."""

import re
from email.utils import formataddr

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_LENGTH = 254
NAME_AND_EMAIL = re.compile(r"(?P<name>.*?)\s*<(?P<email>[^<>]*)>")
# What almost all addresses look like. Django's validator accepts them too, but its expression takes long to compile.
PLAIN_EMAIL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def format_address(name: str, email: str) -> str:
    """Return the value of an address header, such as `"Hearth, Clay & Co" <shop@shop.example>`.

    The name is quoted or encoded if necessary. Line breaks in it become spaces.
    """
    return formataddr((" ".join(name.split()), email))


def parse_address(text: str) -> tuple[str, str]:
    """Return the name and the email address in `text`: an address, or a name and then an address in angle brackets.

    The name needs no quotes. Raise ValueError if this is not exactly one valid address.
    """
    found = NAME_AND_EMAIL.fullmatch(text.strip())
    name, email = (found["name"], found["email"].strip()) if found else ("", text.strip())
    quoted = QUOTED.fullmatch(name)
    if quoted:
        name = re.sub(r"\\(.)", r"\1", quoted[1])
    elif "@" in name:
        raise ValueError("several email addresses, or an unquoted @ in the name")
    if not name.isprintable() or not is_email_address(email):
        raise ValueError("not an email address")
    return name, email


def is_email_address(text: str) -> bool:
    """Check whether email can be sent to this address. Quoted names before the @ are left out."""
    if len(text) <= MAX_LENGTH and PLAIN_EMAIL.fullmatch(text):
        return True
    try:
        validate_email(text)
    except ValidationError:
        return False
    name, _at, domain = text.rpartition("@")
    return name.isascii() and '"' not in name and text.isprintable() and not domain.startswith("[")
