"""Guessing passwords and addresses is limited, and the owner gets in from elsewhere."""

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
from accounts.tests.mailbox import new_password, reset_page
from ecommerce import settings as defaults
from ecommerce.tests.makers import PASSWORD, make_product, make_user
from ecommerce.tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
LOGIN, ADMIN, SIGNUP = "/accounts/login/", "/admin/login/", "/accounts/signup/"
HERE, ELSEWHERE = "198.51.100.1", "203.0.113.9"
WAIT = "Please try again later"
SECRET = "Tr0ub4dor&3"
FEW = 3  # wrong passwords that close the door in most of these tests


@pytest.fixture(autouse=True)
def throttled(settings: Any) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = FEW


@pytest.fixture
def alice() -> User:
    return make_user(is_staff=True)


def try_password(email: str = "alice@example.org", password: str = "wrong", address: str = HERE, **extra: Any) -> Any:
    return Client(REMOTE_ADDR=address).post(LOGIN, {"email": email, "password": password}, **extra)


def try_admin(email: str = "alice@example.org", password: str = "wrong", address: str = HERE) -> Any:
    return Client(REMOTE_ADDR=address).post(ADMIN, {"username": email, "password": password, "next": "/admin/"})


def wait(**time: int) -> None:
    """The last failures were so long ago."""
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(**time))


def is_welcome(address: str = HERE) -> bool:
    return try_password(password=PASSWORD, address=address).status_code == 302


@pytest.mark.parametrize("attempt", [try_password, try_admin])
def test_tenth_wrong_password_closes_the_door(alice: User, settings: Any, attempt: Any) -> None:
    settings.AXES_FAILURE_LIMIT = defaults.AXES_FAILURE_LIMIT
    assert [attempt().status_code for _ in range(12)] == [200] * 9 + [429] * 3
    assert attempt(password=PASSWORD).status_code == 429


@pytest.mark.parametrize("attempt", [try_password, try_admin])
def test_closed_door_is_a_page_of_the_shop(alice: User, attempt: Any) -> None:
    for _ in range(FEW):
        answer = attempt()
    assert WAIT in answer.text
    assert "You can try again in 15 minutes." in answer.text
    assert "Hearth &amp; Clay" in answer.text
    assert answer.headers["Retry-After"] == "900"
    assert "no-store" in answer.headers["Cache-Control"]


def test_shop_and_admin_count_together(alice: User) -> None:
    for attempt in (try_password, try_admin, try_password):
        answer = attempt()
    assert answer.status_code == 429
    assert not is_welcome()


def test_many_wrong_passwords_do_not_keep_the_owner_out_elsewhere(alice: User) -> None:
    for _ in range(3 * FEW):
        try_password()
    assert (is_welcome(HERE), is_welcome(ELSEWHERE)) == (False, True)
    assert try_admin(password=PASSWORD, address=ELSEWHERE).status_code == 302


def test_door_opens_again_after_a_quarter_of_an_hour(alice: User) -> None:
    for _ in range(FEW):
        try_password()
    wait(minutes=14)
    assert not is_welcome()
    wait(minutes=16)
    assert is_welcome()


def test_trying_on_does_not_keep_the_door_closed(alice: User) -> None:
    for _ in range(FEW):
        try_password()
    wait(minutes=14)
    before = AccessAttempt.objects.get().attempt_time
    try_password()
    assert AccessAttempt.objects.get().attempt_time == before


@pytest.mark.parametrize(
    "names", [["alice@example.org", "ALICE@example.org", " Alice@Example.Org "], ["al\u0131ce@example.org"]]
)
def test_ways_to_write_an_email_count_as_one(alice: User, names: list[str]) -> None:
    for number in range(FEW):
        try_password(names[number % len(names)])
    assert not is_welcome()
    assert [row.username for row in AccessAttempt.objects.all()] == ["alice@example.org"]


def test_other_browsers_of_the_same_place_count_as_one(alice: User) -> None:
    for number in range(FEW):
        answer = try_password(headers={"User-Agent": f"browser \x00 {number}", "Accept": "\x00"})
    assert answer.status_code == 429
    assert (AccessAttempt.objects.get().user_agent, AccessAttempt.objects.get().http_accept) == ("", "")


def test_forged_forwarding_does_not_open_the_door(alice: User) -> None:
    for number in range(FEW):
        answer = try_password(headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert answer.status_code == 429


def test_behind_a_proxy_visitors_are_told_apart(alice: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    for _ in range(FEW):
        answer = try_password(headers={"X-Forwarded-For": f"6.6.6.6, {HERE}"})
    assert answer.status_code == 429
    answer = try_password(password=PASSWORD, headers={"X-Forwarded-For": f"{HERE}, {ELSEWHERE}"})
    assert answer.status_code == 302


def test_right_password_forgets_the_wrong_ones(alice: User) -> None:
    for _ in range(FEW - 1):
        try_password()
    assert is_welcome()
    assert not AccessAttempt.objects.exists()


def test_unknown_email_is_locked_out_in_the_same_words(alice: User) -> None:
    for _ in range(FEW):
        known, unknown = try_password(), try_password("nobody@example.org", address=ELSEWHERE)
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


def test_one_place_trying_many_accounts_is_locked_out(alice: User) -> None:
    answers = [try_password(f"guess{number}@example.org").status_code for number in range(31)]
    assert answers == [200] * 29 + [429] * 2
    assert (is_welcome(HERE), is_welcome(ELSEWHERE)) == (False, True)


def test_new_password_by_mail_opens_the_door(alice: User, client: Client) -> None:
    for _ in range(FEW):
        try_password()
    client.post(reset_page(client), new_password("an even longer walk"))
    assert try_password(password="an even longer walk").status_code == 302


def test_guessing_the_old_password_of_an_open_session_is_limited_too(alice: User) -> None:
    client = Client(REMOTE_ADDR=HERE)
    sign_in(client, alice)
    form = {"old_password": "wrong"} | new_password("an even longer walk")
    answers = [client.post("/accounts/password-change/", form).status_code for _ in range(FEW + 1)]
    assert answers == [200] * (FEW - 1) + [429] * 2
    client.post("/accounts/password-change/", form | {"old_password": PASSWORD})
    assert is_welcome(ELSEWHERE)


@pytest.mark.parametrize("attempt", [try_password, try_admin])
@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize(
    "value", ["\x00", "a\x00@example.org", "a" * 300 + "@example.org", "x" * 100_000, "", "\ud83d\ude00"]
)
def test_hostile_sign_in_is_answered(alice: User, attempt: Any, field: str, value: str) -> None:
    value = value.encode("utf-16", "surrogatepass").decode("utf-16")
    for _ in range(FEW + 1):
        answer = attempt(**{field: value})
        assert answer.status_code in (200, 429)


def test_names_that_no_form_lets_through_fit_the_row_too() -> None:
    request = RequestFactory().post(LOGIN)
    for name in ("a\x00b", "x" * 5000, ""):
        assert authenticate(request, username=name, password="wrong") is None
    assert {len(row.username) for row in AccessAttempt.objects.all()} == {2, 254, 0}


@pytest.mark.parametrize("attempt", [try_password, try_admin])
def test_passwords_are_neither_in_rows_nor_in_logs(
    alice: User, attempt: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        attempt(password=SECRET)
    Client().post(f"{LOGIN}?password={SECRET}", {"email": alice.email, "password": SECRET, "pass": SECRET})
    kept = [str(value) for row in AccessAttempt.objects.values() for value in row.values()]
    assert alice.email in kept
    assert SECRET not in " ".join(kept) + caplog.text.replace(f"password={SECRET}", "") + capsys.readouterr().err


def test_successful_sign_ins_are_not_written_down(alice: User) -> None:
    assert is_welcome()
    assert (AccessLog.objects.count(), AccessFailureLog.objects.count()) == (0, 0)


def test_throttle_asks_nothing_of_who_only_looks(client: Client, settings: Any) -> None:
    product = make_product()
    for address in ("/", "/products/", product.get_absolute_url(), LOGIN, "/cart/"):
        client.get(address)  # what is cached is read
        with count_queries() as throttled:
            client.get(address)
        settings.AXES_ENABLED = False
        with count_queries() as free:
            client.get(address)
        settings.AXES_ENABLED = True
        assert (len(throttled), [query for query in throttled if "axes" in query]) == (len(free), []), address


def test_staff_open_a_door_by_deleting_its_row(alice: User, client: Client) -> None:
    for _ in range(FEW):
        try_password()
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    assert alice.email in client.get(reverse("admin:axes_accessattempt_changelist")).text
    client.post(reverse("admin:axes_accessattempt_delete", args=[AccessAttempt.objects.get().pk]), {"post": "yes"})
    assert is_welcome()


# Sign-up, which alone may say that an e-mail has an account


def try_signup(email: str = "alice@example.org", address: str = HERE, password: str = "a long walk home") -> Any:
    form = {"name": "Charlie", "email": email, "password": password}
    return Client(REMOTE_ADDR=address).post(SIGNUP, form)


def test_signup_says_ten_times_an_hour_that_an_email_is_taken(alice: User) -> None:
    answers = [try_signup() for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert "You already have an account with this email." in answers[9].text
    assert (WAIT in answers[10].text, answers[10].headers["Retry-After"]) == (True, "3600")


def test_signup_at_the_limit_tells_nothing_of_any_email(alice: User) -> None:
    for _ in range(10):
        try_signup()
    assert try_signup("new@example.org").text == try_signup().text
    assert not User.objects.filter(email="new@example.org").exists()


def test_signup_is_limited_by_place_and_hour(alice: User) -> None:
    for _ in range(11):
        try_signup()
    assert try_signup("new@example.org", ELSEWHERE).status_code == 302
    TakenSignup.objects.update(timestamp=timezone.now() - timedelta(minutes=61))
    assert try_signup("newer@example.org").status_code == 302


def test_signup_of_parallel_requests_is_told_no_more_than_ten_times(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(TakenSignup.objects), "are_at_limit", lambda *_: False)  # all looked before any wrote
    assert [try_signup().status_code for _ in range(16)].count(200) == 10


def test_signup_that_is_mistyped_counts_for_nothing(alice: User) -> None:
    for _ in range(12):
        answer = try_signup("new@example.org", password="short")
    assert (answer.status_code, TakenSignup.objects.count()) == (200, 0)


def test_signup_keeps_neither_email_nor_address_of_a_refusal(alice: User) -> None:
    try_signup()
    kept = str(TakenSignup.objects.values().get())
    assert (HERE in kept, alice.email in kept) == (False, False)
