"""Tests that requests keep their database connection, that a lost one is replaced, and how long they wait."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import connection, connections
from django.test import RequestFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _production_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep connections, as in production. Other tests close theirs after each request."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 600)
    connection.close()
    yield
    connection.close()


def request_page() -> int:
    """Request a page that uses the database, with the signals of a server, and return the status."""
    response = WSGIHandler()(RequestFactory().get("/health/").environ, lambda *_args: None)
    response.close()
    return int(response.status_code)


def test_requests_share_a_connection() -> None:
    request_page()
    first = connection.connection
    assert request_page() == 200
    assert connection.connection is first is not None


def test_request_after_a_lost_connection_opens_another_one() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that can be restarted.")
    request_page()
    lost = connection.connection
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [lost.info.backend_pid])
    other.close()
    assert request_page() == 200
    assert connection.connection is not lost


def test_kept_connection_is_checked_without_a_question_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server.")
    request_page()
    monkeypatch.setattr("django.db.backends.postgresql.base.DatabaseWrapper.is_usable", lambda connection: 1 / 0)
    assert request_page() == 200


def test_server_is_asked_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server.")
    request_page()
    asked: list[bool] = []
    monkeypatch.setattr(
        "django.db.backends.postgresql.base.DatabaseWrapper.is_usable", lambda connection: not asked.append(True)
    )
    connection.errors_occurred = True
    assert request_page() == 200
    assert asked


@pytest.fixture
def new_connection() -> Callable[..., dict[str, str]]:
    """Return a function that reads the limits of a new connection in a new thread, which may have served a request."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server.")

    def read(is_server: bool, **options: str) -> dict[str, str]:
        def ask() -> dict[str, str]:
            if is_server:
                request_started.send(None)
            other = connections.create_connection("default")
            other.settings_dict = other.settings_dict | {"OPTIONS": other.settings_dict["OPTIONS"] | options}
            with other.cursor() as cursor:
                cursor.execute("SELECT name, setting FROM pg_settings WHERE name LIKE '%%_timeout'")
                found = dict(cursor.fetchall())
            other.close()
            return found

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(ask).result()

    return read


def test_requests_wait_shortly_and_commands_longer(new_connection: Callable[..., dict[str, str]]) -> None:
    request, command = new_connection(is_server=True), new_connection(is_server=False)
    assert (request["lock_timeout"], request["statement_timeout"]) == ("5000", "10000")
    assert (command["lock_timeout"], command["statement_timeout"]) == ("60000", "3600000")
    assert request["idle_in_transaction_session_timeout"] == "60000"


def test_operator_can_let_requests_wait_longer(new_connection: Callable[..., dict[str, str]], settings: Any) -> None:
    settings.DATABASE_SECONDS = 30
    assert new_connection(is_server=True)["statement_timeout"] == "30000"
    found = new_connection(is_server=True, options="-c lock_timeout=7s")
    assert (found["lock_timeout"], found["statement_timeout"]) == ("7000", "30000")
