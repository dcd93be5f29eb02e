"""Tests for the second factor of staff: set up, sign-in with it, and what does not get around it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from accounts.models import AccountMail, PasswordTry, PasswordTryQuerySet, RecoveryCode, SecondFactor, User
from accounts.tests.clock import Clock
from accounts.tests.mailbox import new_password_data, open_reset_link, send_due_emails
from orders.workflow.erasure import delete_account
from orders.workflow.personal_data import export_personal_data
from tests.makers import PASSWORD, make_user
from tests.threads import run_in_threads
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
LOGIN, ADMIN, STEP = "/accounts/login/", "/admin/login/", "/accounts/login/code/"
PAGE = "/admin/accounts/user/second-factor/"
CODES, OFF = f"{PAGE}codes/", f"{PAGE}off/"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def sam(clock: Clock) -> User:
    return make_user("sam@example.org", is_staff=True)


@pytest.fixture
def factor(sam: User) -> SecondFactor:
    """Return the second factor of Sam, which is on."""
    factor = SecondFactor.objects.start(sam)
    factor.confirm()
    return factor


@pytest.fixture
def boss(clock: Clock) -> User:
    return make_user("boss@example.org", is_staff=True, is_superuser=True)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def code_of(factor: SecondFactor, clock: Clock, steps: int = 0) -> str:
    """Return the code that the app of this second factor shows `steps` times 30 seconds from now."""
    app = TOTP(bytes.fromhex(factor.key))
    app.time = clock.now.timestamp() + 30 * steps
    return f"{app.token():06d}"


def is_signed_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def opens_admin(client: Client) -> bool:
    return bool(client.get("/admin/").status_code == 200)


def notices() -> list[tuple[str, str]]:
    """Send the emails that are due. Return the recipient and the kind of each."""
    send_due_emails()
    rows = AccountMail.objects.exclude(sent=None).exclude(kind=AccountMail.Kind.SIGN_IN).order_by("pk")
    return list(rows.values_list("to", "kind"))


# Setting it up


def test_staff_set_up_a_second_factor(sam: User, clock: Clock) -> None:
    client, other = client_of(sam), client_of(sam)
    assert "Set up" in client.get(PAGE).text
    client.post(PAGE)
    factor = SecondFactor.objects.get(user=sam)
    page = client.get(PAGE).text
    assert 'class="qr-code"' in page
    assert factor.secret in page
    page = client.post(PAGE, {"password": PASSWORD, "code": code_of(factor, clock)}).text
    codes = re.findall(r"<code>([\w-]+)</code>", page)
    assert (len(codes), len(set(codes))) == (10, 10)
    assert not [code for code in codes if code in client.get(PAGE).text]
    assert (opens_admin(client), opens_admin(other)) == (True, False)
    assert notices() == [("sam@example.org", "factor_on")]


def test_key_is_shown_only_in_the_session_that_began_and_replaced_by_the_next(sam: User) -> None:
    first, second = client_of(sam), client_of(sam)
    first.post(PAGE)
    old = SecondFactor.objects.get(user=sam).secret
    assert (old in first.get(PAGE).text, old in second.get(PAGE).text) == (True, False)
    second.post(PAGE)
    new = SecondFactor.objects.get(user=sam).secret
    assert new != old
    assert (new in second.get(PAGE).text, 'class="qr-code"' in first.get(PAGE).text) == (True, False)


def test_qr_code_contains_the_key_for_the_app(sam: User) -> None:
    factor = SecondFactor.objects.start(sam)
    secret = factor.secret.replace(" ", "")
    assert factor.url == (
        f"otpauth://totp/Hearth%20%26%20Clay:sam%40example.org?secret={secret}&issuer=Hearth%20%26%20Clay"
        "&algorithm=SHA1&digits=6&period=30"
    )


@pytest.mark.parametrize(("password", "shift"), [("wrong", 0), (PASSWORD, 9), ("", 0)])
def test_wrong_password_or_code_turns_nothing_on(sam: User, clock: Clock, password: str, shift: int) -> None:
    client = client_of(sam)
    client.post(PAGE)
    factor = SecondFactor.objects.get(user=sam)
    page = client.post(PAGE, {"password": password, "code": code_of(factor, clock, shift)})
    assert page.status_code == 200
    assert not SecondFactor.objects.is_on(sam)
    assert sign_in(Client(), sam).url == "/"


def test_recovery_codes_are_stored_as_hashes(factor: SecondFactor) -> None:
    codes = factor.make_recovery_codes()
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert (len(stored), {len(digest) for digest in stored}) == (10, {64})
    assert not [code for code in codes if code.replace("-", "") in "".join(stored)]


# Signing in


@pytest.mark.parametrize("page", [LOGIN, ADMIN])
def test_nobody_is_signed_in_before_the_code(factor: SecondFactor, clock: Clock, page: str) -> None:
    client = Client()
    name = "username" if page == ADMIN else "email"
    response = client.post(page, {name: "sam@example.org", "password": PASSWORD, "next": "/admin/orders/order/"})
    assert response.url == STEP
    assert not is_signed_in(client)
    assert not opens_admin(client)
    assert client.get("/accounts/profile/").status_code == 302
    assert client.post(STEP, {"code": code_of(factor, clock)}).url == "/admin/orders/order/"
    assert opens_admin(client)


def test_code_works_once(factor: SecondFactor, clock: Clock) -> None:
    code = code_of(factor, clock)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, factor.user)
        client.post(STEP, {"code": code})
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clock_of_the_app_may_be_off_by_30_seconds(
    factor: SecondFactor, clock: Clock, steps: int, is_right: bool
) -> None:
    assert factor.use(code_of(factor, clock, steps)) is is_right


def test_clock_that_drifts_slowly_keeps_working(factor: SecondFactor, clock: Clock) -> None:
    for steps in range(5):
        clock.wait(hours=1)
        assert SecondFactor.objects.get(pk=factor.pk).use(code_of(factor, clock, steps))


@pytest.mark.parametrize(
    "code",
    ["", "000000 ", "12345", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16", "abc", "x" * 500, "a\x00b", "-", " "],
)
def test_other_input_is_rejected_with_a_message(factor: SecondFactor, clock: Clock, code: str) -> None:
    client = Client()
    sign_in(client, factor.user)
    page = client.post(STEP, {"code": code})
    assert (page.status_code, "There is a problem" in page.text, is_signed_in(client)) == (200, True, False)


def test_recovery_code_works_once(factor: SecondFactor) -> None:
    code = factor.make_recovery_codes()[0]
    assert factor.use(code.upper().replace("-", " "))
    assert not factor.use(code)
    assert factor.recovery_codes.count() == 9


def test_few_recovery_codes_are_a_message(factor: SecondFactor) -> None:
    codes = factor.make_recovery_codes()
    for code in codes[:6]:
        factor.use(code)
    client = Client()
    sign_in(client, factor.user)
    assert "You have 3 recovery codes left." in client.post(STEP, {"code": codes[6]}, follow=True).text


def test_two_requests_with_one_code_sign_in_once(transactional_db: None, factor: SecondFactor, clock: Clock) -> None:
    code, rows = code_of(factor, clock), [SecondFactor.objects.get(pk=factor.pk) for _ in range(2)]
    assert sorted(run_in_threads(*[lambda row=row: row.use(code) for row in rows])) == [False, True]


def test_shoppers_and_staff_without_a_second_factor_enter_no_code(sam: User) -> None:
    assert sign_in(Client(), sam).url == "/"
    assert sign_in(Client(), make_user()).url == "/"


def test_setting_off_asks_nobody(factor: SecondFactor, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = "off"
    client = Client()
    sign_in(client, factor.user)
    assert opens_admin(client)
    settings.STAFF_SECOND_FACTOR = "optional"
    assert not opens_admin(client)


def test_required_leads_to_the_set_up_first(sam: User, clock: Clock, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = "required"
    client = Client()
    sign_in(client, sam)
    pages = ["/admin/", "/admin/orders/order/", "/admin/password_change/", CODES]
    assert {client.get(page).url for page in pages} == {PAGE}
    assert "This shop requires a second factor." in client.get(PAGE).text
    client.post(PAGE)
    client.post(PAGE, {"password": PASSWORD, "code": code_of(SecondFactor.objects.get(user=sam), clock)})
    assert opens_admin(client)


# Getting around it


def waiting_client(user: User) -> Client:
    client = Client()
    sign_in(client, user)
    return client


def test_code_alone_signs_nobody_in(factor: SecondFactor, clock: Clock) -> None:
    client = Client()
    assert client.post(STEP, {"code": code_of(factor, clock)}).url == LOGIN
    assert not is_signed_in(client)


def test_password_counts_for_ten_minutes(factor: SecondFactor, clock: Clock) -> None:
    client = waiting_client(factor.user)
    clock.wait(minutes=10)
    assert client.post(STEP, {"code": code_of(factor, clock)}).url == LOGIN


@pytest.mark.parametrize("change", ["password", "email", "is_active"])
def test_change_of_the_account_ends_the_waiting_sign_in(factor: SecondFactor, clock: Clock, change: str) -> None:
    client = waiting_client(factor.user)
    user = factor.user
    if change == "password":
        user.set_password("an even longer walk")
    else:
        setattr(user, change, "new@example.org" if change == "email" else False)
    user.save()
    assert client.post(STEP, {"code": code_of(factor, clock)}).url == LOGIN


def test_code_of_somebody_else_is_wrong(factor: SecondFactor, boss: User, clock: Clock) -> None:
    own = SecondFactor.objects.start(boss)
    own.confirm()
    client = waiting_client(factor.user)
    client.post(STEP, {"code": code_of(own, clock)})
    assert not is_signed_in(client)


def test_new_password_by_email_does_not_replace_the_code(factor: SecondFactor) -> None:
    client = Client()
    client.post(open_reset_link(client, "sam@example.org"), new_password_data("an even longer walk"))
    client.post(LOGIN, {"email": "sam@example.org", "password": "an even longer walk"})
    assert (is_signed_in(client), opens_admin(client)) == (False, False)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_code_never_leads_to_another_site(factor: SecondFactor, clock: Clock, target: str) -> None:
    for page, name in ((LOGIN, "email"), (ADMIN, "username")):
        client = Client()
        client.post(f"{page}?next={target}", {name: "sam@example.org", "password": PASSWORD, "next": target})
        response = client.post(f"{STEP}?next={target}", {"code": code_of(factor, clock), "next": target})
        assert response.url in ("/", "/admin/")
        clock.wait(minutes=1)


def test_signing_up_meanwhile_ends_the_waiting_sign_in(factor: SecondFactor, clock: Clock) -> None:
    client = waiting_client(factor.user)
    data = {"name": "New", "email": "new@example.org", "password": PASSWORD}
    client.post("/accounts/signup/", data)
    assert client.post(STEP, {"code": code_of(factor, clock)}).url == LOGIN
    assert client.session[SESSION_KEY] == str(User.objects.get(email="new@example.org").pk)


def test_session_that_began_without_the_code_does_not_open_the_admin(factor: SecondFactor) -> None:
    client = client_of(factor.user)
    assert client.get("/admin/").url == "/admin/login/?next=/admin/"
    assert not is_signed_in(client)


def test_wrong_codes_have_to_wait_and_are_reported(factor: SecondFactor, clock: Clock) -> None:
    client = waiting_client(factor.user)
    for _ in range(PasswordTryQuerySet.FREE + 1):
        page = client.post(STEP, {"code": code_of(factor, clock, 500)})
        clock.wait(seconds=1)
    assert page.status_code == 429
    assert "Too many wrong codes were entered." in page.text
    assert client.post(STEP, {"code": code_of(factor, clock)}).status_code == 429
    clock.wait(minutes=2)
    assert client.post(STEP, {"code": code_of(factor, clock)}).status_code == 302
    assert notices() == [("sam@example.org", "codes")]


def test_strangers_wrong_codes_do_not_keep_the_owner_out(factor: SecondFactor, clock: Clock) -> None:
    owner, stranger = waiting_client(factor.user), waiting_client(factor.user)
    owner.post(STEP, {"code": code_of(factor, clock)})
    owner.post("/accounts/logout/")
    for _ in range(PasswordTryQuerySet.FREE + 1):
        stranger.post(STEP, {"code": "1"})
    clock.wait(seconds=30)
    sign_in(owner, factor.user)
    assert owner.post(STEP, {"code": code_of(factor, clock)}).status_code == 302


def test_right_password_before_the_code_is_no_wrong_password(factor: SecondFactor, settings: Any) -> None:
    settings.AXES_ENABLED = True
    waiting_client(factor.user)
    assert not PasswordTry.objects.exists()


# Changing it


def signed_in_client(factor: SecondFactor, clock: Clock) -> Client:
    client = waiting_client(factor.user)
    client.post(STEP, {"code": code_of(factor, clock)})
    clock.wait(minutes=1)
    return client


@pytest.mark.parametrize("page", [CODES, OFF])
def test_changes_need_the_password_and_a_code(factor: SecondFactor, clock: Clock, page: str) -> None:
    client = signed_in_client(factor, clock)
    before = set(RecoveryCode.objects.values_list("digest", flat=True))
    for data in (
        {},
        {"password": PASSWORD},
        {"code": code_of(factor, clock)},
        {"password": PASSWORD, "code": "123456"},
    ):
        client.post(page, data)
    client.post(page, {"password": "wrong", "code": code_of(factor, clock)})
    assert SecondFactor.objects.is_on(factor.user)
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == before


def test_new_recovery_codes_replace_the_old_ones(factor: SecondFactor, clock: Clock) -> None:
    [old, *_others] = factor.make_recovery_codes()
    client = signed_in_client(factor, clock)
    page = client.post(CODES, {"password": PASSWORD, "code": code_of(factor, clock)}).text
    new = re.findall(r"<code>([\w-]+)</code>", page)
    assert (len(new), factor.use(old), factor.use(new[0])) == (10, False, True)


def test_owner_turns_it_off(factor: SecondFactor, clock: Clock) -> None:
    client = signed_in_client(factor, clock)
    client.post(OFF, {"password": PASSWORD, "code": code_of(factor, clock)})
    assert opens_admin(client)
    assert (SecondFactor.objects.exists(), RecoveryCode.objects.exists()) == (False, False)
    assert notices() == [("sam@example.org", "factor_off")]


def test_superuser_resets_that_of_a_colleague(factor: SecondFactor, boss: User, clock: Clock) -> None:
    colleague, client = signed_in_client(factor, clock), client_of(boss)
    url = reverse("admin:accounts_user_second_factor_reset", args=[factor.user_id])
    assert url in client.get(reverse("admin:accounts_user_change", args=[factor.user_id])).text
    assert "Reset the second factor" in client.get(url).text
    assert SecondFactor.objects.exists()
    client.post(url)
    assert (SecondFactor.objects.exists(), is_signed_in(colleague)) == (False, False)
    assert LogEntry.objects.get(object_id=str(factor.user_id)).get_change_message() == "Second factor reset."
    assert notices() == [("sam@example.org", "no_factor"), ("boss@example.org", "no_factor")]
    assert all("sam@example.org" in message.body for message in mail.outbox if "was reset" in message.subject)
    client.post(url)
    assert len(notices()) == 2


def test_others_reset_nothing(factor: SecondFactor, boss: User, clock: Clock) -> None:
    own = SecondFactor.objects.start(boss)
    own.confirm()
    name = "admin:accounts_user_second_factor_reset"
    colleague = signed_in_client(factor, clock)
    assert colleague.post(reverse(name, args=[boss.pk])).status_code == 403
    assert colleague.post(reverse(name, args=[factor.user_id])).status_code == 403
    assert signed_in_client(own, clock).post(reverse(name, args=[boss.pk])).status_code == 403
    assert SecondFactor.objects.on().count() == 2


def test_command_resets_that_of_the_last_superuser(factor: SecondFactor) -> None:
    call_command("reset_second_factor", "SAM@example.org")
    assert not SecondFactor.objects.exists()
    assert notices() == [("sam@example.org", "no_factor")]
    for email in ("sam@example.org", "nobody@example.org"):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", email)


# Personal data


def test_export_says_since_when_it_is_on_and_contains_no_secret(factor: SecondFactor) -> None:
    data = export_personal_data(factor.user)
    assert [list(entry) for entry in data["second_factor"]] == [["confirmed"]]
    assert factor.key not in str(data)


def test_erasure_deletes_it(factor: SecondFactor, boss: User) -> None:
    LogEntry.objects.log_actions(factor.user_id, [boss], 2)  # the row of the user stays
    delete_account(factor.user)
    assert not SecondFactor.objects.exists()


# Sessions of staff


def test_staff_sign_in_again_after_twelve_hours_even_if_they_are_busy(sam: User, clock: Clock) -> None:
    client = Client()
    sign_in(client, sam)
    assert client.cookies["sessionid"]["max-age"] == 12 * 3600
    for _ in range(11):
        clock.wait(hours=1)
        session = client.session
        session["something"] = clock.now.timestamp()
        session.save()
        assert opens_admin(client)
    clock.wait(hours=1)
    assert not opens_admin(client)
    assert not is_signed_in(client)


def test_shoppers_stay_signed_in_for_thirty_days(clock: Clock) -> None:
    client = Client()
    sign_in(client, make_user())
    clock.wait(days=29)
    assert is_signed_in(client)


def test_shopper_who_becomes_staff_signs_in_again_for_the_admin() -> None:
    alice, client = make_user(), Client()
    sign_in(client, alice)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert client.get("/admin/").url == "/admin/login/?next=/admin/"
    assert client.session.get_expiry_age() > timedelta(hours=12).total_seconds()
    sign_in(client, alice)
    assert opens_admin(client)


# Notices of sign-ins


def sign_in_notices() -> int:
    return AccountMail.objects.filter(kind=AccountMail.Kind.SIGN_IN).count()


def test_staff_are_told_about_a_sign_in_from_a_new_browser(sam: User) -> None:
    client = Client()
    for _ in range(2):
        sign_in(client, sam)
        client.post("/accounts/logout/")
    assert sign_in_notices() == 1
    client.post(ADMIN, {"username": "sam@example.org", "password": PASSWORD})
    assert (opens_admin(client), sign_in_notices()) == (True, 1)
    Client().post(ADMIN, {"username": "sam@example.org", "password": PASSWORD})
    assert sign_in_notices() == 2
    send_due_emails()
    assert {(message.to[0], message.subject) for message in mail.outbox} == {
        ("sam@example.org", "New sign-in to your staff account at Hearth & Clay")
    }


def test_shoppers_are_not_told() -> None:
    sign_in(Client(), make_user())
    assert sign_in_notices() == 0


def test_forged_cookie_is_a_new_browser(sam: User) -> None:
    client = Client()
    client.cookies["device"] = "WyJ4Iix7IjEiOiJ4In1d:1abc:forged"
    sign_in(client, sam)
    assert sign_in_notices() == 1


def test_notice_comes_after_the_code(factor: SecondFactor, clock: Clock) -> None:
    client = waiting_client(factor.user)
    assert sign_in_notices() == 0
    client.post(STEP, {"code": code_of(factor, clock)})
    assert sign_in_notices() == 1
