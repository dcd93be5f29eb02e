"""Tests for log entries as JSON and text: one line each, whatever they contain."""

import json
import logging
from typing import Any

import pytest
from django.test import RequestFactory

from core.logs import JsonFormatter, RedactingFormatter, redact, request_id

TEXT = RedactingFormatter("{levelname} {name}: {message}", style="{")
HOSTILE = 'a\nINFO shop: forged\r\x1b[2J\x00\x85\u2028\u2029\ud800"}'


def make_record(message: str = "", *args: Any, **extra: Any) -> logging.LogRecord:
    record = logging.LogRecord("shop", logging.ERROR, "", 1, message, args, extra.pop("exc_info", None))
    record.__dict__.update(extra)
    return record


def read(record: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    return json.loads(line)


def test_json_has_time_level_logger_and_message() -> None:
    record = make_record("for %s", "ann@example.org")
    record.created = 1_796_000_000.25
    assert read(record) == {
        "time": "2026-11-30T00:53:20.250+00:00", "level": "ERROR", "logger": "shop", "message": "for [email address]",
    }  # fmt: skip


def test_json_has_the_id_of_the_current_request() -> None:
    token = request_id.set("0123456789abcdef")
    try:
        assert read(make_record("x"))["request_id"] == "0123456789abcdef"
    finally:
        request_id.reset(token)
    assert "request_id" not in read(make_record("x"))


def test_json_has_the_redacted_traceback_in_one_field() -> None:
    with pytest.raises(ValueError, match="Invalid") as caught:
        raise ValueError("Invalid address ann@example.org")
    entry = read(make_record("failed", exc_info=(ValueError, caught.value, caught.value.__traceback__)))
    assert entry["traceback"].startswith("Traceback")
    assert entry["traceback"].endswith("ValueError: Invalid address [email address]")


def test_fields_replace_the_message() -> None:
    entry = read(make_record("text", fields={"status": 200}))
    assert (entry["status"], "message" in entry) == (200, False)


def test_control_characters_do_not_make_a_second_line() -> None:
    assert read(make_record("%s", HOSTILE))["message"] == HOSTILE
    text = TEXT.format(make_record("%s", HOSTILE))
    assert text.isprintable()
    assert text.startswith(r"ERROR shop: a\nINFO shop: forged\r\x1b[2J\x00\x85\u2028")
    text.encode()


@pytest.mark.parametrize("path", ["/orders/2345678923/", "/orders/2345678923%0A/"])
def test_route_replaces_the_path_of_the_request(path: str) -> None:
    request = RequestFactory().get(path)
    escaped = request.path.encode("unicode_escape").decode("ascii")
    record = make_record("Forbidden (%s): %s", "no token", escaped, request=request)
    for text in (read(record)["message"], TEXT.format(record)):
        assert "2345678923" not in text
        assert "Forbidden (no token): " in text
    assert record.args == ("no token", escaped)  # for other handlers


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Invalid request from ip=192.0.2.17: Invalid line: 'GET /orders/2'", "Invalid request from [removed]"),
        ("Error handling request GET /orders/2\nTraceback", "Error handling request [removed]\nTraceback"),
        ("refused: ip=192.0.2.17", "refused: ip=[IP address]"),
        ("from 192.0.2.17:5432, 192.0.2.18", "from [IP address]:5432, [IP address]"),
        ("AXES: locked [2001:db8::7]", "AXES: locked [[IP address]]"),
        ("from 2001:db8:0:0:1:2:3:4.", "from [IP address]."),
        ("from ::ffff:192.0.2.17", "from [IP address]"),
        (
            "violates check\nDETAIL:  Failing row contains (1, Ann Lee,\n12 High St).\nCONTEXT: COPY",
            "violates check\nDETAIL: [removed]\nCONTEXT: COPY",
        ),
        (
            "DETAIL:  Key (name)=(Ann).\n\nThe above exception was the direct cause",
            "DETAIL: [removed]\n\nThe above exception was the direct cause",
        ),
    ],
)
def test_ip_addresses_and_rows_are_redacted(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Listening at: http://127.0.0.1:8000 and [::1]", "at 12:30:45.123", "Django 5.2.19, 1.2.3.4.5", "std::vector",
        "12:30", "tests/test_x.py::test_a", "300.1.2.3", "cafe: face", "DETAIL is in the row", "value: 1:2:3",
    ],
)  # fmt: skip
def test_other_numbers_are_not_redacted(text: str) -> None:
    assert redact(text) == text
