"""Tests for logging in and out."""

import logging

import pytest
from django.test import Client

from accounts.models import GuestEmail, User
from billing.models import BillingProfile
from tests.makers import PASSWORD, make_user
from tests.markup import parse_html
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
LOGIN, LOGOUT = "/accounts/login/", "/accounts/logout/"
NO_MATCH = "Email and password do not match."


@pytest.fixture
def alice() -> User:
    return make_user(name="Alice")


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_login_with_correct_password_succeeds(client: Client, alice: User) -> None:
    response = sign_in(client, alice)
    assert (response.status_code, response.url) == (302, "/")
    page = client.get("/").text
    assert ">Logout</button>" in page
    assert ">Login</a>" not in page


@pytest.mark.parametrize("email", ["ALICE@EXAMPLE.ORG", "Alice@Example.org", " alice@example.org "])
def test_login_ignores_case_and_spaces_of_email(client: Client, alice: User, email: str) -> None:
    client.post(LOGIN, {"email": email, "password": PASSWORD})
    assert is_signed_in(client)


def test_login_gives_same_error_for_wrong_password_and_unknown_email(
    client: Client, other_client: Client, alice: User
) -> None:
    wrong = client.post(LOGIN, {"email": alice.email, "password": "wrong"})
    unknown = other_client.post(LOGIN, {"email": "nobody1@example.org", "password": "wrong"})
    assert NO_MATCH in wrong.text
    assert wrong.context["login_form"].errors == unknown.context["login_form"].errors
    assert wrong.status_code == unknown.status_code
    assert not is_signed_in(client)


def test_login_of_inactive_user_gives_same_error(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    assert NO_MATCH in sign_in(client, alice).text
    assert not is_signed_in(client)


def test_user_deactivation_ends_sessions_immediately(client: Client, alice: User) -> None:
    sign_in(client, alice)
    User.objects.update(is_active=False)
    assert ">Login</a>" in client.get("/").text


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"email": "alice@example.org"},
        {"password": PASSWORD},
        {"email": "alice", "password": PASSWORD},
        {"email": "alice@example.org\x00", "password": PASSWORD},
        {"email": "alice@example.org", "password": PASSWORD + "\x00"},
        {"email": "alice@example.org", "password": "x" * 100_000},
        {"email": "a" * 100_000 + "@example.org", "password": PASSWORD},
    ],
)
def test_login_rejects_bad_input(client: Client, alice: User, data: dict) -> None:
    response = client.post(LOGIN, data)
    assert (response.status_code, is_signed_in(client)) == (200, False)
    assert "<h1>Log in</h1>" in response.text


def test_login_error_is_shown_in_summary_and_title(client: Client, alice: User) -> None:
    page = client.post(LOGIN, {"email": alice.email, "password": "wrong"}).text
    assert "<title>Error: Log in" in page
    assert "There is a problem" in page
    assert f'value="{alice.email}"' in page


def test_login_rotates_session_key(client: Client, alice: User) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    before = client.session.session_key
    sign_in(client, alice)
    assert client.session.session_key != before


def test_login_removes_guest_from_session(client: Client, alice: User) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    sign_in(client, alice)
    assert "guest_email_id" not in client.session
    assert client.session["billing_profile_id"] == alice.billing_profile.pk


def test_login_does_not_move_guest_data_to_account(client: Client, alice: User) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    sign_in(client, alice)
    guest = BillingProfile.objects.get(email="guest@example.org")
    assert guest.user is None
    assert BillingProfile.objects.get(user=alice) != guest


def test_login_page_redirects_signed_in_user(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert client.get(f"{LOGIN}?next=/cart/").url == "/cart/"


@pytest.mark.parametrize(
    ("target", "url"), [("/cart/checkout/", "/cart/checkout/"), ("/products/?page=2", "/products/?page=2")]
)
def test_login_redirects_to_next(client: Client, alice: User, target: str, url: str) -> None:
    assert f'name="next" value="{target}"' in client.get(LOGIN, {"next": target}).text
    assert sign_in(client, alice, next=target).url == url


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
@pytest.mark.parametrize("page", ["login", "signup", "guest"])
def test_next_rejects_other_sites(client: Client, alice: User, target: str, page: str) -> None:
    form = parse_html(client.get(f"/accounts/{page}/", {"next": target}).text).one("main")
    assert [field.attrs["value"] for field in form.all("input", name="next")] in (["/"], ["/cart/checkout/"])
    sign_in(client, alice)
    response = client.get(f"/accounts/{page}/", {"next": target})
    assert response.url in ("/", "/cart/checkout/")


@pytest.mark.parametrize("page", ["login", "signup", "guest"])
def test_next_of_invalid_form_rejects_other_sites(client: Client, page: str) -> None:
    response = client.post(f"/accounts/{page}/", {"next": "https://evil.example"})
    assert "There is a problem" in response.text
    assert "evil.example" not in response.text


def test_logout_ends_the_session(client: Client, alice: User) -> None:
    sign_in(client, alice)
    response = client.post(LOGOUT)
    assert response.url == "/"
    assert dict(client.session) == {}
    assert "You are logged out." in client.get("/").text


def test_logout_rejects_get(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert client.get(LOGOUT).status_code == 405
    assert is_signed_in(client)


def test_logout_rejects_cross_site_request(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    response = strict.post(LOGOUT, headers={"Origin": "https://evil.example"})
    assert (response.status_code, is_signed_in(strict)) == (403, True)


@pytest.mark.parametrize("page", ["login", "signup"])
def test_password_is_neither_shown_nor_logged(
    client: Client, alice: User, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Tr0ub4dor&3"
    response = client.post(f"/accounts/{page}/", {"email": alice.email, "password": secret, "name": "Alice"})
    assert "There is a problem" in response.text
    assert "Tr0ub4dor" not in response.text + caplog.text + str(response.headers)


def test_password_is_stored_hashed(alice: User) -> None:
    assert PASSWORD not in User.objects.get().password
    assert User.objects.get().check_password(PASSWORD)


def test_account_pages_are_not_cached(client: Client) -> None:
    for page in ("login", "signup", "guest"):
        assert "no-store" in client.get(f"/accounts/{page}/").headers["Cache-Control"]


def test_force_login_behaves_like_login_page(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.session["billing_profile_id"] == alice.billing_profile.pk
    assert ">Logout</button>" in client.get("/").text
    assert not GuestEmail.objects.exists()
