"""Tests for the limits on guessing passwords and email addresses. Owners can still sign in from elsewhere."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import TakenSignup, User
from accounts.tests.mailbox import new_password_data, open_reset_link
from ecommerce import settings as defaults
from tests.makers import PASSWORD, make_product, make_user
from tests.visitors import count_queries, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
LOGIN, ADMIN, SIGNUP = "/accounts/login/", "/admin/login/", "/accounts/signup/"
HERE, ELSEWHERE = "198.51.100.1", "203.0.113.9"
WAIT = "Please try again later"
SECRET = "Tr0ub4dor&3"
LIMIT = 3  # the number of wrong passwords before the lockout in most of these tests


@pytest.fixture(autouse=True)
def throttled(settings: Any) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = LIMIT


@pytest.fixture
def alice() -> User:
    return make_user(is_staff=True)


def try_password(
    email: str = "alice@example.org", password: str = "wrong", ip_address: str = HERE, **extra: Any
) -> Any:
    return Client(REMOTE_ADDR=ip_address).post(LOGIN, {"email": email, "password": password}, **extra)


def try_admin(email: str = "alice@example.org", password: str = "wrong", ip_address: str = HERE) -> Any:
    return Client(REMOTE_ADDR=ip_address).post(ADMIN, {"username": email, "password": password, "next": "/admin/"})


def age_failures(**time: int) -> None:
    """Move the last failures this far into the past."""
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(**time))


def can_sign_in(ip_address: str = HERE) -> bool:
    return try_password(password=PASSWORD, ip_address=ip_address).status_code == 302


@pytest.mark.parametrize("attempt", [try_password, try_admin])
def test_lockout_starts_at_tenth_wrong_password(alice: User, settings: Any, attempt: Any) -> None:
    settings.AXES_FAILURE_LIMIT = defaults.AXES_FAILURE_LIMIT
    assert [attempt().status_code for _ in range(12)] == [200] * 9 + [429] * 3
    assert attempt(password=PASSWORD).status_code == 429


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [try_password, try_admin])
def test_lockout_page_says_when_to_try_again(alice: User, attempt: Any) -> None:
    for _ in range(LIMIT):
        response = attempt()
    assert WAIT in response.text
    assert "You can try again in 15 minutes." in response.text
    assert "Hearth &amp; Clay" in response.text
    assert response.headers["Retry-After"] == "900"
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.slow
def test_lockout_counts_shop_and_admin_together(alice: User) -> None:
    for attempt in (try_password, try_admin, try_password):
        response = attempt()
    assert response.status_code == 429
    assert not can_sign_in()


@pytest.mark.slow
def test_lockout_does_not_affect_other_ip_addresses(alice: User) -> None:
    for _ in range(3 * LIMIT):
        try_password()
    assert (can_sign_in(HERE), can_sign_in(ELSEWHERE)) == (False, True)
    assert try_admin(password=PASSWORD, ip_address=ELSEWHERE).status_code == 302


@pytest.mark.slow
def test_lockout_ends_after_15_minutes(alice: User) -> None:
    for _ in range(LIMIT):
        try_password()
    age_failures(minutes=14)
    assert not can_sign_in()
    age_failures(minutes=16)
    assert can_sign_in()


@pytest.mark.slow
def test_lockout_is_not_extended_by_further_attempts(alice: User) -> None:
    for _ in range(LIMIT):
        try_password()
    age_failures(minutes=14)
    before = AccessAttempt.objects.get().attempt_time
    try_password()
    assert AccessAttempt.objects.get().attempt_time == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "names", [["alice@example.org", "ALICE@example.org", " Alice@Example.Org "], ["al\u0131ce@example.org"]]
)
def test_lockout_counts_spellings_of_email_as_one(alice: User, names: list[str]) -> None:
    for number in range(LIMIT):
        try_password(names[number % len(names)])
    assert not can_sign_in()
    assert [row.username for row in AccessAttempt.objects.all()] == ["alice@example.org"]


def test_lockout_ignores_browser_headers(alice: User) -> None:
    for number in range(LIMIT):
        response = try_password(headers={"User-Agent": f"browser \x00 {number}", "Accept": "\x00"})
    assert response.status_code == 429
    assert (AccessAttempt.objects.get().user_agent, AccessAttempt.objects.get().http_accept) == ("", "")


def test_lockout_ignores_forged_forwarded_header(alice: User) -> None:
    for number in range(LIMIT):
        response = try_password(headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert response.status_code == 429


@pytest.mark.slow
def test_lockout_distinguishes_visitors_behind_proxy(alice: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    for _ in range(LIMIT):
        response = try_password(headers={"X-Forwarded-For": f"6.6.6.6, {HERE}"})
    assert response.status_code == 429
    response = try_password(password=PASSWORD, headers={"X-Forwarded-For": f"{HERE}, {ELSEWHERE}"})
    assert response.status_code == 302


def test_correct_password_resets_failures(alice: User) -> None:
    for _ in range(LIMIT - 1):
        try_password()
    assert can_sign_in()
    assert not AccessAttempt.objects.exists()


@pytest.mark.slow
def test_lockout_page_is_the_same_for_unknown_email(alice: User) -> None:
    for _ in range(LIMIT):
        known, unknown = try_password(), try_password("nobody@example.org", ip_address=ELSEWHERE)
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


@pytest.mark.slow
def test_lockout_covers_many_accounts_from_one_ip_address(alice: User) -> None:
    status_codes = [try_password(f"guess{number}@example.org").status_code for number in range(31)]
    assert status_codes == [200] * 29 + [429] * 2
    assert (can_sign_in(HERE), can_sign_in(ELSEWHERE)) == (False, True)


@pytest.mark.slow
def test_password_reset_ends_lockout(alice: User, client: Client) -> None:
    for _ in range(LIMIT):
        try_password()
    client.post(open_reset_link(client), new_password_data("an even longer walk"))
    assert try_password(password="an even longer walk").status_code == 302


@pytest.mark.slow
def test_password_change_counts_towards_lockout(alice: User) -> None:
    client = Client(REMOTE_ADDR=HERE)
    sign_in(client, alice)
    form = {"old_password": "wrong"} | new_password_data("an even longer walk")
    status_codes = [client.post("/accounts/password-change/", form).status_code for _ in range(LIMIT + 1)]
    assert status_codes == [200] * (LIMIT - 1) + [429] * 2
    client.post("/accounts/password-change/", form | {"old_password": PASSWORD})
    assert can_sign_in(ELSEWHERE)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("attempt", [try_password, try_admin])
@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize(
    "value", ["\x00", "a\x00@example.org", "a" * 300 + "@example.org", "x" * 100_000, "", "\ud83d\ude00"]
)
def test_login_handles_hostile_input(alice: User, attempt: Any, field: str, value: str) -> None:
    value = value.encode("utf-16", "surrogatepass").decode("utf-16")
    for _ in range(LIMIT + 1):
        response = attempt(**{field: value})
        assert response.status_code in (200, 429)


def test_username_that_bypasses_forms_fits_column() -> None:
    request = RequestFactory().post(LOGIN)
    for name in ("a\x00b", "x" * 5000, ""):
        assert authenticate(request, username=name, password="wrong") is None
    assert {len(row.username) for row in AccessAttempt.objects.all()} == {2, 254, 0}


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [try_password, try_admin])
def test_passwords_are_neither_stored_nor_logged(
    alice: User, attempt: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        attempt(password=SECRET)
    Client().post(f"{LOGIN}?password={SECRET}", {"email": alice.email, "password": SECRET, "pass": SECRET})
    stored = [str(value) for row in AccessAttempt.objects.values() for value in row.values()]
    assert alice.email in stored
    assert SECRET not in " ".join(stored) + caplog.text.replace(f"password={SECRET}", "") + capsys.readouterr().err


def test_successful_logins_are_not_recorded(alice: User) -> None:
    assert can_sign_in()
    assert (AccessLog.objects.count(), AccessFailureLog.objects.count()) == (0, 0)


@pytest.mark.slow
def test_throttle_adds_no_queries_to_page_views(client: Client, settings: Any) -> None:
    product = make_product()
    for url in ("/", "/products/", product.get_absolute_url(), LOGIN, "/cart/"):
        client.get(url)  # Fill the caches first.
        with count_queries() as throttled:
            client.get(url)
        settings.AXES_ENABLED = False
        with count_queries() as unthrottled:
            client.get(url)
        settings.AXES_ENABLED = True
        assert (len(throttled), [query for query in throttled if "axes" in query]) == (len(unthrottled), []), url


@pytest.mark.slow
def test_lockout_ends_when_staff_delete_attempt(alice: User, client: Client) -> None:
    for _ in range(LIMIT):
        try_password()
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    assert alice.email in client.get(reverse("admin:axes_accessattempt_changelist")).text
    client.post(reverse("admin:axes_accessattempt_delete", args=[AccessAttempt.objects.get().pk]), {"post": "yes"})
    assert can_sign_in()


# Sign-up: its errors reveal that an email address has an account, so attempts are limited.


def try_signup(email: str = "alice@example.org", ip_address: str = HERE, password: str = "a long walk home") -> Any:
    form = {"name": "Charlie", "email": email, "password": password}
    return Client(REMOTE_ADDR=ip_address).post(SIGNUP, form)


@pytest.mark.slow
def test_signup_reports_taken_email_ten_times_per_hour(alice: User) -> None:
    responses = [try_signup() for _ in range(12)]
    assert [response.status_code for response in responses] == [200] * 10 + [429] * 2
    assert "You already have an account with this email." in responses[9].text
    assert (WAIT in responses[10].text, responses[10].headers["Retry-After"]) == (True, "3600")


@pytest.mark.slow
def test_signup_at_limit_reveals_nothing(alice: User) -> None:
    for _ in range(10):
        try_signup()
    assert try_signup("new@example.org").text == try_signup().text
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.slow
def test_signup_limit_is_per_ip_address_and_hour(alice: User) -> None:
    for _ in range(11):
        try_signup()
    assert try_signup("new@example.org", ELSEWHERE).status_code == 302
    TakenSignup.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    assert try_signup("newer@example.org").status_code == 302


@pytest.mark.slow
def test_signup_limit_holds_for_concurrent_requests(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    # Behave as if all requests checked the limit before any of them wrote a row.
    monkeypatch.setattr(type(TakenSignup.objects), "is_at_limit", lambda *_: False)
    assert [try_signup().status_code for _ in range(16)].count(200) == 10


@pytest.mark.slow
def test_signup_with_other_errors_does_not_count(alice: User) -> None:
    for _ in range(12):
        response = try_signup("new@example.org", password="short")
    assert (response.status_code, TakenSignup.objects.count()) == (200, 0)


def test_signup_rejection_stores_neither_email_nor_ip_address(alice: User) -> None:
    try_signup()
    stored = str(TakenSignup.objects.values().get())
    assert (HERE in stored, alice.email in stored) == (False, False)
