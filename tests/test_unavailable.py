"""Tests for requests whose database or disk fails: which errors are transient, and what visitors get."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg.errors
import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.signals import connection_created
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from carts.models import Cart
from core.database import sqlite_files
from core.resilience.transient import is_transient
from ecommerce.operations.unavailable import UnavailableMiddleware
from tests.makers import PASSWORD, add_to_cart, make_product, make_user

pytestmark = pytest.mark.sampled(3)

only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has tests of its own")
TRANSIENT = [
    psycopg.OperationalError("the connection is lost"),
    psycopg.errors.LockNotAvailable(), psycopg.errors.QueryCanceled(), psycopg.errors.DeadlockDetected(),
    psycopg.errors.SerializationFailure(), psycopg.errors.DiskFull(), psycopg.errors.AdminShutdown(),
    psycopg.errors.TooManyConnections(), psycopg.errors.ReadOnlySqlTransaction(),
    InterfaceError("connection already closed"), OSError(errno.ENOSPC, "No space left on device"),
]  # fmt: skip
LASTING = [
    psycopg.IntegrityError(), psycopg.errors.UniqueViolation(), psycopg.errors.UndefinedTable(),
    psycopg.errors.NumericValueOutOfRange(), psycopg.errors.ProgramLimitExceeded(), psycopg.ProgrammingError(),
    psycopg.errors.InFailedSqlTransaction(), OSError(errno.ENOENT, "No such file"), ValueError(), None,
]  # fmt: skip


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_error_of_now_is_transient(error: Exception) -> None:
    later = OperationalError()
    later.__cause__ = error
    in_handler = Http404()
    in_handler.__context__ = later
    assert [is_transient(each) for each in (error, later, in_handler)] == [True] * 3


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_error_of_the_program_or_its_data_is_not_transient(error: Exception | None) -> None:
    assert is_transient(error) is False


def error_of(statement: str, file: Path, prepare: Callable[[sqlite3.Connection], object]) -> sqlite3.Error:
    """Return the error that SQLite raises for the statement."""
    with closing(sqlite3.connect(file, timeout=0)) as database:
        database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text)")
        database.commit()
        prepare(database)
        with pytest.raises(sqlite3.Error) as raised:
            database.execute(statement)
    while LOCKS:
        LOCKS.pop().close()
    return raised.value


LOCKS: list[sqlite3.Connection] = []  # they last as long as their connections


def lock(database: sqlite3.Connection) -> None:
    name = database.execute("PRAGMA database_list").fetchone()[2]
    other = sqlite3.connect(name, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    LOCKS.append(other)


def fill(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA max_page_count = 1")


def protect(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA query_only = 1")


INSERT = "INSERT INTO row (text) VALUES (zeroblob(9000))"
STATEMENTS = [
    (INSERT, lock, True), (INSERT, fill, True), (INSERT, protect, True),
    ("SELECT * FROM nothing", bool, False), ("SELEKT", bool, False),
    ("INSERT INTO row (id) VALUES (1), (1)", bool, False),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "prepare", "expected"), STATEMENTS)
def test_errors_of_sqlite_are_told_apart(tmp_path: Path, statement: str, prepare: Any, expected: bool) -> None:
    assert is_transient(error_of(statement, tmp_path / "file.sqlite3", prepare)) is expected


# --- what visitors get ---


def assert_unavailable(response: Any) -> None:
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert ("The shop is busy" in response.text, response.cookies) == (True, {})
    assert ("Refresh" in response.headers) == (response.request["REQUEST_METHOD"] == "GET")
    assert "Content-Security-Policy" in response.headers


@contextmanager
def locked_file() -> Iterator[None]:
    """Hold the lock of the database file. Others wait for a tenth of a second."""
    connection.ensure_connection()
    connection.connection.execute("PRAGMA busy_timeout = 100")
    other = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@only_sqlite
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_locked_file_stops_forms_and_no_pages(client: Client) -> None:
    product = make_product(slug="teal-mug")
    add_to_cart(client, product)
    client.get("/cart/")  # shows the message
    with locked_file():
        assert_unavailable(add_to_cart(client, product, 3))
        assert_unavailable(add_to_cart(Client(), product, 3))
        pages = ("/", "/products/", "/products/teal-mug/", "/cart/", "/cart/checkout/", "/readyz", "/health/")
        assert [client.get(path).status_code for path in pages] == [200] * 7
    assert Cart.objects.get().items.get().quantity == 1
    assert add_to_cart(client, product, 3).status_code == 302
    assert Cart.objects.get().items.get().quantity == 4


class LockAfterView:
    """Middleware that makes the database read-only after the view."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        connection.connection.execute("PRAGMA query_only = 1")
        return response


@only_sqlite
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_session_that_cannot_be_stored_signs_nobody_in(client: Client, settings: Any) -> None:
    """Log a visitor in. A middleware stores the session, after the view."""
    make_user()
    client.raise_request_exception = False

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.LockAfterView"]
    client.handler.load_middleware()
    try:
        response = client.post("/accounts/login/", {"email": "alice@example.org", "password": PASSWORD})
    finally:
        connection.connection.execute("PRAGMA query_only = 0")
    assert_unavailable(response)


@only_sqlite
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_full_disk_stops_forms_and_no_pages() -> None:
    product = make_product(slug="teal-mug", stock=1000)
    shopper = Client()
    add_to_cart(shopper, product)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # so that no page is free
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    try:
        answers = [add_to_cart(Client(), product) for _visitor in range(50)]
        full = [response for response in answers if response.status_code != 302]
        assert full
        for response in full:
            assert_unavailable(response)
        assert Cart.objects.count() == 1 + len(answers) - len(full)
        for path in ("/", "/products/", "/products/teal-mug/", "/cart/", "/cart/checkout/", "/accounts/login/"):
            assert [client.get(path, follow=True).status_code for client in (shopper, Client())] == [200, 200], path
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert add_to_cart(shopper, product).status_code == 302


@only_sqlite
@pytest.mark.django_db
def test_server_keeps_the_files_that_readers_need(tmp_path: Path) -> None:
    name = str(tmp_path / "shop.sqlite3")
    database = connection.copy()
    database.settings_dict = connection.settings_dict | {"NAME": name}
    found = []
    is_server = connection_created.disconnect(dispatch_uid=sqlite_files.DISPATCH_UID)  # if a test imported wsgi.py
    for keep in (lambda **kwargs: None, sqlite_files._keep_files_of):
        with database.cursor() as cursor:
            cursor.execute("SELECT * FROM sqlite_master")
            keep(connection=database)
        database.close()
        found.append(Path(f"{name}-shm").exists())
    sqlite_files._kept.pop(name).close()
    if is_server:
        sqlite_files.keep_files()
    assert found == [False, True]


@pytest.mark.django_db
def test_reads_of_catalog_pages_write_nothing(client: Client, page_cache: None) -> None:
    add_to_cart(client, make_product(slug="teal-mug"))
    client.get("/cart/")
    for path in ("/", "/products/", "/products/teal-mug/", "/cart/"):
        if connection.vendor == "sqlite":
            connection.connection.execute("PRAGMA query_only = 1")
        try:
            assert client.get(path).status_code == 200
        finally:
            if connection.vendor == "sqlite":
                connection.connection.execute("PRAGMA query_only = 0")


def test_messages_wait_for_a_page_that_shows_them(settings: Any) -> None:
    """A failed request neither loses the messages that it read nor shows those of what was rolled back."""

    def view(request: HttpRequest) -> HttpResponse:
        shown.extend(str(message) for message in get_messages(request))
        get_messages(request).add(20, "Added")
        return middleware.process_exception(request, OSError(errno.ENOSPC, "full")) or HttpResponse()

    shown: list[str] = []
    middleware = UnavailableMiddleware(view)
    handler = MessageMiddleware(middleware)
    request = RequestFactory().get("/")
    request.session = SessionStore()
    first = MessageMiddleware(lambda request: get_messages(request).add(20, "Earlier") or HttpResponse())(request)
    request = RequestFactory().get("/", headers={"Cookie": first.cookies.output(header="").strip()})
    request.session = SessionStore()
    response = handler(request)
    assert (shown, response.status_code, response.cookies) == (["Earlier"], 503, {})


@pytest.mark.django_db
def test_transaction_of_the_request_is_rolled_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last step of a form fail as a server that has lost its disk does."""
    product = make_product()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError from psycopg.errors.DiskFull()

    monkeypatch.setattr("carts.views.cart.save_session", fail)
    assert_unavailable(add_to_cart(client, product))
    assert not Cart.objects.exists()
    monkeypatch.undo()
    assert add_to_cart(client, product).status_code == 302
