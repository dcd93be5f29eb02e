"""The server for the abuse tests: gunicorn as in production, a separate database and the simulator, all on loopback."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.apps import apps
from django.conf import settings

from core.background.tasks import has_workers
from core.emails.outbox import OutboxMail
from stripe_simulator.server import Simulator
from tests.proofs.abuse_data import STAFF
from tests.proofs.hostile_client import Attacker
from tests.proofs.proof_report import ProofReport

WEBHOOK_SECRET = "whsec_abuse"
MAX_WORK_SECONDS = 5.0
NOT_IMPLEMENTED = 501  # gunicorn's response to an unknown transfer coding, as RFC 9112 requires
SECRET_KEY = "of-the-abused-shop-" + "k" * 50
# The shipped configuration, but a shop that is killed in a test does not wait for its requests.
CONFIGURATION = str(settings.BASE_DIR / "gunicorn.conf.py")
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", CONFIGURATION, "--graceful-timeout", "2"]
CRASHES = ("Internal Server Error", "Error handling request", "Exception in worker", "WORKER TIMEOUT", "CRITICAL")
Row = dict[str, Any]
Rows = dict[str, Counter[str]]
TASKS = "django_tasks_database_dbtaskresult"
COUNTERS = {"billing_ratecounter", TASKS}  # requests that change nothing else are counted, and may start a task
WORKER = [sys.executable, str(settings.BASE_DIR / "manage.py"), "db_worker"]
WORKER += ["--queue-name", "*", "--no-reload", "--no-startup-delay", "--interval", "0.05"]


class AbuseServer:
    """A running shop server: its URL, database, email messages and log."""

    def __init__(self, folder: Path, simulator: Simulator, port: int) -> None:
        self.folder, self.simulator, self.log = folder, simulator, folder / "server.log"
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.database = Database(folder)
        self.product_ids: dict[str, int] = {}
        self._visitors = count(1 << 14 | 1)
        self.report: ProofReport | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment variables that .env.example lists for production."""
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.proofs.abuse_settings", "DEBUG": "off",
            "SECRET_KEY": SECRET_KEY, "SITE_URL": self.url, "ALLOWED_HOSTS": "127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_abuse", "STRIPE_PUBLISHABLE_KEY": "pk_test_abuse",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "STRIPE_API_BASE": self.simulator.url,
            "VAR_DIR": str(self.folder), "DATABASE_URL": self.database.url,
        } | {f"LIMIT_{name.upper()}": "1000000" for name in settings.REQUEST_LIMITS}  # fmt: skip

    def visitor(self, source: str = "") -> Attacker:
        """Return a new visitor with their own loopback IP address, because limits count by IP address."""
        number = next(self._visitors)
        return Attacker(self.port, source or f"127.{number >> 14}.{number >> 7 & 127}.{number & 127}")

    def requests_to_stripe(self) -> int:
        """Return how many requests Stripe got, without new customers, which can come a moment after their visitor."""
        return sum((method, path) != ("POST", "/v1/customers") for method, path, *_rest in self.simulator.requests)

    def staff(self) -> Attacker:
        """Return a superuser who is signed in to the admin."""
        staff = self.visitor()
        assert staff.log_in(STAFF, path="/admin/login/").status == 302
        return staff

    def manage(self, *command: str) -> None:
        """Run a management command while the server is running."""
        environment = self.environment() | {"PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command], env=environment, capture_output=True
        )
        assert done.returncode in (0, 1), done.stderr.decode()  # 1 means that there are findings

    def table(self, name: str) -> list[Row]:
        """Return all rows of a table."""
        return self.database.table(name)

    def order(self, number: str) -> Row:
        """Return the row of the order with this number."""
        return next(row for row in self.table("orders_order") if row["order_id"] == number)

    def emails(self) -> list[str]:
        """Return the source of all email messages sent, the oldest first."""
        self.wait_for_work()
        paths = sorted((self.folder / "mail").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in paths]

    def wait_for_work(self) -> None:
        """Wait until the server has done what it leaves for after its responses: email to send, cards to detach."""
        deadline = time.monotonic() + MAX_WORK_SECONDS
        while self._is_working() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _is_working(self) -> bool:
        if any(row["status"] in ("READY", "RUNNING") for row in self.table(TASKS)):
            return True
        tables = [model._meta.db_table for model in apps.get_models() if issubclass(model, OutboxMail)]
        mails = [row for table in tables for row in self.table(table)]
        # Without a worker, only claimed messages are sent now; all others wait for reconcile.
        claimed = any((has_workers() or row["attempts"]) and not (row["sent"] or row["dropped"]) for row in mails)
        return claimed or any(row["is_detach_due"] for row in self.table("billing_card"))

    @contextmanager
    def assert_unchanged(self, *but: str) -> Iterator[None]:
        """Check that inside the context no row changes, except in the tables `but`, and that the log has no crash."""
        self.wait_for_work()
        before, read = self.database.digest(), self.log.stat().st_size
        yield
        self.wait_for_work()
        after = self.database.digest()
        changed = {name: (before[name] - after[name], after[name] - before[name]) for name in after}
        self._report(
            "unexplained",
            [f"{name}: {rows}" for name, rows in changed.items() if any(rows) and name not in (*but, *COUNTERS)],
        )
        log_lines = self.log.read_bytes()[read:].decode(errors="replace").splitlines()
        self._report("server_errors", [line for line in log_lines if any(word in line for word in CRASHES)])

    def _report(self, figure: str, found: list[str]) -> None:
        """Record the problems in the results table and fail the test."""
        for text in found:
            if self.report:
                self.report.expect(False, figure, text)
        assert not found

    @contextmanager
    def running(self, server_socket: socket.socket) -> Iterator[None]:
        """Fill the database, then serve on this open socket."""
        fill = [sys.executable, "-m", "tests.proofs.abuse_data"]
        serve = [*GUNICORN, "--bind", f"fd://{server_socket.fileno()}"]
        environment, file_descriptors = self.environment(), [server_socket.fileno()]
        subprocess.run(fill, env=environment, check=True)
        self.product_ids = {row["sku"]: int(row["id"]) for row in self.table("products_product")}
        with (
            self.log.open("wb") as log,
            subprocess.Popen(serve, env=environment, stdout=log, stderr=log, pass_fds=file_descriptors) as server,
        ):
            server_socket.close()  # only the server holds the socket, so that visitors notice if it stops
            try:
                assert self.visitor().get("/health/").status == 200
                with self._working(log):
                    yield
            finally:
                server.terminate()

    @contextmanager
    def _working(self, log: IO[bytes]) -> Iterator[None]:
        """Run a worker in the context, if tasks wait for one (TASK_ENGINE=database)."""
        if not has_workers():
            yield
            return
        with subprocess.Popen(WORKER, env=self.environment(), stdout=log, stderr=log) as worker:
            try:
                yield
            finally:
                worker.terminate()


class Database:
    """Direct access to the shop's database: an SQLite file, or a new database on the server of DATABASE_URL."""

    def __init__(self, folder: Path) -> None:
        self.outside = os.environ.get("DATABASE_URL", "")
        self.is_postgres = self.outside.startswith("postgres")
        self.name = f"abuse_{os.getpid()}" if self.is_postgres else str(folder / "shop.sqlite3")
        self.url = f"sqlite:///{self.name}"
        if self.is_postgres:
            self.url = urlunsplit(urlsplit(self.outside)._replace(path=f"/{self.name}"))
            self._outside(f"CREATE DATABASE {self.name}")

    def _outside(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.outside, autocommit=True) as connection:
            connection.execute(statement)

    def _connect(self) -> Any:
        if not self.is_postgres:
            return sqlite3.connect(self.name, timeout=20)
        import psycopg

        return psycopg.connect(self.url)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Yield a cursor on a new connection and commit at the end."""
        connection = self._connect()
        try:
            cursor = connection.cursor()
            yield cursor
            connection.commit()
        finally:
            connection.close()

    def tables(self, cursor: Any) -> list[str]:
        """Return the names of all tables."""
        if self.is_postgres:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return [name for (name,) in cursor.fetchall()]

    def table(self, name: str) -> list[Row]:
        """Return all rows of a table in the order of its first column, which is usually the id."""
        with self.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{name}" ORDER BY 1')  # noqa: S608 - the name comes from tests
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def digest(self) -> Rows:
        """Return all rows of all tables as text, counted per table."""
        with self.cursor() as cursor:
            names = self.tables(cursor)
            if not self.is_postgres:
                return {name: self._rows(cursor, name) for name in names}
            each = (f"SELECT '{name}', t::text FROM \"{name}\" t" for name in names)  # noqa: S608
            cursor.execute(" UNION ALL ".join(each))  # one query instead of forty
            found: Rows = {name: Counter() for name in names}
            for name, row in cursor:
                found[name][row] += 1
            return found

    def _rows(self, cursor: Any, name: str) -> "Counter[str]":
        cursor.execute(f'SELECT * FROM "{name}"')  # noqa: S608
        return Counter(repr(row) for row in cursor.fetchall())

    def write(self, statement: str) -> None:
        """Execute a statement that changes rows, as staff or the passing of time would."""
        with self.cursor() as cursor:
            cursor.execute(statement)

    def drop(self) -> None:
        """Drop the database on the PostgreSQL server."""
        if self.is_postgres:
            self._outside(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


@pytest.fixture(scope="session")
def abuse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AbuseServer]:
    """Yield the running shop that all abuse tests share."""
    simulator = Simulator(webhook_secret=WEBHOOK_SECRET)
    simulator.start()
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        shop = AbuseServer(tmp_path_factory.mktemp("abused"), simulator, server_socket.getsockname()[1])
        try:
            with shop.running(server_socket):
                yield shop
        finally:
            shop.database.drop()
            simulator.stop()


@pytest.fixture
def shop(abuse_server: AbuseServer, report: ProofReport) -> Iterator[AbuseServer]:
    """Yield the abuse server. Count every response as a try, and every status of 500 or above as a problem.

    Status 501 is not counted as a problem.
    """
    report.name, abuse_server.report = "Abuse", report
    Attacker.counts.clear()
    yield abuse_server
    report.count_try(times=Attacker.counts.total())
    for status, times in Attacker.counts.items():
        report.expect(
            status < 500 or status == NOT_IMPLEMENTED, "server_errors", f"{times} responses with status {status}"
        )


@pytest.fixture
def guest(shop: AbuseServer) -> Attacker:
    """Return a guest with a mug in the cart and completed details."""
    guest = shop.visitor()
    guest.add(shop.product_ids["mug"])
    guest.submit_details()
    return guest
