"""The shop that is abused: gunicorn as in production, a database of its own and the simulator, all on loopback."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from stripe_simulator.server import Simulator
from tests.proofs.abuse_goods import STAFF
from tests.proofs.attacker import Attacker
from tests.proofs.ledger import Ledger

WEBHOOK_SECRET = "whsec_abuse"
NOT_IMPLEMENTED = 501  # gunicorn's own word for a transfer coding nobody knows, as RFC 9112 asks
SECRET_KEY = "of-the-abused-shop-" + "k" * 50
GUNICORN = [
    "gunicorn",
    "-k",
    "gthread",
    "--threads",
    "8",
    "--workers",
    "2",
    "--graceful-timeout",
    "2",
    "--no-control-socket",
]
CRASHES = ("Internal Server Error", "Error handling request", "Exception in worker", "WORKER TIMEOUT", "CRITICAL")
Row = dict[str, Any]
Rows = dict[str, Counter[str]]


class AbusedShop:
    """Where it listens, its rows and its log."""

    def __init__(self, folder: Path, simulator: Simulator, port: int) -> None:
        self.folder, self.simulator, self.log = folder, simulator, folder / "server.log"
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.database = Database(folder)
        self.goods: dict[str, int] = {}
        self._visitors = count(1 << 14 | 1)
        self.ledger: Ledger | None = None

    def environment(self) -> dict[str, str]:
        """As .env.example tells for a shop that goes live."""
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.proofs.abuse_settings", "DEBUG": "off",
            "SECRET_KEY": SECRET_KEY, "SITE_URL": self.url, "ALLOWED_HOSTS": "127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_abuse", "STRIPE_PUBLISHABLE_KEY": "pk_test_abuse",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "STRIPE_API_BASE": self.simulator.url,
            "VAR_DIR": str(self.folder), "DATABASE_URL": self.database.url,
        }  # fmt: skip

    def visitor(self, source: str = "") -> Attacker:
        """Somebody new, from an address of their own in the loopback network, since limits count by address."""
        number = next(self._visitors)
        return Attacker(self.port, source or f"127.{number >> 14}.{number >> 7 & 127}.{number & 127}")

    def staff(self) -> Attacker:
        """A superuser at the admin."""
        staff = self.visitor()
        assert staff.log_in(STAFF, path="/admin/login/").status == 302
        return staff

    def manage(self, *command: str) -> None:
        """What an operator runs beside the server."""
        environment = self.environment() | {"PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command], env=environment, capture_output=True
        )
        assert done.returncode in (0, 1), done.stderr.decode()  # 1 tells of findings

    def table(self, name: str) -> list[Row]:
        """All rows of a table."""
        return self.database.table(name)

    def order(self, number: str) -> Row:
        """The row of the order with this number."""
        return next(row for row in self.table("orders_order") if row["order_id"] == number)

    def mails(self) -> list[str]:
        """All mails sent, the oldest first, as they went out."""
        paths = sorted((self.folder / "mail").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in paths]

    @contextmanager
    def unchanged(self, *but: str) -> Iterator[None]:
        """No row changes inside but in the tables named, and nothing crashes."""
        before, read = self.database.digest(), self.log.stat().st_size
        yield
        after = self.database.digest()
        changed = {name: (before[name] - after[name], after[name] - before[name]) for name in after}
        self._note(
            "unexplained", [f"{name}: {rows}" for name, rows in changed.items() if any(rows) and name not in but]
        )
        said = self.log.read_bytes()[read:].decode(errors="replace").splitlines()
        self._note("server_errors", [line for line in said if any(word in line for word in CRASHES)])

    def _note(self, figure: str, found: list[str]) -> None:
        """What was found goes into the table of the proofs, and ends the test."""
        for text in found:
            if self.ledger:
                self.ledger.expect(False, figure, text)
        assert not found

    @contextmanager
    def running(self, door: socket.socket) -> Iterator[None]:
        """Fill the database, then serve at this open socket."""
        fill = [sys.executable, "-m", "tests.proofs.abuse_goods"]
        serve = [sys.executable, "-m", *GUNICORN, "--bind", f"fd://{door.fileno()}", "ecommerce.wsgi"]
        environment, doors = self.environment(), [door.fileno()]
        subprocess.run(fill, env=environment, check=True)
        self.goods = {row["sku"]: int(row["id"]) for row in self.table("products_product")}
        with (
            self.log.open("wb") as log,
            subprocess.Popen(serve, env=environment, stdout=log, stderr=log, pass_fds=doors) as server,
        ):
            door.close()  # only the server answers there, so that a visitor learns of its end
            try:
                assert self.visitor().get("/health/").status == 200
                yield
            finally:
                server.terminate()


class Database:
    """The shop's database seen from outside the shop: a file, or one made beside that of DATABASE_URL."""

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
        """A cursor of a connection of its own; what was written is kept."""
        connection = self._connect()
        try:
            cursor = connection.cursor()
            yield cursor
            connection.commit()
        finally:
            connection.close()

    def tables(self, cursor: Any) -> list[str]:
        """The names of all tables."""
        if self.is_postgres:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return [name for (name,) in cursor.fetchall()]

    def table(self, name: str) -> list[Row]:
        """All rows of a table, the oldest first where they are numbered."""
        with self.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{name}" ORDER BY 1')  # noqa: S608 - a name from our own tests
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def digest(self) -> Rows:
        """Every row of every table."""
        with self.cursor() as cursor:
            names = self.tables(cursor)
            if not self.is_postgres:
                return {name: self._rows(cursor, name) for name in names}
            each = (f"SELECT '{name}', t::text FROM \"{name}\" t" for name in names)  # noqa: S608
            cursor.execute(" UNION ALL ".join(each))  # one way to the server and back instead of forty
            found: Rows = {name: Counter() for name in names}
            for name, row in cursor:
                found[name][row] += 1
            return found

    def _rows(self, cursor: Any, name: str) -> "Counter[str]":
        cursor.execute(f'SELECT * FROM "{name}"')  # noqa: S608
        return Counter(repr(row) for row in cursor.fetchall())

    def write(self, statement: str) -> None:
        """What staff or time would change."""
        with self.cursor() as cursor:
            cursor.execute(statement)

    def drop(self) -> None:
        """Leave nothing behind where others keep their databases."""
        if self.is_postgres:
            self._outside(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


@pytest.fixture(scope="session")
def abused_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AbusedShop]:
    """The one running shop of all abuse."""
    simulator = Simulator(webhook_secret=WEBHOOK_SECRET)
    simulator.start()
    with socket.create_server(("127.0.0.1", 0)) as door:
        shop = AbusedShop(tmp_path_factory.mktemp("abused"), simulator, door.getsockname()[1])
        try:
            with shop.running(door):
                yield shop
        finally:
            shop.database.drop()
            simulator.stop()


@pytest.fixture
def shop(abused_shop: AbusedShop, ledger: Ledger) -> Iterator[AbusedShop]:
    """The abused shop; every answer of this test counts in the table, those of 500 and above as found."""
    ledger.name, abused_shop.ledger = "Abuse", ledger
    Attacker.counts.clear()
    yield abused_shop
    ledger.tried(times=Attacker.counts.total())
    for status, often in Attacker.counts.items():
        ledger.expect(status < 500 or status == NOT_IMPLEMENTED, "server_errors", f"{often} answers of {status}")


@pytest.fixture
def guest(shop: AbusedShop) -> Attacker:
    """A guest with a mug in the cart whose details are known."""
    guest = shop.visitor()
    guest.add(shop.goods["mug"])
    guest.give_details()
    return guest
