"""Tests that account pages change nothing else of a user, and do not bring back an account that was just erased."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.forms import EmailChangeForm, NameForm, PasswordChangeForm
from accounts.models import User
from orders.workflow.erasure import delete_account
from tests.makers import PASSWORD, make_user

pytestmark = pytest.mark.django_db
NEW = "a longer walk home"
PAGES: list[tuple[str, Any, dict[str, str]]] = [
    ("/accounts/name/", NameForm, {"name": "Ann"}),
    ("/accounts/email/", EmailChangeForm, {"email": "new@example.org", "password": PASSWORD}),
    (
        "/accounts/password-change/",
        PasswordChangeForm,
        {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW},
    ),
]


def change_during_request(monkeypatch: pytest.MonkeyPatch, form: Any, change: Callable[[], object]) -> None:
    """Call `change` between the validation of this form and its save."""
    validate = form.is_valid

    def is_valid(self: Any) -> bool:
        result: bool = validate(self)
        change()
        return result

    monkeypatch.setattr(form, "is_valid", is_valid)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("url", "form", "data"), PAGES, ids=["name", "email", "password"])
def test_account_page_does_not_restore_an_erased_account(
    client: Client, monkeypatch: pytest.MonkeyPatch, url: str, form: Any, data: dict[str, str]
) -> None:
    user = make_user()
    client.force_login(user)
    change_during_request(monkeypatch, form, lambda: delete_account(User.objects.get(pk=user.pk)))
    assert client.post(url, data).url == "/accounts/login/"
    assert not User.objects.exists()


@pytest.mark.parametrize(("url", "form", "data"), PAGES, ids=["name", "email", "password"])
def test_account_page_does_not_restore_removed_rights(
    client: Client, monkeypatch: pytest.MonkeyPatch, url: str, form: Any, data: dict[str, str]
) -> None:
    user = make_user(is_staff=True, is_superuser=True)
    client.force_login(user)
    change_during_request(monkeypatch, form, lambda: User.objects.update(is_staff=False, is_superuser=False))
    assert client.post(url, data).status_code == 302
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_deleted_user_cannot_be_saved_again() -> None:
    user = make_user()
    delete_account(User.objects.get(pk=user.pk))
    with pytest.raises(DatabaseError):
        user.save()
