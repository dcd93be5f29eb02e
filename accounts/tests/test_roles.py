"""Tests that the shop makes the roles of staff once, and that a merchant's changes to them stay."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models.signals import post_migrate

from accounts.models import Role
from accounts.staff.roles import ROLES, make_roles

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def new_shop() -> None:
    """Make the roles as the first migration does. Tests that commit have deleted them."""
    Role.objects.all().delete()
    Group.objects.all().delete()
    make_roles()


def permissions_of(name: str) -> set[str]:
    pairs = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {".".join(pair) for pair in pairs}


def test_each_role_is_a_group_with_its_permissions() -> None:
    assert {group.name: permissions_of(group.name) for group in Group.objects.all()} == {
        name: set(permissions) for name, permissions in ROLES.items()
    }


def test_no_role_may_change_rights() -> None:
    granted = {permission for permissions in ROLES.values() for permission in permissions}
    assert not [permission for permission in granted if permission.startswith("auth.")]


def test_migrate_makes_the_roles_and_keeps_what_a_merchant_changed() -> None:
    support, packer = Group.objects.get(name="Support"), Group.objects.get(name="Packer")
    support.permissions.remove(Permission.objects.get(codename="refund_order"))
    packer.permissions.add(Permission.objects.get(codename="view_refund"))
    packer.name = "Warehouse"
    packer.save()
    Group.objects.get(name="Catalogue").delete()
    call_command("migrate", verbosity=0)
    assert sorted(Group.objects.values_list("name", flat=True)) == ["Manager", "Support", "Warehouse"]
    assert "orders.refund_order" not in permissions_of("Support")
    assert permissions_of("Warehouse") == {*ROLES["Packer"], "orders.view_refund"}


def test_upgrade_gives_a_new_permission_to_a_renamed_role_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Group.objects.filter(name="Packer").update(name="Warehouse")
    monkeypatch.setitem(ROLES, "Packer", (*ROLES["Packer"], "orders.view_dispute"))
    make_roles()
    assert "orders.view_dispute" in permissions_of("Warehouse")
    Group.objects.get(name="Warehouse").permissions.remove(Permission.objects.get(codename="view_dispute"))
    make_roles()
    assert "orders.view_dispute" not in permissions_of("Warehouse")


def test_upgrade_of_a_shop_without_roles_keeps_a_group_of_the_same_name() -> None:
    Role.objects.all().delete()
    Group.objects.exclude(name="Support").delete()
    Group.objects.get(name="Support").permissions.clear()
    make_roles()
    assert permissions_of("Support") == set()
    assert permissions_of("Packer") == set(ROLES["Packer"])


def test_roles_are_made_before_the_permissions_of_later_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    Role.objects.all().delete()
    Group.objects.all().delete()
    Permission.objects.filter(content_type__app_label="orders").delete()
    make_roles()
    assert permissions_of("Packer") == set(ROLES["Packer"])


def test_migration_back_to_before_the_roles_makes_none() -> None:
    from django.db.migrations.loader import MigrationLoader

    from accounts import signals

    before = MigrationLoader(None).project_state(("accounts", "0005_sign_ins_and_password_tries")).apps
    Role.objects.all().delete()
    signals.make_staff_roles(apps=before)
    assert not Role.objects.exists()
    assert post_migrate.has_listeners(apps.get_app_config("accounts"))
