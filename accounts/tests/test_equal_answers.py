"""Known and unknown addresses: the same answer, the same rows, the same work."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.models import User
from accounts.tests.hashers import CountingHasher
from ecommerce.tests.makers import make_user
from ecommerce.tests.visitors import count_queries

pytestmark = pytest.mark.django_db
UNKNOWN = "nobody@example.org"


@pytest.fixture(params=[True, False], ids=["throttled", "free"])
def counted(request: pytest.FixtureRequest, settings: Any) -> None:
    """Passwords are hashed by the hasher that counts, with and without the throttle."""
    settings.PASSWORD_HASHERS = ["accounts.tests.hashers.CountingHasher"]
    settings.AXES_ENABLED = request.param


def account(kind: str) -> str:
    """The e-mail of an account of this kind."""
    user = make_user("someone@example.org", is_staff=True, is_active=kind != "inactive")
    password = {"unusable": make_password(None), "broken": ""}.get(kind, user.password)
    User.objects.update(password=password)
    return user.email


def attempt(email: str, page: str) -> tuple[Any, int, list[str]]:
    """A wrong password: the answer, how often a password was hashed, the kinds of queries."""
    CountingHasher.count = 0
    name = "username" if page.startswith("/admin") else "email"
    with count_queries() as queries:
        answer = Client().post(page, {name: email, "password": "wrong"})
    return answer, CountingHasher.count, [" ".join(query.split()[:3]) for query in queries]


def words(answer: Any, email: str) -> str:
    """The page, without what the visitor typed and without the form's token."""
    return str(answer.text).replace(email, "").replace(str(answer.context["csrf_token"]), "")


@pytest.mark.parametrize("kind", ["active", "inactive", "unusable", "broken"])
@pytest.mark.parametrize("page", ["/accounts/login/", "/admin/login/"])
def test_sign_in_does_the_same_work_for_known_and_unknown(counted: None, kind: str, page: str) -> None:
    email = account(kind)
    known, known_hashes, known_queries = attempt(email, page)
    unknown, unknown_hashes, unknown_queries = attempt(UNKNOWN, page)
    assert (known_hashes, known_queries) == (unknown_hashes, unknown_queries)
    assert known_hashes == 1
    assert (known.status_code, words(known, email)) == (unknown.status_code, words(unknown, UNKNOWN))


def test_sign_in_with_the_right_password_of_an_inactive_account_is_a_wrong_one(counted: None) -> None:
    email = account("inactive")
    CountingHasher.count = 0
    answer = Client().post("/accounts/login/", {"email": email, "password": "correct horse battery"})
    assert ("do not match" in answer.text, CountingHasher.count) == (True, 1)


@pytest.mark.parametrize("page", ["/accounts/guest/", "/accounts/password-reset/"])
def test_typing_an_email_does_the_same_for_known_and_unknown(counted: None, client: Client, page: str) -> None:
    email = account("active")
    CountingHasher.count = 0
    seen = []
    for typed in (email, UNKNOWN):
        visitor = Client()
        with count_queries() as queries:
            answer = visitor.post(page, {"email": typed})
        kinds = [" ".join(query.split()[:3]) for query in queries]
        seen.append(
            (answer.status_code, answer.url, sorted(answer.cookies), kinds, visitor.get(answer.url).text.count(typed))
        )
    assert seen[0] == seen[1]
    assert CountingHasher.count == 0


def test_guest_checkout_shows_nothing_of_the_account(client: Client) -> None:
    make_user(name="Alice Archer")
    client.post("/accounts/guest/", {"email": "alice@example.org"})
    assert "Archer" not in client.get("/cart/checkout/", follow=True).text
