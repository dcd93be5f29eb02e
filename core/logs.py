"""Log lines without personal data and without links that open something."""

import logging
import re

EMAIL_ADDRESS = re.compile(r"[^\s<>\"()\[\]{}=:,;/?&|]+(?:@|%40)(?:[\w-]+\.)*[\w-]*\w")
LINK_KEY = re.compile(r"(?<=[?&]key=)[^\s&\"']+")
# Signed and password reset tokens in the path of a URL: long, with a digit, and without the dot of a file name.
LINK_TOKEN = re.compile(r"(?<=/)(?=[\w:=-]*\d)[\w:=-]{24,}(?=[/?\s\"']|$)")


def redact(text: str) -> str:
    """Return the text without email addresses and without the secret parts of emailed links."""
    text = EMAIL_ADDRESS.sub("[email address]", text)
    return LINK_TOKEN.sub("[token]", LINK_KEY.sub("[key]", text))


class RedactingFormatter(logging.Formatter):
    """Formatter that redacts the whole entry: the message and the traceback, whichever package logs it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
