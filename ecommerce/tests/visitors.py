"""Visitors of the tests: requests without a page, signed-in browsers, and the queries a page asks."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from ecommerce.tests.makers import PASSWORD, add_to_cart, make_product
from products.models import Product

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "(SELECT")  # the last begins a union on PostgreSQL


def make_request(user: User | None = None, **session: Any) -> HttpRequest:
    """A request of this user, or of a stranger, with a session that holds `session`."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.session.update(session)
    request.user = user or AnonymousUser()
    return request


def sign_in(client: Client, user: User, **data: str) -> Any:
    """Log in by the page, as a shopper does."""
    return client.post(reverse("accounts:login"), {"email": user.email, "password": PASSWORD} | data)


def fill_cart(client: Client, count: int) -> Product:
    """Put `count` new products into this visitor's cart, and show it; the first of them."""
    product = make_product()
    add_to_cart(client, product)
    Cart.objects.latest("pk").products.add(*[make_product() for _ in range(count - 1)])
    client.get(reverse("carts:home"))  # counts the lines, and says what waited to be said
    return product


@contextmanager
def count_queries() -> Iterator[list[str]]:
    """The statements about rows that ran inside, without those that open and close transactions."""
    statements: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield statements
    statements.extend(query["sql"] for query in captured if query["sql"].startswith(ROWS))
