"""Test helpers for requests, signed-in clients, carts and query counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from carts.models import Cart
from products.models import Product
from tests.makers import PASSWORD, add_to_cart, make_product

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "(SELECT")  # the last starts a union on PostgreSQL


def make_request(user: User | None = None, **session: Any) -> HttpRequest:
    """Return a request of `user`, or of an anonymous visitor, with `session` as its session data."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.session.update(session)
    request.user = user or AnonymousUser()
    return request


def sign_in(client: Client, user: User, **data: str) -> Any:
    """Log in through the login page."""
    return client.post(reverse("accounts:login"), {"email": user.email, "password": PASSWORD} | data)


def fill_cart(client: Client, count: int) -> Product:
    """Put `count` new products into this visitor's cart, show the cart, and return the first product."""
    product = make_product()
    add_to_cart(client, product)
    Cart.objects.latest("pk").products.add(*[make_product() for _ in range(count - 1)])
    client.get(reverse("carts:home"))  # stores the item count and shows pending messages
    return product


@contextmanager
def count_queries() -> Iterator[list[str]]:
    """Collect the SQL statements that run in the block, without those that control transactions."""
    statements: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield statements
    statements.extend(query["sql"] for query in captured if query["sql"].startswith(ROWS))


def plan_of(sql: str) -> list[str]:
    """Return the steps by which SQLite reads the rows of this query."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [row[3] for row in cursor.fetchall()]


def work_clock() -> float:
    """Return the seconds on a clock that measures the work of requests.

    SQLite works in this process, so that its processor time does not depend on what else the machine does.
    """
    return process_time() if connection.vendor == "sqlite" else perf_counter()
