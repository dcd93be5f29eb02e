"""Tests with gunicorn as in production and a PostgreSQL that a lock, a frozen server or a stop keeps from answering.

Each answer arrives in time: a page of the shop with status 503, never a 500. When the database works again, so does the
next request.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from conftest import skip_unless_ci
from stripe_simulator.server import Simulator
from stripe_simulator.webhooks import signature
from tests.makers import PASSWORD
from tests.postgres_server import NO_POSTGRESQL, PostgresServer, running_postgres
from tests.proofs.production_server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("database failures")]
SECONDS = 2  # of DATABASE_SECONDS, so a lock takes one second and a frozen server seven
FROZEN = SECONDS + 5
THREADS = 4
PATIENCE = 60.0
SLACK = 5.0  # the machine can be busy
PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.makers import make_product, make_standard_delivery, make_user
make_product(title="Teal mug", slug="teal-mug", stock=50)
make_user("staff@shop.example", is_staff=True, is_superuser=True)
"""
# The last three need the database only for a visitor with a session.
PAGES = ["/", "/products/", "/products/teal-mug/", "/cart/", "/accounts/login/", "/admin/login/", "/nothing/"]


class Session(requests.Session):
    """A browser that uses no proxy and gives up in the end."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        self.trust_env = False
        return super().request(*args, **{"timeout": PATIENCE} | options)


@dataclass
class Shop:
    """A running shop and its database."""

    port: int
    database: PostgresServer

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def visitor(self) -> requests.Session:
        """Return a visitor with a cart of one mug."""
        session = Session()
        assert self.add(session).status_code == 200
        return session

    def add(self, session: requests.Session, quantity: int = 1, **headers: str) -> requests.Response:
        """Add mugs to the cart as a browser does."""
        data = {"product_id": "1", "quantity": str(quantity), "action": "add"}
        return session.post(self.url("/cart/update/"), data, headers={"Sec-Fetch-Site": "same-origin"} | headers)

    def get(self, path: str, session: requests.Session | None = None, **headers: str) -> requests.Response:
        return (session or Session()).get(self.url(path), headers=headers)

    def items(self, session: requests.Session) -> int:
        """Return the number of mugs in the cart."""
        page = session.get(self.url("/cart/")).text
        return int(page.partition("data-cart-items>")[2].partition("<")[0])

    @contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Hold the locks of a statement, as somebody in psql does."""
        with psycopg.connect(self.database.url) as connection:
            connection.execute(statement)
            yield
            connection.rollback()


@pytest.fixture(scope="module")
def running_shop(running_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Run a shop with one process on a PostgreSQL server of its own."""
    folder: Path = tmp_path_factory.mktemp("shop")
    with running_postgres() as database:
        if database is None:
            skip_unless_ci(NO_POSTGRESQL)
        assert database
        variables = {"DATABASE_URL": database.url, "DATABASE_SECONDS": str(SECONDS), "LOG_LEVEL": "WARNING"}
        environment = {"DJANGO_SETTINGS_MODULE": "ecommerce.settings", "VAR_DIR": str(folder)} | variables
        subprocess.run([sys.executable, "-c", PREPARE], env=environment, check=True)
        with running_server(folder, running_simulator, 1, THREADS, **variables) as server:
            yield Shop(server.port, database)


@pytest.fixture
def shop(running_shop: Shop) -> Iterator[Shop]:
    """Return the shop. Its database works at first, and all threads have a connection."""
    with ThreadPoolExecutor(2 * THREADS) as pool:
        assert {page.status_code for page in pool.map(running_shop.get, ["/products/"] * 4 * THREADS)} == {200}
    yield running_shop
    if not running_shop.database.is_running:
        running_shop.database.start()
    running_shop.database.thaw()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < seconds + SLACK


def assert_unavailable(response: requests.Response, is_read: bool) -> None:
    """Check the page of the shop that asks to try again, and that nothing sends a form again."""
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10"), response.url
    assert ("no-store" in response.headers["Cache-Control"], "Refresh" in response.headers) == (True, is_read)
    assert ("The shop is busy" in response.text, "Content-Security-Policy" in response.headers) == (True, True)
    assert "Set-Cookie" not in response.headers


def test_row_lock_stops_only_who_needs_the_row(shop: Shop) -> None:
    waiting, other = shop.visitor(), shop.visitor()
    with shop.locked("SELECT * FROM carts_cart WHERE id = (SELECT max(id) - 1 FROM carts_cart) FOR UPDATE"):
        with within(SECONDS / 2):
            assert_unavailable(shop.add(waiting, 3), is_read=False)
        with within(0):
            assert [shop.get(path, waiting).status_code for path in PAGES] == [200] * 6 + [404]
            assert shop.add(other, 3).status_code == 200
        assert (shop.items(waiting), shop.items(other)) == (1, 4)
    assert shop.add(waiting, 3).status_code == 200
    assert shop.items(waiting) == 4


def test_lock_that_all_need_leaves_no_thread_waiting(shop: Shop) -> None:
    visitors = [shop.visitor() for _number in range(2 * THREADS)]
    with shop.locked("LOCK TABLE carts_cart"), within(SECONDS), ThreadPoolExecutor() as pool:
        for response in pool.map(shop.add, visitors):
            assert_unavailable(response, is_read=False)
        assert shop.get("/healthz").status_code == 200
    assert [shop.items(visitor) for visitor in visitors] == [1] * len(visitors)


def test_webhook_asks_stripe_to_repeat_the_event(shop: Shop) -> None:
    subject = {"object": {"object": "charge"}}
    body = json.dumps({"id": "evt_1", "type": "charge.succeeded", "livemode": False, "data": subject})
    headers = {"Stripe-Signature": signature(body, "whsec_tests", int(time.time()))}
    with shop.locked("LOCK TABLE billing_stripeevent"):
        assert_unavailable(shop.visitor().post(shop.url("/billing/webhook/"), body, headers=headers), is_read=False)
    assert shop.visitor().post(shop.url("/billing/webhook/"), body, headers=headers).status_code == 200


def test_session_that_cannot_be_stored_signs_nobody_in(shop: Shop) -> None:
    staff = Session()
    staff.get(shop.url("/admin/login/"))
    form = {"username": "staff@shop.example", "password": PASSWORD, "csrfmiddlewaretoken": staff.cookies["csrftoken"]}
    with shop.locked("LOCK TABLE django_session"):  # it is stored by a middleware
        assert_unavailable(staff.post(shop.url("/admin/login/?next=/admin/"), form), is_read=False)
    assert "sessionid" not in staff.cookies
    assert staff.post(shop.url("/admin/login/?next=/admin/"), form).url == shop.url("/admin/")


def test_page_whose_rows_are_locked_asks_to_try_again(shop: Shop) -> None:
    visitor = shop.visitor()
    with shop.locked("LOCK TABLE django_session"):
        for path in PAGES:
            assert_unavailable(shop.get(path, visitor), is_read=True)
    assert [shop.get(path, visitor).status_code for path in PAGES] == [200] * 6 + [404]


@pytest.fixture
def frozen(shop: Shop) -> Shop:
    """Freeze the database."""
    shop.database.freeze()
    return shop


def test_frozen_database_is_noticed_in_time(frozen: Shop) -> None:
    with within(FROZEN):
        assert_unavailable(frozen.get("/products/"), is_read=True)
    with within(0), ThreadPoolExecutor(2 * THREADS) as pool:  # now one thread at a time asks the database
        for response in pool.map(frozen.get, PAGES[:2] * 2 * THREADS):
            assert_unavailable(response, is_read=True)
        assert frozen.get("/healthz").status_code == 200
    assert frozen.get("/accounts/login/").status_code == 200  # needs no database
    frozen.database.thaw()
    with within(0):
        assert [frozen.get(path).status_code for path in PAGES] == [200] * 6 + [404]


def test_form_that_a_frozen_database_gets_is_not_half_stored(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.database.freeze()
    with within(FROZEN):
        assert_unavailable(shop.add(visitor, 3), is_read=False)
    shop.database.thaw()
    assert shop.items(visitor) == 1
    assert shop.add(visitor, 3).status_code == 200
    assert shop.items(visitor) == 4


def test_script_gets_json(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.database.freeze()
    response = shop.get("/orders/X/status/", visitor, Accept="application/json")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
    assert response.json() == {"error": "The shop is busy. Please try again in a moment."}


def test_probes_answer_while_the_database_is_frozen(frozen: Shop) -> None:
    with within(2):
        assert frozen.get("/readyz").json()["status"] == "unavailable"
    with within(0):
        assert frozen.get("/healthz").text == "ok"
    assert_unavailable(frozen.get("/health/"), is_read=True)


def test_stopped_database_and_restart(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.database.stop()
    with within(0):
        for path in PAGES:
            response = shop.get(path, visitor)
            assert_unavailable(response, is_read=True)
        assert_unavailable(shop.add(visitor), is_read=False)
        assert [shop.get(path).status_code for path in ("/healthz", "/readyz", "/health/")] == [200, 503, 503]
    shop.database.start()
    assert shop.add(visitor).status_code == 200
    assert shop.items(visitor) == 2
    assert shop.get("/readyz").status_code == 200


def test_restart_between_two_requests_is_not_noticed(shop: Shop) -> None:
    visitor = shop.visitor()
    shop.database.stop()
    shop.database.start()
    with ThreadPoolExecutor(2 * THREADS) as pool:
        assert {response.status_code for response in pool.map(shop.get, ["/products/"] * 4 * THREADS)} == {200}
    assert shop.items(visitor) == 1
