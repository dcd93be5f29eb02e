"""Tests that responses, queries and work are the same for known and unknown email addresses."""

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.models import User
from accounts.tests.hashers import CountingHasher
from tests.makers import make_user
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
UNKNOWN = "nobody@example.org"


@pytest.fixture(params=[True, False], ids=["throttled", "unthrottled"])
def counting_hasher(request: pytest.FixtureRequest, settings: Any) -> None:
    """Use the counting password hasher, with and without the throttle."""
    settings.PASSWORD_HASHERS = ["accounts.tests.hashers.CountingHasher"]
    settings.AXES_ENABLED = request.param


def make_account(kind: str) -> str:
    """Create an account of this kind and return its email address."""
    user = make_user("someone@example.org", is_staff=True, is_active=kind != "inactive")
    password = {"unusable": make_password(None), "broken": ""}.get(kind, user.password)
    User.objects.update(password=password)
    return user.email


def attempt(email: str, page: str) -> tuple[Any, int, list[str]]:
    """Submit a wrong password. Return the response, the number of password hashes and the kinds of queries."""
    CountingHasher.count = 0
    name = "username" if page.startswith("/admin") else "email"
    with count_queries() as queries:
        response = Client().post(page, {name: email, "password": "wrong"})
    return response, CountingHasher.count, [" ".join(query.split()[:3]) for query in queries]


def page_text(response: Any, email: str) -> str:
    """Return the page without the email address that the visitor typed and without the CSRF token."""
    return str(response.text).replace(email, "").replace(str(response.context["csrf_token"]), "")


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", ["active", "inactive", "unusable", "broken"])
@pytest.mark.parametrize("page", ["/accounts/login/", "/admin/login/"])
def test_login_does_same_work_for_known_and_unknown_email(counting_hasher: None, kind: str, page: str) -> None:
    email = make_account(kind)
    Client().get(page)  # reads what is kept
    known, known_hashes, known_queries = attempt(email, page)
    unknown, unknown_hashes, unknown_queries = attempt(UNKNOWN, page)
    assert (known_hashes, known_queries) == (unknown_hashes, unknown_queries)
    assert known_hashes == 1
    assert (known.status_code, page_text(known, email)) == (unknown.status_code, page_text(unknown, UNKNOWN))


def test_login_to_inactive_account_looks_like_wrong_password(counting_hasher: None) -> None:
    email = make_account("inactive")
    CountingHasher.count = 0
    response = Client().post("/accounts/login/", {"email": email, "password": "correct horse battery"})
    assert ("do not match" in response.text, CountingHasher.count) == (True, 1)


@pytest.mark.parametrize("page", ["/accounts/guest/", "/accounts/password-reset/"])
def test_email_form_does_same_work_for_known_and_unknown_email(
    counting_hasher: None, client: Client, page: str
) -> None:
    email = make_account("active")
    CountingHasher.count = 0
    results = []
    for typed in (email, UNKNOWN):
        visitor = Client()
        with count_queries() as queries:
            response = visitor.post(page, {"email": typed})
        kinds = [re.sub(r"lock\(-?\d+\)", "lock", " ".join(query.split()[:3])) for query in queries]
        results.append(
            (
                response.status_code,
                response.url,
                sorted(response.cookies),
                kinds,
                visitor.get(response.url).text.count(typed),
            )
        )
    assert results[0] == results[1]
    assert CountingHasher.count == 0


def test_guest_checkout_does_not_show_account_data(client: Client) -> None:
    make_user(name="Alice Archer")
    client.post("/accounts/guest/", {"email": "alice@example.org"})
    assert "Archer" not in client.get("/cart/checkout/", follow=True).text
