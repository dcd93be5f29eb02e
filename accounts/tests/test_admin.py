"""Tests for the accounts admin."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import GuestEmail, User
from tests.makers import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client


def test_admin_creates_user_with_billing_profile(staff: Client) -> None:
    data = {"email": "new@example.org", "name": "New", "usable_password": "true"}
    data |= {"password1": "a long walk home", "password2": "a long walk home"}
    staff.post(reverse("admin:accounts_user_add"), data)
    user = User.objects.get(email="new@example.org")
    assert (user.check_password("a long walk home"), user.billing_profile.email) == (True, "new@example.org")


def test_admin_rejects_email_taken_in_another_case(staff: Client) -> None:
    make_user()
    data = {"email": "ALICE@example.org", "usable_password": "true"}
    data |= {"password1": "a long walk home", "password2": "a long walk home"}
    page = staff.post(reverse("admin:accounts_user_add"), data).text
    assert "Please correct the error" in page
    assert User.objects.count() == 2


def test_admin_does_not_show_password_hash(staff: Client) -> None:
    alice = make_user()
    page = staff.get(reverse("admin:accounts_user_change", args=[alice.pk])).text
    assert alice.email in page
    assert alice.password.split("$")[-1] not in page


def test_admin_search_finds_user_by_name(staff: Client) -> None:
    make_user(name="Alice Archer")
    page = staff.get(reverse("admin:accounts_user_changelist"), {"q": "archer"})
    assert [user.email for user in page.context["cl"].queryset] == ["alice@example.org"]


def test_admin_shows_guest_emails_read_only(staff: Client) -> None:
    guest = GuestEmail.objects.create(email="guest@example.org")
    assert "guest@example.org" in staff.get(reverse("admin:accounts_guestemail_changelist")).text
    staff.post(reverse("admin:accounts_guestemail_change", args=[guest.pk]), {"email": "x@example.org"})
    assert GuestEmail.objects.get().email == "guest@example.org"
