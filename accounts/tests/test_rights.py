"""Tests that nobody grants rights in the admin that they do not have."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts import rights
from accounts.models import User
from tests.makers import PASSWORD, make_user

pytestmark = pytest.mark.django_db
NEW_PASSWORD = {"password1": "a long walk home", "password2": "a long walk home", "usable_password": "true"}


@pytest.fixture
def boss() -> User:
    return make_user("boss@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def clerk() -> User:
    """Return a member of staff with every permission, who is not a superuser."""
    clerk = make_user("clerk@example.org", is_staff=True)
    clerk.user_permissions.set(Permission.objects.all())
    return clerk


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(page: str, row: Model | None = None) -> str:
    return reverse(f"admin:{page}", args=[row.pk] if row else [])


def user_data(user: User, **changes: Any) -> dict[str, Any]:
    """Return the data of a change form in which everything is ticked that grants rights."""
    permissions = list(Permission.objects.values_list("pk", flat=True)[:3])
    ticked = {"is_active": "on", "is_staff": "on", "is_superuser": "on", "user_permissions": permissions}
    return {"email": user.email, "name": user.name} | ticked | changes


def row(user: User) -> tuple[Any, ...]:
    """Return everything about the user that the admin can change."""
    user = User.objects.get(pk=user.pk)
    granted = (sorted(user.user_permissions.values_list("pk", flat=True)), user.groups.count())
    return (user.email, user.name, user.password, user.is_active, user.is_staff, user.is_superuser, *granted)


@pytest.mark.slow
@pytest.mark.parametrize("email", ["boss@example.org", "clerk@example.org", "colleague@example.org"])
def test_clerk_cannot_change_an_account_with_rights(boss: User, clerk: User, email: str) -> None:
    colleague = make_user("colleague@example.org")
    colleague.groups.add(Group.objects.create(name="Packers"))
    user = User.objects.get(email=email)
    before, client = row(user), sign_in(clerk)
    assert 'name="_save"' not in client.get(url("accounts_user_change", user)).text
    data = user_data(user, email="mine@example.org", name="Mine", is_active="")
    assert client.post(url("accounts_user_change", user), data).status_code == 403
    assert client.post(url("auth_user_password_change", user), NEW_PASSWORD).status_code == 403
    assert row(user) == before


@pytest.mark.slow
def test_clerk_changes_a_customer_but_grants_no_rights(clerk: User) -> None:
    alice, client = make_user(), sign_in(clerk)
    page = client.get(url("accounts_user_change", alice)).text
    assert not [name for name in rights.RIGHTS if f'name="{name}"' in page]
    data = user_data(alice, name="Alice", groups=[Group.objects.create(name="Packers").pk])
    assert client.post(url("accounts_user_change", alice), data).status_code == 302
    alice.refresh_from_db()
    assert (alice.name, rights.has_rights(alice)) == ("Alice", False)


def test_clerk_cannot_create_a_user_with_rights(clerk: User) -> None:
    data = {"email": "new@example.org"} | NEW_PASSWORD
    sign_in(clerk).post(url("accounts_user_add"), user_data(clerk) | data)
    assert not rights.has_rights(User.objects.get(email="new@example.org"))


@pytest.mark.slow
def test_clerk_cannot_change_groups(clerk: User) -> None:
    group, client = Group.objects.create(name="Packers"), sign_in(clerk)
    clerk.groups.add(group)
    data = {"name": "Bosses", "permissions": list(Permission.objects.values_list("pk", flat=True))}
    assert 'name="_save"' not in client.get(url("auth_group_change", group)).text
    assert client.post(url("auth_group_change", group), data).status_code == 403
    assert client.post(url("auth_group_add"), data).status_code == 403
    assert client.post(url("auth_group_delete", group), {"post": "yes"}).status_code == 403
    client.post(
        url("auth_group_changelist"), {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    )
    assert (group.permissions.count(), Group.objects.filter(pk=group.pk, name="Packers").exists()) == (0, True)


def test_clerk_cannot_lift_the_lockout_of_a_superuser(boss: User, clerk: User) -> None:
    make_user()
    attempts = [
        AccessAttempt.objects.create(username=name, failures_since_start=9, ip_address="127.0.0.1")
        for name in ("boss@example.org", "alice@example.org")
    ]
    client = sign_in(clerk)
    for attempt in attempts:
        client.post(url("axes_accessattempt_delete", attempt), {"post": "yes"})
    data = {"action": "delete_selected", "_selected_action": [attempts[0].pk], "post": "yes"}
    client.post(url("axes_accessattempt_changelist"), data)
    assert list(AccessAttempt.objects.values_list("username", flat=True)) == ["boss@example.org"]


def test_account_that_became_staff_after_it_was_loaded_is_not_changed(clerk: User) -> None:
    alice = make_user()
    loaded = User.objects.get(pk=alice.pk)
    assert rights.lock_and_check(clerk, loaded)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert rights.may_change_user(clerk, loaded)
    assert not rights.lock_and_check(clerk, loaded)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["is_active", "is_staff", "is_superuser"])
def test_last_superuser_cannot_be_removed(boss: User, name: str) -> None:
    client, data = sign_in(boss), user_data(boss, **{name: ""})
    assert "This is the last active superuser." in client.post(url("accounts_user_change", boss), data).text
    assert list(rights.active_superusers()) == [boss]


def test_last_superuser_keeps_a_password(boss: User) -> None:
    data = {"usable_password": "false", "unset-password": "1"}
    page = sign_in(boss).post(url("auth_user_password_change", boss), data)
    assert "This is the last active superuser." in page.text
    boss.refresh_from_db()
    assert boss.check_password(PASSWORD)


def test_superuser_removes_one_of_two_superusers(boss: User) -> None:
    other = make_user("other@example.org", is_staff=True, is_superuser=True)
    sign_in(boss).post(url("accounts_user_change", other), user_data(other, is_superuser=""))
    assert list(rights.active_superusers()) == [boss]


def test_superuser_grants_rights(boss: User) -> None:
    alice = make_user()
    sign_in(boss).post(url("accounts_user_change", alice), user_data(alice))
    alice.refresh_from_db()
    assert (alice.is_superuser, alice.user_permissions.count()) == (True, 3)
