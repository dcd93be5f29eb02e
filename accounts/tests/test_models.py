"""Users: one an e-mail, whatever its case."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from ecommerce.tests.makers import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("email", ["alice@example.org", "Alice@example.org", "ALICE@EXAMPLE.ORG"])
def test_email_is_unique_without_regard_to_case(email: str) -> None:
    make_user()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email=email)


@pytest.mark.parametrize("email", ["alice@example.org", "ALICE@example.org"])
def test_natural_key_has_no_regard_to_case(email: str) -> None:
    alice = make_user()
    assert User.objects.get_by_natural_key(email) == alice


def test_superuser_may_do_everything(client: Client) -> None:
    boss = User.objects.create_superuser("boss@example.org", "x")
    assert (boss.is_staff, boss.is_superuser) == (True, True)
    client.force_login(boss)
    assert "Staff" in client.get("/admin/").text


def test_superuser_command_needs_only_an_email(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long walk home")
    call_command("createsuperuser", "--noinput", "--email", "boss@example.org", verbosity=0)
    assert User.objects.get().check_password("a long walk home")


@pytest.mark.parametrize(("name", "called"), [("Alice", "Alice"), ("", "alice@example.org")])
def test_user_is_called_by_name_or_email(name: str, called: str) -> None:
    alice = User(email="alice@example.org", name=name)
    assert (alice.get_full_name(), alice.get_short_name(), str(alice)) == (called, called, "alice@example.org")


def test_user_without_a_password_cannot_log_in(client: Client) -> None:
    User.objects.create_user("alice@example.org")
    client.post("/accounts/login/", {"email": "alice@example.org", "password": ""})
    assert "_auth_user_id" not in client.session
