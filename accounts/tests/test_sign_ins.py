"""Tests for the page that lists where a user is logged in, and for what ends sessions."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import OperationalError
from django.db.models import QuerySet
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.devices import describe
from accounts.models import SignIn, User
from accounts.tests.clock import Clock
from accounts.tests.mailbox import new_password_data, open_reset_link, send_due_emails
from core.times import format_date
from orders.bookkeeping.pruning import prune
from orders.workflow.erasure import delete_account
from orders.workflow.personal_data import export_personal_data
from tests.makers import PASSWORD, add_to_cart, make_product, make_user
from tests.visitors import count_queries, sign_in

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
PAGE, END_OTHERS = "/accounts/sign-ins/", "/accounts/sign-ins/end-others/"
NEW, CHANGE = "an even longer walk", "/accounts/password-change/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def alice() -> User:
    return make_user(name="Alice")


@pytest.fixture
def phone(alice: User) -> Client:
    """Return a phone on which Alice is signed in."""
    phone = Client(headers={"User-Agent": IPHONE})
    sign_in(phone, alice)
    return phone


@pytest.fixture
def desk(alice: User) -> Client:
    """Return a computer on which Alice is signed in."""
    desk = Client(headers={"User-Agent": FIREFOX})
    sign_in(desk, alice)
    return desk


def is_signed_in(client: Client) -> bool:
    return ">Logout</button>" in client.get("/").text


def end_url(device: str) -> str:
    return reverse("accounts:sign_in_end", args=[SignIn.objects.get(system=device).pk])


# The page


def test_page_lists_the_sessions_and_marks_this_device(desk: Client, phone: Client) -> None:
    page = desk.get(PAGE)
    assert [row.device for row in page.context["sign_ins"]] == ["Firefox on Linux", "Safari on iPhone"]
    this, other = page.text.split("</main>")[0].split("<li>")[-2:]
    assert ("This device" in this, "This device" in other) == (True, False)
    assert f"Logged in on {format_date(timezone.now())}" in this
    assert f"Last used on {format_date(timezone.now())}" in this


def test_page_lists_at_most_fifty_sessions_and_always_this_one(desk: Client, alice: User) -> None:
    days = [timezone.now().date() + timedelta(days=number) for number in range(60)]
    for number, day in enumerate(days):
        Session.objects.create(session_key=f"key{number}", expire_date=timezone.now() + timedelta(days=1))
        SignIn.objects.create(user=alice, session_key=f"key{number}", created=timezone.now(), last_used=day)
    rows = desk.get(PAGE).context["sign_ins"]
    assert (len(rows), rows[0].system) == (50, "Linux")


def test_page_is_in_the_account_navigation(desk: Client) -> None:
    assert f'href="{PAGE}"' in desk.get("/accounts/profile/").text
    assert f'href="{PAGE}" aria-current="page"' in desk.get(PAGE).text


def test_page_requires_login(client: Client) -> None:
    for path in (PAGE, END_OTHERS, f"{PAGE}1/end/"):
        answer = client.get(path) if path == PAGE else client.post(path)
        assert answer.url == f"/accounts/login/?next={path}"


def test_page_does_not_list_sessions_of_others(desk: Client, other_client: Client) -> None:
    sign_in(other_client, make_user("bob@example.org"))
    assert len(desk.get(PAGE).context["sign_ins"]) == 1


def test_page_does_not_list_sessions_that_are_over(desk: Client, phone: Client) -> None:
    key = phone.session.session_key
    Session.objects.filter(session_key=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert [row.system for row in desk.get(PAGE).context["sign_ins"]] == ["Linux"]


def test_page_reads_only_sessions_of_the_user(desk: Client) -> None:
    desk.get(PAGE)
    for _ in range(3):
        sign_in(Client(), make_user(f"user{User.objects.count()}@example.org"))
    with count_queries() as queries:
        desk.get(PAGE)
    assert len([query for query in queries if "session_data" in query]) == 1  # this session


def test_session_of_the_admin_login_is_listed(client: Client) -> None:
    make_user("boss@example.org", is_staff=True)
    client.post("/admin/login/", {"username": "boss@example.org", "password": PASSWORD, "next": "/admin/"})
    assert len(client.get(PAGE).context["sign_ins"]) == 1


def test_signing_up_is_listed(client: Client) -> None:
    client.post("/accounts/signup/", {"name": "Cy", "email": "cy@example.org", "password": "a long walk home"})
    assert len(client.get(PAGE).context["sign_ins"]) == 1


def test_second_sign_in_in_one_browser_replaces_the_first(desk: Client, alice: User) -> None:
    make_user("boss@example.org", is_staff=True)
    desk.post("/admin/login/", {"username": "boss@example.org", "password": PASSWORD, "next": "/admin/"})
    assert [row.user.email for row in SignIn.objects.current()] == ["boss@example.org"]
    assert len(desk.get(PAGE).context["sign_ins"]) == 1


@pytest.mark.parametrize(
    ("agent", "browser", "system"),
    [
        (FIREFOX, "Firefox", "Linux"),
        (IPHONE, "Safari", "iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge", "Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome", "Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.5 Safari/605.1.15", "Safari", "macOS"),
        ("\x00<b>%s", "", ""),
        ("", "", ""),
    ],
)
def test_device_has_a_coarse_name(agent: str, browser: str, system: str) -> None:
    request = RequestFactory(headers={"User-Agent": agent}).get("/")
    assert describe(request) == {"browser": browser, "system": system}


def test_unknown_device_is_listed(client: Client, alice: User) -> None:
    sign_in(client, alice)
    assert "Unknown device" in client.get(PAGE).text


def test_no_ip_address_is_stored(alice: User) -> None:
    sign_in(Client(REMOTE_ADDR="198.51.100.77"), alice)
    assert "198.51" not in str(SignIn.objects.values().get())


# When a session was used


def test_use_of_a_session_is_recorded_once_a_day(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    clock.wait(days=3)
    desk.get("/cart/")
    assert SignIn.objects.get().last_used == clock.now.date()
    with count_queries() as queries:
        desk.get("/cart/")
    assert [query for query in queries if not query.startswith("SELECT")] == []


def test_page_is_shown_although_the_use_of_the_session_cannot_be_recorded(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk or a locked row prevents the update, and not the page."""

    def fail(*args: Any, **values: Any) -> None:
        raise OperationalError("database or disk is full")

    SignIn.objects.update(last_used=timezone.now() - timedelta(days=2))
    monkeypatch.setattr(QuerySet, "update", fail)
    assert is_signed_in(desk)


def test_second_sign_in_of_a_signed_in_user_keeps_one_device(client: Client) -> None:
    user = make_user("staff@example.org", is_staff=True)
    sign_in(client, user)
    response = client.post("/admin/login/", {"username": user.email, "password": PASSWORD, "next": "/admin/"})
    assert response.status_code == 302
    assert SignIn.objects.filter(user=user).count() == 1


def test_use_of_a_session_does_not_prolong_it(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Session.objects.values_list("expire_date", "session_data").get()
    Clock(monkeypatch).wait(days=3)
    desk.get("/cart/")
    assert Session.objects.values_list("expire_date", "session_data").get() == before


# Ending sessions


def test_button_ends_one_session(desk: Client, phone: Client) -> None:
    page = desk.post(end_url("iPhone"), follow=True).text
    assert "Safari on iPhone has been logged out." in page
    assert (is_signed_in(desk), is_signed_in(phone), Session.objects.count()) == (True, False, 1)


def test_button_of_this_device_logs_out(desk: Client, phone: Client) -> None:
    assert desk.post(end_url("Linux")).url == "/"
    assert (is_signed_in(desk), is_signed_in(phone)) == (False, True)


def test_button_ends_all_other_sessions(desk: Client, phone: Client) -> None:
    assert "Log out all other devices" in desk.get(PAGE).text
    page = desk.post(END_OTHERS, follow=True).text
    assert "All other devices have been logged out." in page
    assert "Log out all other devices" not in page
    assert (is_signed_in(desk), is_signed_in(phone)) == (True, False)


def test_stranger_cannot_end_sessions(desk: Client, other_client: Client) -> None:
    sign_in(other_client, make_user("bob@example.org"))
    assert other_client.post(end_url("Linux")).status_code == 404
    other_client.post(END_OTHERS)
    assert is_signed_in(desk)


@pytest.mark.parametrize("path", [END_OTHERS, f"{PAGE}1/end/"])
def test_sessions_end_only_by_a_post_of_this_site(desk: Client, path: str) -> None:
    assert desk.get(path).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    assert strict.post(path, headers={"Origin": "https://evil.example"}).status_code == 403


def test_ended_session_keeps_the_cart_of_the_user(desk: Client, phone: Client, alice: User) -> None:
    add_to_cart(phone, make_product(title="Teal mug"))
    desk.post(END_OTHERS)
    sign_in(phone, alice)
    assert "Teal mug" in phone.get("/cart/").text


def test_export_contains_the_devices_and_no_session_key(desk: Client, alice: User) -> None:
    key = SignIn.objects.get().session_key
    data = export_personal_data(alice)
    assert [row["browser"] for row in data["sign_ins"]] == ["Firefox"]
    assert key not in str(data)


def test_erased_member_of_staff_keeps_no_sign_in(desk: Client, alice: User) -> None:
    LogEntry.objects.create(user=alice, action_flag=1)
    delete_account(alice)
    alice.refresh_from_db()
    assert (alice.is_erased, alice.language, SignIn.objects.exists()) == (True, "", False)


def test_logout_removes_the_sign_in(desk: Client) -> None:
    desk.post("/accounts/logout/")
    assert not SignIn.objects.exists()


def test_sign_ins_without_a_session_are_pruned(desk: Client, phone: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    Session.objects.filter(session_key=phone.session.session_key).delete()
    prune()
    assert SignIn.objects.count() == 2  # perhaps it is the request of the sign-in that is running
    Clock(monkeypatch).wait(hours=2)
    prune()
    assert [row.system for row in SignIn.objects.all()] == ["Linux"]


# Changes of the password and of the email address


def change_password(client: Client) -> Any:
    return client.post(CHANGE, {"old_password": PASSWORD} | new_password_data(NEW))


def change_email(client: Client) -> Any:
    return client.post("/accounts/email/", {"email": "new@example.org", "password": PASSWORD})


@pytest.mark.parametrize("change", [change_password, change_email])
def test_change_ends_all_other_sessions(desk: Client, phone: Client, change: Any) -> None:
    assert change(desk).url == "/accounts/profile/"
    assert Session.objects.count() == 1
    assert [row.device for row in desk.get(PAGE).context["sign_ins"]] == ["Firefox on Linux"]
    assert (is_signed_in(desk), is_signed_in(phone)) == (True, False)


@pytest.mark.parametrize("change", [{"email": "new@example.org"}, {"password": "!"}])
def test_session_that_was_not_found_ends_too(desk: Client, change: dict[str, str]) -> None:
    # A sign-in that is running at the same moment stores its session after the others were ended.
    User.objects.update(**change)
    assert not is_signed_in(desk)


def test_rejected_email_change_ends_no_session(desk: Client, phone: Client) -> None:
    make_user("new@example.org")
    change_email(desk)
    assert (is_signed_in(desk), is_signed_in(phone), send_due_emails()) == (True, True, 0)


def test_reset_in_the_browser_of_a_signed_in_user_ends_its_session(desk: Client, phone: Client) -> None:
    page = open_reset_link(desk)
    assert desk.post(page, new_password_data(NEW)).url == "/accounts/login/"
    assert (is_signed_in(desk), is_signed_in(phone)) == (False, False)


def test_new_hash_of_the_same_password_is_no_change(settings: Any, desk: Client, alice: User) -> None:
    settings.PASSWORD_HASHERS = ["accounts.tests.hashers.CountingHasher", *settings.PASSWORD_HASHERS]
    sign_in(Client(), alice)
    alice.refresh_from_db()
    assert alice.password.startswith("counted")
    assert send_due_emails() == 0


def notices() -> list[tuple[str, str]]:
    """Send the emails that are due. Return the recipient and the subject of each, but not of sign-ins of staff."""
    send_due_emails()
    found = [(message.to[0], message.subject) for message in mail.outbox]
    return [(to, subject) for to, subject in found if not subject.startswith("New sign-in to your staff account")]


PASSWORD_NOTICE = ("alice@example.org", "Your password at Hearth & Clay was changed")
EMAIL_NOTICE = ("alice@example.org", "Your email at Hearth & Clay was changed")


def test_owner_is_told_about_a_changed_password(desk: Client) -> None:
    change_password(desk)
    assert notices() == [PASSWORD_NOTICE]
    text = mail.outbox[0].body
    assert "has a new password" in text
    assert "http://127.0.0.1:8000/accounts/password-reset/" in text


def test_owner_is_told_about_a_reset(client: Client, alice: User) -> None:
    client.post(open_reset_link(client), new_password_data(NEW))
    assert notices()[1:] == [PASSWORD_NOTICE]


def test_notice_of_a_new_password_goes_to_the_address_before_a_change(desk: Client) -> None:
    change_password(desk)
    desk.post("/accounts/email/", {"email": "thief@example.org", "password": NEW})
    assert notices()[:2] == [PASSWORD_NOTICE, EMAIL_NOTICE]
    assert "thief" not in mail.outbox[0].body + mail.outbox[1].body


def test_notice_is_sent_even_if_the_client_has_queued_many_emails(desk: Client) -> None:
    for number in range(25):
        desk.post("/accounts/password-reset/", {"email": f"guess{number}@example.org"})
    change_password(desk)
    assert notices() == [PASSWORD_NOTICE]


@pytest.mark.parametrize("language", ["de", "en-gb"])
def test_notice_is_in_the_language_of_the_last_sign_in(client: Client, alice: User, language: str) -> None:
    data = {"email": alice.email, "password": PASSWORD}
    client.post("/accounts/login/", data, headers={"Accept-Language": language})
    User.objects.get().save()
    user = User.objects.get()
    user.set_password(NEW)
    user.save()
    notices()
    assert f'lang="{language}"' in mail.outbox[0].alternatives[0].content


# Changes by staff


@pytest.fixture
def boss() -> Client:
    """Return the client of a superuser."""
    boss = Client(headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})
    sign_in(boss, make_user("boss@example.org", is_staff=True, is_superuser=True))
    return boss


def save_in_admin(boss: Client, user: User, **changes: str) -> Any:
    url = reverse("admin:accounts_user_change", args=[user.pk])
    form = boss.get(url).context["adminform"].form
    data = {name: form.initial.get(name) or "" for name in ("email", "name")}
    data |= {name: "on" for name in ("is_active", "is_staff", "is_superuser") if form.initial.get(name)}
    hidden = {name: form[name].value() for name in form.fields if form[name].is_hidden}
    kept = {name: value for name, value in (data | hidden | changes).items() if value != "off"}
    return boss.post(url, kept)


def test_staff_change_of_a_password_ends_all_sessions(boss: Client, desk: Client, alice: User) -> None:
    url = reverse("admin:auth_user_password_change", args=[alice.pk])
    boss.post(url, {"password1": NEW, "password2": NEW, "usable_password": "true"})
    assert (is_signed_in(desk), is_signed_in(boss)) == (False, True)
    assert notices() == [PASSWORD_NOTICE]


def test_staff_removal_of_a_password_ends_all_sessions(boss: Client, desk: Client, alice: User) -> None:
    url = reverse("admin:auth_user_password_change", args=[alice.pk])
    boss.post(url, {"password1": "", "password2": "", "usable_password": "false", "unset-password": "x"})
    assert is_signed_in(desk) is False
    assert notices() == [PASSWORD_NOTICE]


def test_staff_change_of_an_email_address_ends_all_sessions(boss: Client, desk: Client, alice: User) -> None:
    assert save_in_admin(boss, alice, email="new@example.org").status_code == 302
    assert User.objects.filter(email="new@example.org").exists()
    assert (is_signed_in(desk), is_signed_in(boss)) == (False, True)
    assert notices() == [EMAIL_NOTICE]


def test_sessions_do_not_come_back_when_staff_reactivate_a_user(boss: Client, desk: Client, alice: User) -> None:
    save_in_admin(boss, alice, is_active="off")
    assert not User.objects.get(pk=alice.pk).is_active
    save_in_admin(boss, alice, is_active="on")
    assert User.objects.get(pk=alice.pk).is_active
    assert is_signed_in(desk) is False
    assert notices() == []


def test_staff_change_of_a_name_ends_no_session(boss: Client, desk: Client, alice: User) -> None:
    save_in_admin(boss, alice, name="Alicia")
    assert (User.objects.get(pk=alice.pk).name, is_signed_in(desk), notices()) == ("Alicia", True, [])


def test_staff_who_change_their_own_account_stay_signed_in(boss: Client) -> None:
    user = User.objects.get(email="boss@example.org")
    other = Client()
    sign_in(other, user)
    save_in_admin(boss, user, email="chief@example.org")
    assert (is_signed_in(boss), is_signed_in(other)) == (True, False)
    boss.post("/admin/password_change/", {"old_password": PASSWORD} | new_password_data(NEW))
    assert User.objects.get(pk=user.pk).check_password(NEW)
    assert is_signed_in(boss)
    assert [row.device for row in boss.get(PAGE).context["sign_ins"]] == ["Firefox on Windows"]
