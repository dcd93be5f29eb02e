"""Tests for removing personal data and secret links from log lines."""

import logging

import pytest

from core.logs import RedactingFormatter, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("to ann.lee+x@example.org: no", "to [email address]: no"),
        ("(550, b'5.1.1 <ann@example.org>: unknown')", "(550, b'5.1.1 <[email address]>: unknown')"),
        ("Key (email)=(ann@example.org) already exists.", "Key (email)=([email address]) already exists."),
        ("GET /?email=ann%40example.org HTTP/1.1", "GET /?email=[email address] HTTP/1.1"),
        ("for o'neil@töpferei.example, root@localhost", "for [email address], [email address]"),
        ("GET /orders/2345678923/?key=WyIy:1vX-y_z&a=1", "GET /orders/2345678923/?key=[key]&a=1"),
        ("Not Found: /accounts/claim/eyJhIjoxfQ:1vXyzA:abcdefghijk/", "Not Found: /accounts/claim/[token]/"),
        ("/accounts/password-reset/MQ/c8x2yz-0123456789abcdef0123456789/", "/accounts/password-reset/MQ/[token]/"),
    ],
)
def test_personal_data_and_secret_links_are_redacted(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "order 2345678923: payment intent pi_3Qabc0123456789abcdefghij has unexpected status processing",
        'File "/usr/lib/python3.11/site-packages/django/core/handlers/base.py", line 197, in _get_response',
        "Not Found: /static/css/shop.0123456789abcdef0123456789abcdef.css",
    ],
)
def test_other_text_is_not_redacted(text: str) -> None:
    assert redact(text) == text


def test_traceback_is_redacted() -> None:
    with pytest.raises(ValueError, match="Invalid") as caught:
        raise ValueError("Invalid address ann@example.org")
    exc_info = (ValueError, caught.value, caught.value.__traceback__)
    record = logging.LogRecord("shop", logging.ERROR, "", 1, "for %s", ("bo@example.org",), exc_info)
    text = RedactingFormatter("{levelname} {name}: {message}", style="{").format(record)
    assert text.startswith("ERROR shop: for [email address]\nTraceback")
    assert text.endswith("ValueError: Invalid address [email address]")


def test_every_package_logs_through_the_redacting_formatter() -> None:
    root = logging.getLogger()
    loggers = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    assert [handler for handler in handlers if not isinstance(handler, logging.NullHandler)] == []
    assert all(logging.getLogger(name).propagate for name in ("django", "django.server", "django.request", "axes"))
    assert any(isinstance(handler.formatter, RedactingFormatter) for handler in root.handlers)
