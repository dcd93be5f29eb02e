"""Tests for signing up."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.forms import EmailChangeForm, SignupForm
from accounts.models import User
from billing.models import BillingProfile
from stripe_simulator.server import Simulator
from tests.guests import contains
from tests.makers import PASSWORD, add_card, add_to_cart, buy, make_product, make_user, submit_details
from tests.visitors import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SIGNUP = "/accounts/signup/"
DATA = {"name": "Alice", "email": "alice@example.org", "password": "a long walk home"}


def test_signup_creates_user_with_profile_and_signs_in(client: Client) -> None:
    response = client.post(SIGNUP, DATA | {"next": "/cart/"})
    user = User.objects.get()
    assert (response.url, user.email, user.name) == ("/cart/", "alice@example.org", "Alice")
    assert (user.billing_profile.email, user.is_staff, user.is_superuser) == ("alice@example.org", False, False)
    assert client.session["billing_profile_id"] == user.billing_profile.pk
    assert "Welcome! Your account is ready." in client.get("/").text


def test_signup_user_can_log_in_again(client: Client, other_client: Client) -> None:
    client.post(SIGNUP, DATA)
    other_client.post("/accounts/login/", {"email": "Alice@example.org", "password": DATA["password"]})
    assert ">Logout</button>" in other_client.get("/").text


def test_signup_rotates_session_key(client: Client) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    before = client.session.session_key
    client.post(SIGNUP, DATA)
    assert client.session.session_key != before


def test_signup_cannot_set_staff_flags(client: Client) -> None:
    client.post(SIGNUP, DATA | {"is_staff": "on", "is_superuser": "on", "is_active": "", "pk": "7", "id": "7"})
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


def test_signup_takes_over_guest_profile(client: Client) -> None:
    client.post("/accounts/guest/", {"email": "guest@example.org"})
    guest = BillingProfile.objects.get()
    client.post(SIGNUP, DATA)
    profile = BillingProfile.objects.get()
    assert (profile.pk, profile.user.email, profile.email) == (guest.pk, "alice@example.org", "alice@example.org")
    assert "guest_email_id" not in client.session


def test_signup_takes_over_guest_orders(client: Client, simulator: Simulator) -> None:
    order = buy(client, make_product())
    client.post(SIGNUP, DATA | {"email": "Guest@example.org"})
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"email": "guest@example.org", "password": DATA["password"]})
    assert order.order_id in client.get("/orders/").text


def test_signup_takes_over_nothing_from_another_session(
    client: Client, other_client: Client, simulator: Simulator
) -> None:
    client.post("/accounts/guest/", {"email": "alice@example.org"})
    add_card(client)
    other_client.post(SIGNUP, DATA)
    assert not contains(other_client.get("/billing/payment-method/").text, "4242")
    assert BillingProfile.objects.filter(user=None).count() == 1


def test_signup_does_not_take_over_profile_of_user(client: Client) -> None:
    sign_in(client, make_user("bob@example.org"))
    session = client.session
    del session["_auth_user_id"]
    session.save()
    client.post(SIGNUP, DATA)
    assert set(BillingProfile.objects.values_list("user__email", "email")) == {
        ("bob@example.org", "bob@example.org"),
        ("alice@example.org", "alice@example.org"),
    }


def test_signup_keeps_cart(client: Client) -> None:
    add_to_cart(client, make_product(title="Teal mug"), 2)
    client.post(SIGNUP, DATA)
    assert "Teal mug" in client.get("/cart/").text


@pytest.mark.parametrize("email", ["alice@example.org", "ALICE@example.org", "Alice@Example.Org"])
def test_signup_rejects_taken_email_with_message(client: Client, email: str) -> None:
    make_user()
    page = client.post(SIGNUP, DATA | {"email": email}).text
    assert "You already have an account with this email. Log in instead." in page
    assert User.objects.count() == 1


def test_signup_rejects_email_taken_in_the_meantime(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user()
    skip_first_check(monkeypatch, SignupForm)
    monkeypatch.setattr(SignupForm, "_get_validation_exclusions", lambda form: set(form.fields))
    page = client.post(SIGNUP, DATA).text
    assert "You already have an account with this email. Log in instead." in page
    assert "_auth_user_id" not in client.session


def test_email_change_rejects_email_taken_in_the_meantime(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user()
    bob = make_user("bob@example.org")
    client.force_login(bob)
    skip_first_check(monkeypatch, EmailChangeForm)
    data = {"email": "ALICE@example.org", "password": PASSWORD}
    page = client.post(reverse("accounts:email_change"), data).text
    assert "There is already an account with this email." in page
    assert User.objects.get(pk=bob.pk).email == "bob@example.org"


def skip_first_check(monkeypatch: pytest.MonkeyPatch, form: type[SignupForm | EmailChangeForm]) -> None:
    """Let the form accept any email address once, as if the account with it was not committed yet."""
    check, skipped = form.clean_email, []

    def clean_email(self: SignupForm | EmailChangeForm) -> str:
        skipped.append(self)
        return check(self) if len(skipped) > 1 else self.cleaned_data["email"]

    monkeypatch.setattr(form, "clean_email", clean_email)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short", "too short"),
        ("password", "too common"),
        ("alice@example.org", "too similar"),
        ("", "required"),
        ("x" * 129, "at most 128"),
    ],
)
def test_signup_rejects_weak_password_with_message(client: Client, password: str, message: str) -> None:
    page = client.post(SIGNUP, DATA | {"password": password}).text
    assert message in page
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"email": "alice"}, {"email": ""}, {"email": "a@b.c\x00"}, {"name": "x" * 121}, {"name": "A\x00"}]
)
def test_signup_with_bad_input_creates_no_user(client: Client, changes: dict) -> None:
    assert "There is a problem" in client.post(SIGNUP, DATA | changes).text
    assert not User.objects.exists()


def test_signup_page_redirects_signed_in_user(client: Client) -> None:
    client.post(SIGNUP, DATA)
    response = client.post(SIGNUP, DATA | {"email": "second@example.org"})
    assert response.url == "/"
    assert User.objects.count() == 1


def test_signup_prefills_name_and_email_of_guest(client: Client) -> None:
    add_to_cart(client, make_product())
    submit_details(client, "gia@example.org", name="Gia Guest")
    page = client.get("/accounts/signup/").text
    assert re.findall(r'<input type="(?:text|email)" name="(\w+)" value="(.*?)"', page) == [
        ("name", "Gia Guest"),
        ("email", "gia@example.org"),
    ]


def test_signup_prefills_nothing_without_session(client: Client) -> None:
    BillingProfile.objects.create(email="gia@example.org")
    assert "gia@example.org" not in client.get("/accounts/signup/").text
