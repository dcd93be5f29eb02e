"""Tests for answers that are sent again without running Django."""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone

from core.logs import JsonFormatter
from core.page_cache import storage
from ecommerce.operations import request_log
from ecommerce.shared_pages import ready_answers
from ecommerce.wsgi import application
from products.models import Product
from tests.makers import make_product, make_user

pytestmark = pytest.mark.django_db
ENCODINGS = ["br", "gzip", "identity"]


@dataclass
class Answer:
    """What a WSGI server sends, and whether Django made it."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    is_of_django: bool

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")

    def without_id(self) -> tuple[str, list[tuple[str, str]], bytes]:
        return self.status, sorted(pair for pair in self.headers if pair[0] != request_log.HEADER), self.body


Send = Callable[..., Answer]


@pytest.fixture
def send(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    """Return a function that sends a request as a WSGI server does. `parts` are parts of its environment."""
    settings.PAGE_CACHE = True
    storage.clear()
    ready_answers.KNOWN.clear()
    started: list[object] = []

    def note(**kwargs: Any) -> None:
        started.append(kwargs)

    def send(path: str = "/products/", **parts: Any) -> Answer:
        head: list[Any] = []
        environ = {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_ACCEPT_ENCODING": "br", "wsgi.input": BytesIO(), "wsgi.url_scheme": "http",
        }  # fmt: skip
        started.clear()
        response = application(environ | parts, lambda status, headers, exc_info=None: head.extend([status, headers]))
        body = b"".join(response)
        return Answer(head[0], list(head[1]), body, is_of_django=bool(started))

    # Django would close the connection of the test, which is in a transaction.
    monkeypatch.setattr(connections["default"], "close_if_unusable_or_obsolete", lambda: None)
    receivers, request_started.receivers = request_started.receivers, []
    request_started.connect(note)
    yield send
    request_started.receivers = receivers
    request_started.sender_receivers_cache.clear()
    storage.clear()
    ready_answers.KNOWN.clear()


@pytest.fixture
def product() -> Product:
    return make_product(title="Teal mug")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("path", ["/", "/products/", "/products/teal-mug/"])
def test_answer_that_is_ready_equals_that_of_django(send: Send, product: Product, path: str, encoding: str) -> None:
    of_django, ready = (send(path, HTTP_ACCEPT_ENCODING=encoding) for _number in range(2))
    assert (of_django.is_of_django, ready.is_of_django) == (True, False)
    assert ready.without_id() == of_django.without_id()


@pytest.mark.parametrize(
    "parts",
    [
        {"HTTP_COOKIE": "theme=dark"},
        {"HTTP_IF_NONE_MATCH": 'W/"1"'},
        {"REQUEST_METHOD": "HEAD"},
        {"QUERY_STRING": "page=1"},
        {"HTTP_ACCEPT_LANGUAGE": "de"},
        {"HTTP_ACCEPT_ENCODING": "gzip"},
        {"HTTP_HOST": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"wsgi.url_scheme": "https"},
        {"SCRIPT_NAME": "/shop"},
    ],
    ids=lambda parts: "-".join(parts),
)
def test_request_that_differs_is_left_to_django(send: Send, product: Product, parts: dict[str, str]) -> None:
    send(), send()
    assert send(**parts).is_of_django


def test_request_with_very_long_headers_never_has_a_ready_answer(send: Send, product: Product) -> None:
    long = "en;" * 1000
    send(HTTP_ACCEPT_LANGUAGE=long)
    assert send(HTTP_ACCEPT_LANGUAGE=long).is_of_django


def test_answer_of_django_with_a_cookie_is_never_sent_to_others(send: Send, product: Product) -> None:
    send(HTTP_COOKIE="theme=dark"), send(HTTP_COOKIE="theme=dark")
    assert send().is_of_django


def test_next_answer_shows_a_change(send: Send, product: Product) -> None:
    send(), send()
    product.title = "Green mug"
    product.save()
    changed = send(HTTP_ACCEPT_ENCODING="br")
    assert changed.is_of_django
    assert b"Green mug" in send(HTTP_ACCEPT_ENCODING="identity").body
    assert send().without_id() == changed.without_id()


def test_expired_page_is_left_to_django(send: Send, product: Product) -> None:
    send(), send()
    for page in storage.MEMORY.values():
        page.expires = timezone.now().timestamp() - 1
    assert send().is_of_django


def test_page_that_is_no_longer_stored_is_left_to_django(send: Send, product: Product) -> None:
    send(), send()
    storage.clear()
    assert send().is_of_django


def test_maintenance_ends_ready_answers(send: Send, product: Product, settings: Any) -> None:
    send(), send()
    settings.MAINTENANCE = True
    assert send().status == "503 Service Unavailable"


@pytest.mark.parametrize("path", ["/cart/", "/products/no-such-mug/", "/accounts/login/", "/healthz"])
def test_page_that_is_not_shared_has_no_ready_answer(send: Send, path: str) -> None:
    send(path), send(path)
    assert send(path).is_of_django


def test_page_for_a_signed_in_visitor_is_never_ready(send: Send, product: Product, client: Any) -> None:
    client.force_login(make_user("ann@example.org"))
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    send(HTTP_COOKIE=cookie), send(HTTP_COOKIE=cookie)
    assert send().is_of_django


def test_answer_that_varies_by_another_header_is_not_kept(
    send: Send, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready_answers, "VARIES_BY", {"cookie", "accept-encoding"})
    send(), send()
    assert send().is_of_django


def test_answer_is_not_ready_without_a_page_cache(send: Send, product: Product, settings: Any) -> None:
    settings.PAGE_CACHE = False
    send(), send()
    assert send().is_of_django


@pytest.mark.parametrize("state", [{"connection": None}, {"is_usable": lambda: False}], ids=["not open", "not usable"])
def test_django_opens_connections(
    send: Send, product: Product, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    """A connection that Django opens has the limits of requests. Without one, the database may be silent."""
    send(), send()
    for name, value in state.items():
        monkeypatch.setattr(connections["default"], name, value)
    assert not ready_answers._has_connection()


def test_obsolete_connection_is_closed(send: Send, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    send(), send()
    closed: list[bool] = []
    monkeypatch.setattr(connections["default"], "close_if_unusable_or_obsolete", lambda: closed.append(True))
    send()
    assert closed == [True]


def test_query_that_failed_is_not_repeated(
    send: Send, product: Product, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    send(), send()
    failure = OperationalError("canceling statement due to statement timeout")
    failure.__cause__ = sqlite3.OperationalError()
    failure.__cause__.sqlite_errorcode = sqlite3.SQLITE_BUSY

    def fail(names: object) -> None:
        raise failure

    monkeypatch.setattr(ready_answers, "read_versions", fail)
    with django_assert_num_queries(0):
        assert send().status == "503 Service Unavailable"


def test_request_is_left_to_django_after_another_error(
    send: Send, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(), send()

    def fail(names: object) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(ready_answers, "read_versions", fail)
    answer = send()
    assert (answer.is_of_django, answer.status) == (True, "200 OK")


def test_ready_answer_takes_one_query(send: Send, product: Product, django_assert_num_queries: Any) -> None:
    send(), send()
    with django_assert_num_queries(1):
        assert not send().is_of_django


def test_ready_answer_has_an_id_and_a_line_in_the_log(send: Send, product: Product, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    output = StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(JsonFormatter())
    send("/products/teal-mug/")
    request_log.logger.addHandler(handler)
    ready = send("/products/teal-mug/", HTTP_X_REQUEST_ID="0123456789abcdef")
    request_log.logger.removeHandler(handler)
    entry = json.loads(output.getvalue())
    assert ready.header(request_log.HEADER) == "0123456789abcdef"
    assert {name: entry[name] for name in ("request_id", "method", "route", "status")} == {
        "request_id": "0123456789abcdef", "method": "GET", "route": "/products/<slug:slug>/", "status": 200,
    }  # fmt: skip
    assert send().header(request_log.HEADER) != send().header(request_log.HEADER)


def test_made_up_urls_do_not_push_out_answers(send: Send, product: Product) -> None:
    send(), send()
    known = len(ready_answers.KNOWN)
    for number in range(5):
        send(QUERY_STRING=f"made_up={number}")
    assert len(ready_answers.KNOWN) == known
