"""Tests for the user model and its manager."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from tests.makers import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("email", ["alice@example.org", "Alice@example.org", "ALICE@EXAMPLE.ORG"])
def test_email_is_unique_case_insensitively(email: str) -> None:
    make_user()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email=email)


@pytest.mark.parametrize("email", ["alice@example.org", "ALICE@example.org"])
def test_natural_key_ignores_case(email: str) -> None:
    alice = make_user()
    assert User.objects.get_by_natural_key(email) == alice


def test_superuser_can_open_admin(client: Client) -> None:
    boss = User.objects.create_superuser("boss@example.org", "x")
    assert (boss.is_staff, boss.is_superuser) == (True, True)
    client.force_login(boss)
    assert "Staff" in client.get("/admin/").text


def test_createsuperuser_needs_only_email(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long walk home")
    call_command("createsuperuser", "--noinput", "--email", "boss@example.org", verbosity=0)
    assert User.objects.get().check_password("a long walk home")


@pytest.mark.parametrize(("name", "expected"), [("Alice", "Alice"), ("", "alice@example.org")])
def test_user_name_falls_back_to_email(name: str, expected: str) -> None:
    alice = User(email="alice@example.org", name=name)
    assert (alice.get_full_name(), alice.get_short_name(), str(alice)) == (expected, expected, "alice@example.org")


def test_user_without_password_cannot_log_in(client: Client) -> None:
    User.objects.create_user("alice@example.org")
    client.post("/accounts/login/", {"email": "alice@example.org", "password": ""})
    assert "_auth_user_id" not in client.session
