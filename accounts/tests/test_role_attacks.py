"""Tests that no role of staff raises itself or others: no attack changes rights or accounts of staff."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import AccountMail, GuestEmail, Role, SecondFactor, User
from accounts.staff.roles import make_roles
from accounts.tests.mailbox import send_due_emails
from billing.models import BillingProfile
from orders.models import Order
from tests.makers import PASSWORD, make_open_order, make_user

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.sampled(5)]
ROLES = ("Packer", "Support", "Catalogue", "Manager")
NEW_PASSWORD = {"password1": "a long walk home", "password2": "a long walk home", "usable_password": "true"}
MINE = "mine@evil.example"


class Shop:
    """A shop with a superuser, a colleague and a customer, in which a member of staff with `role` attacks."""

    def __init__(self, role: str) -> None:
        Role.objects.all().delete()
        Group.objects.all().delete()
        make_roles()
        self.boss = make_user("boss@example.org", is_staff=True, is_superuser=True)
        self.colleague = self.make_member("colleague@example.org", "Manager")
        self.alice, self.me = make_user(), self.make_member("me@example.org", role)
        self.group = Group.objects.get(name=role)
        for user in (self.boss, self.me):
            SecondFactor.objects.start(user).confirm()
        AccessAttempt.objects.create(username="boss@example.org", failures_since_start=9, ip_address="127.0.0.1")
        order = make_open_order(account=self.boss)
        profile = BillingProfile.objects.get(user=self.boss)
        Order.objects.filter(pk=order.pk).update(status=Order.Status.SHIPPED, billing_profile=profile)
        self.order = order
        AccountMail.objects.notify(AccountMail.Kind.RESET, "boss@example.org")
        self.client = Client()
        self.client.force_login(self.me)
        session = self.client.session
        session["staff_session"] = "code"
        session.save()

    def make_member(self, email: str, role: str) -> User:
        user = make_user(email, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        return user

    def post(self, page: str, row: Any = None, **data: Any) -> None:
        """Send a form of the admin, such as accounts_user_change, about a row."""
        self.client.post(reverse(f"admin:{page}", args=[row.pk] if row else []), data)

    def save(self, user: User, **changes: Any) -> None:
        """Send the change form of a user with these changes."""
        self.post("accounts_user_change", user, **{"email": user.email, "name": "x", "is_active": "on"} | changes)

    def rights(self) -> Any:
        """Return everything that decides who may do what, and who can log in as staff."""
        users = User.objects.order_by("pk")
        return {
            "users": {user.pk: (user.is_staff, user.is_superuser, *_granted(user)) for user in users},
            "staff": list(users.filter(is_staff=True).values_list("email", "password", "is_active")),
            "groups": {group.name: _permissions(group.permissions) for group in Group.objects.all()},
            "factors": list(SecondFactor.objects.order_by("pk").values_list("user", "key")),
            "attempts": AccessAttempt.objects.count(),
        }


def _permissions(rows: Any) -> list[int]:
    return sorted(rows.values_list("pk", flat=True))


def _granted(user: User) -> tuple[Any, ...]:
    return _permissions(user.user_permissions), sorted(user.groups.values_list("name", flat=True))


def everything() -> list[int]:
    return list(Permission.objects.values_list("pk", flat=True))


def every_group() -> list[int]:
    return list(Group.objects.values_list("pk", flat=True))


def select(action: str, row: Any, **data: Any) -> dict[str, Any]:
    """Return the data of an action of a list."""
    return {"action": action, "_selected_action": [row.pk], "post": "yes"} | data


def list_data(user: User) -> dict[str, Any]:
    """Return the data of a list that could be edited."""
    counts = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-MAX_NUM_FORMS": 1, "_save": "Save"}
    return counts | {"form-0-id": user.pk, "form-0-is_superuser": "on", "form-0-is_staff": "on"}


def change_email_and_ask_for_a_link(shop: Shop) -> None:
    """Try to get the superuser's link for a new password."""
    shop.save(shop.boss, email=MINE)
    for email in (MINE, "boss@example.org"):
        Client().post("/accounts/password-reset/", {"email": email})
    send_due_emails()
    assert not [message for message in mail.outbox if MINE in message.to]


def read_the_link_in_a_preview(shop: Shop) -> None:
    """Try to read the superuser's link in the preview of the email."""
    row = AccountMail.objects.get(kind="reset")
    for page in ("preview", "preview_html"):
        text = shop.client.get(reverse(f"admin:accounts_accountmail_{page}", args=[row.pk])).text
        assert not re.search(r"/accounts/password-reset/\w+/[\w-]+/", text)


def take_the_boss_email_as_customer(shop: Shop) -> None:
    """Try to give a customer the superuser's email address."""
    for email in ("BOSS@example.org", "boss@EXAMPLE.org", "boss@example.org\u200b", "boss@example.org "):
        shop.save(shop.alice, email=email)
    assert authenticate(None, username="boss@example.org", password=PASSWORD) == shop.boss


def erase_the_boss_as_a_guest(shop: Shop) -> None:
    """Try to erase the superuser through a guest with the same email address."""
    guest = GuestEmail.objects.create(email="boss@example.org")
    BillingProfile.objects.filter(user=shop.boss).update(guest_email=guest)
    shop.post("accounts_guestemail_erase", guest, post="yes")


ATTACKS: dict[str, Callable[[Shop], None]] = {
    "makes itself a superuser": lambda shop: shop.save(shop.me, is_staff="on", is_superuser="on"),
    "joins all groups": lambda shop: shop.save(shop.me, is_staff="on", groups=every_group()),
    "takes all permissions": lambda shop: shop.save(shop.me, is_staff="on", user_permissions=everything()),
    "makes a customer staff": lambda shop: shop.save(shop.alice, is_staff="on"),
    "makes a customer a superuser": lambda shop: shop.save(shop.alice, is_staff="on", is_superuser="on"),
    "gives a customer groups": lambda shop: shop.save(shop.alice, groups=every_group()),
    "gives a customer permissions": lambda shop: shop.save(shop.alice, user_permissions=everything()),
    "makes a colleague a superuser": lambda shop: shop.save(shop.colleague, is_staff="on", is_superuser="on"),
    "takes the email of a superuser": lambda shop: shop.save(shop.boss, email=MINE, is_staff="on", is_superuser="on"),
    "takes the email of a colleague": lambda shop: shop.save(shop.colleague, email=MINE, is_staff="on"),
    "removes a superuser's rights": lambda shop: shop.save(shop.boss, is_staff="on"),
    "deactivates a superuser": lambda shop: shop.save(shop.boss, is_active="", is_staff="on", is_superuser="on"),
    "saves a superuser as new": lambda shop: shop.save(shop.boss, email=MINE, is_superuser="on", _saveasnew="1"),
    "saves a superuser in a popup": lambda shop: shop.save(shop.boss, email=MINE, _popup="1", _to_field="id"),
    "sets a superuser's password": lambda shop: shop.post("auth_user_password_change", shop.boss, **NEW_PASSWORD),
    "sets a colleague's password": lambda shop: shop.post("auth_user_password_change", shop.colleague, **NEW_PASSWORD),
    "sets its own password without the old one": lambda shop: shop.post(
        "auth_user_password_change", shop.me, **NEW_PASSWORD
    ),
    "removes a superuser's password": lambda shop: shop.post(
        "auth_user_password_change", shop.boss, **{"usable_password": "false", "unset-password": "1"}
    ),
    "adds a superuser": lambda shop: shop.post(
        "accounts_user_add", email=MINE, name="x", is_staff="on", is_superuser="on", **NEW_PASSWORD
    ),
    "adds a member of groups": lambda shop: shop.post(
        "accounts_user_add", email=MINE, name="x", groups=every_group(), user_permissions=everything(), **NEW_PASSWORD
    ),
    "saves the list of users": lambda shop: shop.post("accounts_user_changelist", **list_data(shop.me)),
    "deletes a superuser": lambda shop: shop.post("accounts_user_delete", shop.boss, post="yes"),
    "deletes superusers in the list": lambda shop: shop.post(
        "accounts_user_changelist", **select("delete_selected", shop.boss)
    ),
    "erases a superuser": lambda shop: shop.post("accounts_user_erase", shop.boss, post="yes"),
    "erases a superuser through an order": lambda shop: shop.post("orders_order_erase", shop.order, post="yes"),
    "erases a superuser as a guest": erase_the_boss_as_a_guest,
    "adds a group": lambda shop: shop.post("auth_group_add", name="Bosses", permissions=everything()),
    "gives its group permissions": lambda shop: shop.post(
        "auth_group_change", shop.group, name=shop.group.name, permissions=everything()
    ),
    "renames its group": lambda shop: shop.post("auth_group_change", shop.group, name="Bosses"),
    "deletes a group": lambda shop: shop.post("auth_group_delete", shop.group, post="yes"),
    "deletes groups in the list": lambda shop: shop.post(
        "auth_group_changelist", **select("delete_selected", shop.group)
    ),
    "lifts the lockout of a superuser": lambda shop: shop.post(
        "axes_accessattempt_delete", AccessAttempt.objects.get(), post="yes"
    ),
    "lifts lockouts in the list": lambda shop: shop.post(
        "axes_accessattempt_changelist", **select("delete_selected", AccessAttempt.objects.get())
    ),
    "resets the second factor of a superuser": lambda shop: shop.post("accounts_user_second_factor_reset", shop.boss),
    "resets its own second factor": lambda shop: shop.post("accounts_user_second_factor_reset", shop.me),
    "turns its second factor off without a code": lambda shop: shop.post(
        "accounts_user_second_factor_off", password=PASSWORD, code="000000x"
    ),
    "asks for a superuser's link to a changed email": change_email_and_ask_for_a_link,
    "reads a superuser's link in a preview": read_the_link_in_a_preview,
    "gives a customer a superuser's email": take_the_boss_email_as_customer,
    "takes a superuser's email in the shop": lambda shop: shop.client.post(
        "/accounts/email/", {"email": "BOSS@example.org", "password": PASSWORD}
    ),
    "sends rights with its name": lambda shop: shop.client.post(
        "/accounts/name/", {"name": "x", "is_superuser": "on", "groups": every_group(), "id": shop.boss.pk}
    ),
    "signs up with rights": lambda shop: Client().post(
        "/accounts/signup/", {"name": "x", "email": MINE, "password": PASSWORD, "is_staff": "on", "is_superuser": "on"}
    ),
    "uses its session as a superuser's": lambda shop: shop.client.post("/accounts/login/", {"user": shop.boss.pk}),
}  # fmt: skip

# Attacks that are ordinary work of a superuser.
HARMFUL = [
    "joins all groups", "takes all permissions", "makes a customer staff", "makes a customer a superuser",
    "gives a customer groups", "gives a customer permissions", "makes a colleague a superuser",
    "takes the email of a superuser", "takes the email of a colleague", "removes a superuser's rights",
    "deactivates a superuser", "sets a superuser's password", "sets a colleague's password",
    "removes a superuser's password", "erases a superuser", "erases a superuser through an order", "adds a group",
    "gives its group permissions", "renames its group", "deletes a group", "deletes groups in the list",
    "lifts the lockout of a superuser", "lifts lockouts in the list", "resets the second factor of a superuser",
]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_role_raises_itself_or_others(role: str, attack: str) -> None:
    shop = Shop(role)
    assert shop.client.get("/admin/").status_code == 200
    before = shop.rights()
    ATTACKS[attack](shop)
    after = shop.rights()
    new = set(after["users"]) - set(before["users"])  # a role may add customers
    assert {pk: after["users"].pop(pk) for pk in new} == {pk: (False, False, [], []) for pk in new}
    assert after == before
    assert SecondFactor.objects.on().count() == 2
    assert not authenticate(None, username="boss@example.org", password=NEW_PASSWORD["password1"])


def test_there_are_at_least_30_attacks() -> None:
    assert len(ATTACKS) >= 30


@pytest.mark.parametrize("attack", HARMFUL)
def test_the_same_request_of_a_superuser_changes_rights(attack: str) -> None:
    """Show that the attacks are what the forms of the admin send."""
    shop = Shop("Manager")
    User.objects.filter(pk=shop.me.pk).update(is_superuser=True)
    before = shop.rights()
    ATTACKS[attack](shop)
    assert shop.rights() != before
