"""Logging in and out."""

import logging

import pytest
from django.test import Client

from accounts.models import GuestEmail, User
from billing.models import BillingProfile
from ecommerce.tests.makers import PASSWORD, make_user
from ecommerce.tests.markup import read
from ecommerce.tests.visitors import sign_in

pytestmark = pytest.mark.django_db
LOGIN, LOGOUT = "/accounts/login/", "/accounts/logout/"
NO_MATCH = "Email and password do not match."


@pytest.fixture
def alice() -> User:
    return make_user(name="Alice")


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_login_with_the_right_password_opens_the_shop(client: Client, alice: User) -> None:
    answer = sign_in(client, alice)
    assert (answer.status_code, answer.url) == (302, "/")
    page = client.get("/").text
    assert ">Logout</button>" in page
    assert ">Login</a>" not in page


@pytest.mark.parametrize("email", ["ALICE@EXAMPLE.ORG", "Alice@Example.org", " alice@example.org "])
def test_login_has_no_regard_to_case(client: Client, alice: User, email: str) -> None:
    client.post(LOGIN, {"email": email, "password": PASSWORD})
    assert is_in(client)


def test_login_says_the_same_of_a_wrong_password_and_an_unknown_email(
    client: Client, other_client: Client, alice: User
) -> None:
    wrong = client.post(LOGIN, {"email": alice.email, "password": "wrong"})
    unknown = other_client.post(LOGIN, {"email": "nobody1@example.org", "password": "wrong"})
    assert NO_MATCH in wrong.text
    assert wrong.context["login_form"].errors == unknown.context["login_form"].errors
    assert wrong.status_code == unknown.status_code
    assert not is_in(client)


def test_login_of_an_inactive_user_is_refused_in_the_same_words(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    assert NO_MATCH in sign_in(client, alice).text
    assert not is_in(client)


def test_user_made_inactive_is_out_at_once(client: Client, alice: User) -> None:
    sign_in(client, alice)
    User.objects.update(is_active=False)
    assert ">Login</a>" in client.get("/").text


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
def test_login_with_bad_input_is_refused_and_stays_on_the_page(client: Client, alice: User, data: dict) -> None:
    answer = client.post(LOGIN, data)
    assert (answer.status_code, is_in(client)) == (200, False)
    assert "<h1>Log in</h1>" in answer.text


def test_login_page_shows_the_mistake_on_top_and_in_the_title(client: Client, alice: User) -> None:
    page = client.post(LOGIN, {"email": alice.email, "password": "wrong"}).text
    assert "<title>Error: Log in" in page
    assert "There is a problem" in page
    assert f'value="{alice.email}"' in page


def test_login_makes_a_new_session_key(client: Client, alice: User) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    before = client.session.session_key
    sign_in(client, alice)
    assert client.session.session_key != before


def test_login_drops_the_guest(client: Client, alice: User) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    sign_in(client, alice)
    assert "guest_email_id" not in client.session
    assert client.session["billing_profile_id"] == alice.billing_profile.pk


def test_login_moves_nothing_of_the_guests_to_the_account(client: Client, alice: User) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    sign_in(client, alice)
    guest = BillingProfile.objects.get(email="guest@example.org")
    assert guest.user is None
    assert BillingProfile.objects.get(user=alice) != guest


def test_login_page_sends_a_signed_in_visitor_on(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert client.get(f"{LOGIN}?next=/cart/").url == "/cart/"


@pytest.mark.parametrize(
    ("goal", "url"), [("/cart/checkout/", "/cart/checkout/"), ("/products/?page=2", "/products/?page=2")]
)
def test_login_goes_where_the_visitor_wanted(client: Client, alice: User, goal: str, url: str) -> None:
    assert f'name="next" value="{goal}"' in client.get(LOGIN, {"next": goal}).text
    assert sign_in(client, alice, next=goal).url == url


@pytest.mark.parametrize(
    "goal", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
@pytest.mark.parametrize("page", ["login", "signup", "guest"])
def test_next_never_leaves_the_site(client: Client, alice: User, goal: str, page: str) -> None:
    form = read(client.get(f"/accounts/{page}/", {"next": goal}).text).one("main")
    assert [field.attrs["value"] for field in form.all("input", name="next")] in (["/"], ["/cart/checkout/"])
    sign_in(client, alice)
    answer = client.get(f"/accounts/{page}/", {"next": goal})
    assert answer.url in ("/", "/cart/checkout/")


@pytest.mark.parametrize("page", ["login", "signup", "guest"])
def test_next_of_a_refused_form_never_leaves_the_site(client: Client, page: str) -> None:
    answer = client.post(f"/accounts/{page}/", {"next": "https://evil.example"})
    assert "There is a problem" in answer.text
    assert "evil.example" not in answer.text


def test_logout_ends_the_session(client: Client, alice: User) -> None:
    sign_in(client, alice)
    answer = client.post(LOGOUT)
    assert answer.url == "/"
    assert dict(client.session) == {}
    assert "You are logged out." in client.get("/").text


def test_logout_by_a_link_does_nothing(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert client.get(LOGOUT).status_code == 405
    assert is_in(client)


def test_logout_from_another_site_is_refused(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    answer = strict.post(LOGOUT, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, is_in(strict)) == (403, True)


@pytest.mark.parametrize("page", ["login", "signup"])
def test_password_is_neither_shown_nor_logged(
    client: Client, alice: User, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Tr0ub4dor&3"
    answer = client.post(f"/accounts/{page}/", {"email": alice.email, "password": secret, "name": "Alice"})
    assert "There is a problem" in answer.text
    assert "Tr0ub4dor" not in answer.text + caplog.text + str(answer.headers)


def test_password_is_kept_hashed(alice: User) -> None:
    assert PASSWORD not in User.objects.get().password
    assert User.objects.get().check_password(PASSWORD)


def test_account_pages_are_kept_out_of_caches(client: Client) -> None:
    for page in ("login", "signup", "guest"):
        assert "no-store" in client.get(f"/accounts/{page}/").headers["Cache-Control"]


def test_force_login_of_a_test_client_signs_in_as_the_page_does(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.session["billing_profile_id"] == alice.billing_profile.pk
    assert ">Logout</button>" in client.get("/").text
    assert not GuestEmail.objects.exists()
