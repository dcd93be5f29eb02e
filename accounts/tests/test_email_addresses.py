"""Tests for the email addresses that forms accept from people who become customers."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.email_addresses import CustomerEmailField
from accounts.models import GuestEmail, User
from tests.makers import PASSWORD, add_to_cart, make_product, make_user, submit_details
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
STRIPE_ACCEPTS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")  # the domain needs a dot
COMPLETE = "Enter a complete email address, for example name@example.org."
REJECTED = [
    "a@localhost", "a@shop", "a@[127.0.0.1]", "a@[IPv6:::1]", '"a b"@example.org', '"a"@example.org', "a b@example.org",
    "a@192.168.100.200", "a@example.org.", "a@.example.org", "a@example..org", ".a@example.org", "a.@example.org",
    "a..b@example.org", "a@example.-org", "a@-example.org", "é@example.org", "a@example.org\x00", "a\u2028@example.org",
    f"{'a' * 65}@example.org", f"a@{'b' * 250}.org", "a@b@example.org", "@example.org", "a@", "a@exam_ple.org",
    "\u017fam@example.org", "\u212aim@example.org", "al\u0131ce@example.org", "\u0130da@example.org",
    "a@forgotten.invalid", "a@FORGOTTEN.invalid",
]  # fmt: skip
ACCEPTED = [
    "a@example.org", "A.B+c@mail.example.co.uk", "o'neil@example.org", "a@xn--bcher-kva.example", "1@2.example",
    "a@example.xn--p1ai", f"{'a' * 64}@example.org", " a@example.org ",
]  # fmt: skip


def is_accepted(email: str) -> bool:
    try:
        CustomerEmailField().clean(email)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("email", REJECTED)
def test_field_rejects_addresses_that_cannot_be_a_customers(email: str) -> None:
    assert not is_accepted(email)


@pytest.mark.parametrize("email", ACCEPTED)
def test_field_accepts_ordinary_addresses(email: str) -> None:
    assert is_accepted(email)


@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("a@localhost", COMPLETE),
        ("a@[127.0.0.1]", COMPLETE),
        (
            "a@bücher.example",
            "Please write the part after the @ with letters from A to Z: xn--bcher-kva.example.",
        ),
        ("a@ü ü.example", "Enter a valid email address."),
    ],
)
def test_field_says_what_to_write(email: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CustomerEmailField().clean(email)
    assert caught.value.messages == [message]


LABELS = st.text('ab1-é_.[]"', max_size=6)


@pytest.mark.slow
@given(email=st.emails() | st.builds("{}@{}".format, LABELS, LABELS | st.just("localhost")) | st.text(max_size=20))
@example(email="a@localhost")
@example(email="a@\uff0eb")
def test_field_accepts_only_what_stripe_accepts(email: str) -> None:
    try:
        kept = CustomerEmailField().clean(email)
    except ValidationError:
        return
    assert STRIPE_ACCEPTS.fullmatch(kept)
    assert kept.isascii()
    assert kept.isprintable()


# --- every form ---


def test_guest_form_shows_the_error_and_keeps_the_input(client: Client) -> None:
    page = client.post("/accounts/guest/", {"email": "a@localhost"}).text
    assert page.count(COMPLETE) == 2  # in the summary and at the field
    assert 'value="a@localhost"' in page
    assert not GuestEmail.objects.exists()


def test_checkout_details_show_the_error(client: Client) -> None:
    add_to_cart(client, make_product())
    assert COMPLETE in submit_details(client, "a@localhost").text
    assert not GuestEmail.objects.exists()


def test_sign_up_shows_the_error(client: Client) -> None:
    data = {"name": "Gia", "email": "a@localhost", "password": PASSWORD}
    assert COMPLETE in client.post("/accounts/signup/", data).text
    assert not User.objects.exists()


def test_email_change_shows_the_error(client: Client) -> None:
    user = make_user()
    sign_in(client, user)
    data = {"email": "a@localhost", "password": PASSWORD}
    assert COMPLETE in client.post("/accounts/email/", data).text
    user.refresh_from_db()
    assert user.email == "alice@example.org"


def test_admin_rejects_it_for_new_users(client: Client) -> None:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    data = {"email": "a@localhost", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert COMPLETE in client.post("/admin/accounts/user/add/", data).text
    assert User.objects.count() == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("email", "is_saved"), [("old@localhost", True), ("new@localhost", False)])
def test_admin_keeps_an_old_email_address_but_accepts_no_new_one(client: Client, email: str, is_saved: bool) -> None:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    user = make_user("old@localhost")
    response = client.post(
        f"/admin/accounts/user/{user.pk}/change/", {"email": email, "name": "New", "is_active": "on"}
    )
    user.refresh_from_db()
    assert (response.status_code, user.email, user.name) == (
        (302, email, "New") if is_saved else (200, "old@localhost", "")
    )


def test_user_with_an_old_email_address_can_still_sign_in(client: Client) -> None:
    make_user("old@localhost")
    client.post("/accounts/login/", {"email": "old@localhost", "password": PASSWORD})
    assert "_auth_user_id" in client.session


def test_createsuperuser_rejects_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match="complete email address"):
        call_command("createsuperuser", "--noinput", "--email", "a@localhost", verbosity=0)
