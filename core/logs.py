"""Log entries as lines of JSON or text, without personal data and without links that open something."""

import copy
import json
import logging
import re
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest

from core.http import route_of
from core.times import format_log_time

# The id of the current request, also for work after its response. Empty outside requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")

EMAIL_ADDRESS = re.compile(r"[^\s<>\"()\[\]{}=:,;/?&|]+(?:@|%40)(?:[\w-]+\.)*[\w-]*\w")
LINK_KEY = re.compile(r"(?<=[?&]key=)[^\s&\"']+")
# Signed and password reset tokens in the path of a URL: long, with a digit, and without the dot of a file name.
LINK_TOKEN = re.compile(r"(?<=/)(?=[\w:=-]*\d)[\w:=-]{24,}(?=[/?\s\"']|$)")
# PostgreSQL quotes whole rows here. The next part of the error or of the traceback ends it.
ROW_DETAIL = re.compile(
    r"^DETAIL: .*?(?=\n(?:HINT|CONTEXT|STATEMENT):|\n\n(?:The above|During handling)|\Z)", re.DOTALL | re.MULTILINE
)
# gunicorn quotes a request that it cannot read.
RAW_REQUEST = re.compile(r"\b(Error handling request|Invalid request from) .*")
IP_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?=\w*:\w*:)[0-9A-Fa-f:]+(?:\.\d+){0,3})(?![\w.:]*\w)")
IP_WITH_PORT = re.compile(r"(?<![\w.:])\d{1,3}(?:\.\d{1,3}){3}(?=:\d)")
# Characters that end a line, move the cursor or cannot be encoded. A message could forge another entry with them.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def redact(text: str) -> str:
    """Return the text without email and IP addresses, quoted rows and requests, and the secret parts of links."""
    text = RAW_REQUEST.sub(r"\1 [removed]", ROW_DETAIL.sub("DETAIL: [removed]", text))
    text = EMAIL_ADDRESS.sub("[email address]", text)
    text = LINK_TOKEN.sub("[token]", LINK_KEY.sub("[key]", text))
    return IP_ADDRESS.sub(_redact_ip, IP_WITH_PORT.sub(_redact_ip, text))


def _redact_ip(match: re.Match[str]) -> str:
    """Return a placeholder for an IP address. Those of this machine stay, and so does text that is no address."""
    try:
        address = ip_address(match[0])
    except ValueError:
        return match[0]
    return match[0] if address.is_loopback or address.is_unspecified else "[IP address]"


def _without_path(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record with the route instead of the path of its request, which Django's messages contain.

    A path can contain the number of an order or a token.
    """
    request = getattr(record, "request", None)
    if not isinstance(request, HttpRequest) or not isinstance(record.args, tuple):
        return record
    escaped = request.path.encode("unicode_escape").decode("ascii")  # as Django logs it
    changed = copy.copy(record)
    changed.args = tuple(route_of(request) if arg in (request.path, escaped) else arg for arg in record.args)
    return changed


class RedactingFormatter(logging.Formatter):
    """Formatter that redacts the whole entry: the message and the traceback, whichever package logs it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(_without_path(record)))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - overrides logging.Formatter
        return UNSAFE.sub(lambda match: ascii(match[0])[1:-1], super().formatMessage(record))


class JsonFormatter(logging.Formatter):
    """Formatter that writes each entry as one line of JSON.

    Its attribute `fields`, if it has one, replaces the message. Only a caller that knows that the values are free of
    personal data may set it, because they are not redacted.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": format_log_time(record.created),
            "level": record.levelname,
            "logger": record.name,
        }
        if current := request_id.get():
            entry["request_id"] = current
        fields = getattr(record, "fields", None)
        return json.dumps(entry | (self._texts(record) if fields is None else fields))

    def _texts(self, record: logging.LogRecord) -> dict[str, str]:
        texts = {"message": redact(_without_path(record).getMessage())}
        if record.exc_info:
            texts["traceback"] = redact(self.formatException(record.exc_info))
        if record.stack_info:
            texts["stack"] = redact(self.formatStack(record.stack_info))
        return texts
