"""Tests for passwords that are tried from ever new IP addresses: bounded, reported, and without harm for the owner."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AccountMail, PasswordTry, PasswordTryQuerySet, User
from accounts.tests.clock import Clock
from accounts.tests.hashers import CountingHasher
from accounts.tests.mailbox import new_password_data, open_reset_link, send_due_emails
from orders.bookkeeping.pruning import prune
from tests.makers import PASSWORD, make_user
from tests.threads import run_in_threads
from tests.visitors import count_queries, sign_in

pytestmark = pytest.mark.django_db
LOGIN, ADMIN = "/accounts/login/", "/admin/login/"
UNKNOWN, NEW = "nobody@example.org", "an even longer walk"
WAIT = "Too many wrong passwords were entered for this email."
FREE = PasswordTryQuerySet.FREE


@pytest.fixture(autouse=True)
def counted(settings: Any) -> None:
    """Count the passwords that are checked, and turn the limits on."""
    settings.AXES_ENABLED = True
    settings.PASSWORD_HASHERS = ["accounts.tests.hashers.CountingHasher"]


@pytest.fixture
def alice() -> User:
    return make_user(is_staff=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Attacker:
    """Somebody who has a new IP address and no cookie for each try."""

    def __init__(self) -> None:
        self.tries = 0

    def guess(self, email: str = "alice@example.org", page: str = LOGIN, client: Client | None = None) -> Any:
        self.tries += 1
        first, last = divmod(self.tries, 250)
        name = "username" if page == ADMIN else "email"
        data = {name: email, "password": f"wrong {self.tries}"}
        return (client or Client()).post(page, data, REMOTE_ADDR=f"198.18.{first}.{last}")

    def exhaust(self, **how: Any) -> None:
        """Use all tries that need not wait."""
        for _ in range(FREE):
            assert self.guess(**how).status_code == 200


def checks(action: Callable[[], Any]) -> int:
    """Return how many passwords are checked."""
    before = CountingHasher.count
    action()
    return CountingHasher.count - before


def log_in(client: Client, password: str = PASSWORD) -> int:
    return int(client.post(LOGIN, {"email": "alice@example.org", "password": password}).status_code)


def attack_for_an_hour(clock: Clock, email: str, between: Callable[[], Any] = lambda: None) -> int:
    """Try passwords as often as possible at first and then each minute. Return how many were checked."""
    attacker = Attacker()

    def attack() -> None:
        for _ in range(FREE + 5):
            attacker.guess(email)
        for minute in range(60):
            clock.wait(minutes=1)
            attacker.guess(email)
            if minute == 30:
                between()

    return checks(attack)


@pytest.mark.slow
def test_attacker_with_new_ip_addresses_checks_at_most_25_passwords_in_an_hour(alice: User, clock: Clock) -> None:
    assert attack_for_an_hour(clock, alice.email) == 25


@pytest.mark.slow
def test_attack_on_an_account_that_does_not_exist_is_limited_in_the_same_way(clock: Clock) -> None:
    assert attack_for_an_hour(clock, UNKNOWN) == 25


@pytest.mark.slow
def test_attacker_checks_about_one_password_an_hour_after_the_first_hour(alice: User, clock: Clock) -> None:
    attacker = Attacker()
    attacker.exhaust()

    def attack() -> None:
        for _ in range(24 * 4):
            clock.wait(minutes=15)
            attacker.guess()

    assert checks(attack) <= 30


@pytest.mark.slow
def test_owner_signs_in_on_a_known_device_during_the_attack(alice: User, client: Client, clock: Clock) -> None:
    sign_in(client, alice)
    client.post("/accounts/logout/")
    answers: list[int] = []
    attack_for_an_hour(clock, alice.email, between=lambda: answers.append(log_in(client)))
    assert answers == [302]


@pytest.mark.slow
def test_owner_signs_in_on_a_known_device_after_all_tries_are_used(alice: User, client: Client) -> None:
    sign_in(client, alice)
    client.post("/accounts/logout/")
    Attacker().exhaust()
    assert (log_in(Client()), log_in(client)) == (429, 302)


def test_owner_signs_in_on_a_new_device_through_a_reset_link(alice: User, client: Client) -> None:
    attacker = Attacker()
    attacker.exhaust()
    page = open_reset_link(client)
    assert client.post(page, new_password_data(NEW)).status_code == 302
    for _ in range(FREE + 1):  # the attacker goes on
        attacker.guess()
    assert (log_in(Client(), NEW), log_in(client, NEW)) == (429, 302)


@pytest.mark.slow
@pytest.mark.parametrize("page", [LOGIN, ADMIN])
def test_try_that_has_to_wait_is_rejected_without_checking_the_password(alice: User, page: str) -> None:
    attacker = Attacker()
    attacker.exhaust(page=page)
    answers: list[Any] = []
    assert checks(lambda: answers.append(attacker.guess(page=page))) == 0
    assert (answers[0].status_code, WAIT in answers[0].text) == (429, True)
    assert "You can try again in a minute." in answers[0].text
    assert answers[0].headers["Retry-After"] == "60"
    assert "no-store" in answers[0].headers["Cache-Control"]


def test_shop_and_admin_are_counted_together(alice: User) -> None:
    attacker = Attacker()
    for number in range(FREE):
        attacker.guess(page=[LOGIN, ADMIN][number % 2])
    assert (attacker.guess().status_code, attacker.guess(page=ADMIN).status_code) == (429, 429)


@pytest.mark.slow
def test_right_password_has_to_wait_too(alice: User) -> None:
    Attacker().exhaust()
    assert log_in(Client()) == 429


def test_pause_doubles_with_each_wrong_password(alice: User, clock: Clock) -> None:
    attacker = Attacker()
    attacker.exhaust()
    pauses = []
    for _ in range(8):
        seconds = int(attacker.guess().headers["Retry-After"])
        pauses.append(seconds // 60)
        clock.wait(seconds=seconds - 1)
        assert attacker.guess().status_code == 429
        clock.wait(seconds=1)
        assert attacker.guess().status_code == 200
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.slow
def test_rejected_try_does_not_prolong_the_pause(alice: User, clock: Clock) -> None:
    attacker = Attacker()
    attacker.exhaust()
    with count_queries() as queries:
        attacker.guess()
    assert not [query for query in queries if not query.startswith("SELECT")]
    assert PasswordTry.objects.count() == FREE


def test_known_and_unknown_email_get_the_same_answer_for_the_same_work(alice: User) -> None:
    attacker, results = Attacker(), []
    for email in (alice.email, UNKNOWN):
        attacker.exhaust(email=email)
        with count_queries() as queries:
            answer = attacker.guess(email)
        results.append((answer.status_code, answer.text, [" ".join(query.split()[:4]) for query in queries]))
    assert results[0] == results[1]


def test_right_password_is_not_counted(alice: User) -> None:
    for _ in range(FREE + 1):
        assert log_in(Client()) == 302
    assert not PasswordTry.objects.exists()


@pytest.mark.slow
def test_right_password_of_a_signed_in_user_is_not_counted(alice: User, client: Client) -> None:
    sign_in(client, alice)
    client.post("/accounts/data/", {"password": PASSWORD})
    assert not PasswordTry.objects.exists()


def test_device_stays_known_while_the_secret_key_is_replaced(alice: User, client: Client, settings: Any) -> None:
    sign_in(client, alice)
    client.post("/accounts/logout/")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new key of the shop " * 3, [settings.SECRET_KEY]
    Attacker().exhaust()
    assert (log_in(Client()), log_in(client)) == (429, 302)


@pytest.mark.slow
def test_known_device_has_a_limit_of_its_own(alice: User, client: Client) -> None:
    sign_in(client, alice)
    attacker = Attacker()
    client.post("/accounts/logout/")
    for _ in range(FREE):
        attacker.guess(client=client)
    assert attacker.guess(client=client).status_code == 429
    assert log_in(Client()) == 302


@pytest.mark.slow
def test_device_of_another_account_is_unknown(alice: User, client: Client) -> None:
    sign_in(client, make_user("mallory@example.org"))
    client.post("/accounts/logout/")
    Attacker().exhaust()
    assert log_in(client) == 429


def test_device_is_unknown_after_the_password_was_changed_elsewhere(alice: User, client: Client) -> None:
    thief = Client()
    for visitor in (client, thief):
        sign_in(visitor, alice)
    client.post("/accounts/password-change/", {"old_password": PASSWORD} | new_password_data(NEW))
    client.post("/accounts/logout/")
    thief.post("/accounts/logout/")
    Attacker().exhaust()
    assert (log_in(thief, NEW), log_in(client, NEW)) == (429, 302)


@pytest.mark.slow
@pytest.mark.parametrize("cookie", ["x", "W10:1:x", "\u00e9"])
def test_invalid_device_cookie_is_ignored(alice: User, client: Client, cookie: str) -> None:
    client.cookies["device"] = cookie
    Attacker().exhaust()
    assert log_in(client) == 429


def test_device_cookie_is_hidden_from_scripts_and_keeps_five_accounts(client: Client) -> None:
    users = [make_user(f"user{number}@example.org") for number in range(6)]
    for user in users:
        sign_in(client, user)
        client.post("/accounts/logout/")
    cookie = client.cookies["device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 365 * 24 * 3600)
    attacker = Attacker()
    for user in (users[0], users[5]):
        attacker.exhaust(email=user.email)
    answers = [client.post(LOGIN, {"email": user.email, "password": PASSWORD}) for user in (users[0], users[5])]
    assert [answer.status_code for answer in answers] == [429, 302]


def test_tries_store_neither_email_nor_ip_address(alice: User) -> None:
    Attacker().guess()
    stored = str(PasswordTry.objects.values().get())
    assert (alice.email in stored, "198.18" in stored) == (False, False)


def test_tries_are_deleted_after_a_day(alice: User, clock: Clock) -> None:
    Attacker().guess()
    clock.wait(hours=25)
    prune()
    assert not PasswordTry.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_simultaneous_tries_do_not_exceed_the_limit(alice: User, clock: Clock) -> None:
    attacker = Attacker()
    for _ in range(FREE - 1):
        attacker.guess()
    checked = checks(lambda: run_in_threads(*[attacker.guess] * 8))
    assert checked <= 1


@pytest.mark.slow
# The notice to the owner
def test_owner_gets_one_notice_a_day(alice: User, clock: Clock) -> None:
    attacker = Attacker()
    attacker.exhaust()
    for _ in range(3):
        clock.wait(hours=2)
        attacker.guess()
    assert send_due_emails() == 1
    [notice] = mail.outbox
    assert (notice.to, notice.subject) == ([alice.email], "Someone is trying passwords at Hearth & Clay")
    assert "http://127.0.0.1:8000/accounts/password-reset/" in notice.body
    clock.wait(hours=30)
    attacker.exhaust()
    clock.wait(minutes=2)
    attacker.guess()
    assert send_due_emails() == 1


@pytest.mark.slow
def test_notice_is_in_the_language_of_the_owner(alice: User, client: Client, clock: Clock) -> None:
    client.post(LOGIN, {"email": alice.email, "password": PASSWORD}, headers={"Accept-Language": "de"})
    attacker = Attacker()
    attacker.exhaust()
    clock.wait(minutes=2)
    attacker.guess()
    send_due_emails()
    assert 'lang="de"' in mail.outbox[0].alternatives[0].content


@pytest.mark.slow
def test_attack_on_an_unknown_email_sends_nothing(clock: Clock) -> None:
    attacker = Attacker()
    attacker.exhaust(email=UNKNOWN)
    clock.wait(minutes=2)
    attacker.guess(UNKNOWN)
    assert AccountMail.objects.filter(kind="guessing").count() == 1  # the same work as for an account
    assert (send_due_emails(), mail.outbox) == (0, [])


def test_notice_does_not_prevent_a_reset_link(alice: User, client: Client, clock: Clock) -> None:
    attacker = Attacker()
    attacker.exhaust()
    clock.wait(minutes=2)
    attacker.guess()
    client.post("/accounts/password-reset/", {"email": alice.email})
    assert send_due_emails() == 2
