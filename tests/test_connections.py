"""Tests that requests keep their database connection, and that the next request opens another one if it was lost."""

from collections.abc import Iterator

import pytest
from django.core.handlers.wsgi import WSGIHandler
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
