"""Tests for the page of the admin and the command that erase a person."""

import logging
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client
from django.urls import reverse

from accounts.models import GuestEmail, User
from addresses.models import Address
from billing.models import BillingProfile
from orders.models import Order, OrderEvent
from tests.makers import ADDRESS, make_open_order, make_user

pytestmark = pytest.mark.django_db
ERASER = ["erase_person", "view_user", "change_user", "view_guestemail", "view_order"]


@pytest.fixture
def staff(client: Client) -> User:
    """Return a signed-in member of staff who may erase people."""
    return make_staff(client, ERASER)


@pytest.fixture
def alice() -> User:
    """Return a member with a postal address."""
    user = make_user(name="Alice Adams")
    Address.objects.create(billing_profile=user.billing_profile, **ADDRESS)
    return user


def make_staff(client: Client, permissions: list[str]) -> User:
    user = make_user("clerk@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def guest_order(email: str = "guest@example.org", status: str = Order.Status.SHIPPED) -> Order:
    """Create a placed order of a guest who entered this email address."""
    order = make_open_order(shipping_address_text="Gia Guest\nUnited Kingdom")
    order.record(OrderEvent.Kind.PLACED)
    Order.objects.filter(pk=order.pk).update(status=status, email=email, active=False)
    guest = GuestEmail.objects.create(email=email)
    BillingProfile.objects.filter(pk=order.billing_profile_id).update(email=email, guest_email=guest)
    return Order.objects.get(pk=order.pk)


def page(kind: str, row: models.Model, name: str = "erase") -> str:
    return reverse(f"admin:{kind}_{name}", args=[row.pk])


@pytest.mark.slow
def test_page_tells_what_is_erased_and_changes_nothing(client: Client, staff: User, alice: User) -> None:
    assert page("accounts_user", alice) in client.get(page("accounts_user", alice, "change")).text
    text = client.get(page("accounts_user", alice)).text
    for words in ("Alice Adams", "Saved postal addresses: 1", "until it is shipped, for 30 days at most"):
        assert words in text
    assert User.objects.filter(pk=alice.pk, name="Alice Adams").exists()


@pytest.mark.slow
def test_staff_erase_an_account_and_the_log_names_only_the_id(client: Client, staff: User, alice: User) -> None:
    response = client.post(page("accounts_user", alice), follow=True)
    assert "The personal data has been erased." in response.text
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Address.objects.exists()
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.object_repr) == (staff, str(alice.pk), f"#{alice.pk}")
    again = client.post(page("accounts_user", alice), follow=True)
    assert "There is no personal data of this person left to erase." in again.text


@pytest.mark.slow
def test_page_names_orders_that_block_the_erasure(client: Client, staff: User, alice: User) -> None:
    order = make_open_order()
    Order.objects.filter(pk=order.pk).update(status="placed", billing_profile=alice.billing_profile)
    text = client.get(page("accounts_user", alice)).text
    assert (order.order_id in text, "money can still move" in text, "disabled" in text) == (True, True, True)
    assert "Nothing was erased." in client.post(page("accounts_user", alice)).text
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.slow
@pytest.mark.parametrize("without", ["erase_person", "view_user"])
def test_page_needs_the_permissions(client: Client, alice: User, without: str) -> None:
    make_staff(client, [name for name in ERASER if name not in (without, "change_user")])
    for response in (client.get(page("accounts_user", alice)), client.post(page("accounts_user", alice))):
        assert response.status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.slow
def test_only_superusers_erase_accounts_with_rights_and_nobody_themselves(client: Client, staff: User) -> None:
    other = make_user("other@example.org", is_staff=True)
    boss = make_user("boss@example.org", is_staff=True, is_superuser=True)
    for user in (other, boss, staff):
        assert client.post(page("accounts_user", user)).status_code == 403
        assert "/erase/" not in client.get(page("accounts_user", user, "change")).text
    client.force_login(boss)
    assert client.post(page("accounts_user", boss)).status_code == 403
    assert client.post(page("accounts_user", other)).status_code == 302
    assert set(User.objects.all()) == {staff, boss}


def test_django_cannot_delete_users_in_the_admin(admin_client: Client, alice: User) -> None:
    assert admin_client.post(page("accounts_user", alice, "delete"), {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"}
    admin_client.post(reverse("admin:accounts_user_changelist"), data)
    assert "delete_selected" not in admin_client.get(reverse("admin:accounts_user_changelist")).text
    assert User.objects.filter(pk=alice.pk).exists()


def test_no_admin_deletes_rows_from_which_people_are_deleted(rf: Any, alice: User) -> None:
    """Deleting a row cascades to others. No admin may allow this for the models of people and orders."""
    people = {User, BillingProfile, GuestEmail, Order}
    request = rf.get("/")
    request.user = make_user("boss@example.org", is_staff=True, is_superuser=True)
    for model, model_admin in admin.site._registry.items():
        if _cascades(model) & people:
            assert not model_admin.has_delete_permission(request), model._meta.label
            assert not any(inline.can_delete for inline in model_admin.get_inline_instances(request)), model._meta.label


def _cascades(model: Any, seen: frozenset[Any] = frozenset()) -> set[Any]:
    """Return the models of which rows are deleted together with a row of this model."""
    found = {model}
    for relation in model._meta.related_objects:
        if relation.on_delete is models.CASCADE and relation.related_model not in seen | found:
            found |= _cascades(relation.related_model, seen | found)
    return found


# Guests


@pytest.mark.slow
def test_order_page_erases_its_guest_and_only_ticked_others(client: Client, staff: User) -> None:
    order, ticked, other = guest_order(), guest_order(), guest_order()
    stranger = guest_order("other@example.org")
    text = client.get(page("orders_order", order)).text
    assert (ticked.order_id in text, other.order_id in text, stranger.order_id in text) == (True, True, False)
    response = client.post(page("orders_order", order), {"also": [ticked.billing_profile_id]}, follow=True)
    assert "The personal data has been erased." in response.text
    emails = {row.order_id: row.email for row in Order.objects.all()}
    erased = {number for number, email in emails.items() if not email}
    assert erased == {order.order_id, ticked.order_id}
    assert client.post(page("orders_order", order)).url == page("orders_order", order, "change")  # erased before


@pytest.mark.slow
def test_guest_with_another_email_cannot_be_ticked(client: Client, staff: User) -> None:
    order, stranger = guest_order(), guest_order("other@example.org")
    response = client.post(page("orders_order", order), {"also": [stranger.billing_profile_id]})
    assert response.status_code == 200
    assert {row.email for row in Order.objects.all()} == {"guest@example.org", "other@example.org"}


def test_key_that_is_too_large_is_no_server_error(client: Client, staff: User) -> None:
    order = guest_order()
    assert client.post(page("orders_order", order), {"also": ["9" * 30]}).status_code == 200
    assert Order.objects.get().email == "guest@example.org"


@pytest.mark.slow
def test_guest_email_page_erases_the_guest(client: Client, staff: User) -> None:
    order, guest = guest_order(), GuestEmail.objects.create(email="late@example.org")
    linked = GuestEmail.objects.exclude(pk=guest.pk).get()
    for row in (linked, guest):
        assert "/erase/" in client.get(page("accounts_guestemail", row, "change")).text
        assert client.post(page("accounts_guestemail", row)).url == reverse("admin:accounts_guestemail_changelist")
    order.refresh_from_db()
    assert (order.email, GuestEmail.objects.count()) == ("", 0)


@pytest.mark.slow
def test_order_of_an_account_erases_the_account(client: Client, staff: User, alice: User) -> None:
    order = guest_order()
    Order.objects.filter(pk=order.pk).update(account=alice)
    client.post(page("orders_order", order))
    order.refresh_from_db()
    assert (order.email, order.account, User.objects.filter(pk=alice.pk).exists()) == ("", None, False)


# The command


def run(*args: str) -> str:
    out = StringIO()
    call_command("erase_person", *args, stdout=out)
    return out.getvalue()


def exit_code(*args: str) -> int:
    with pytest.raises(CommandError) as error:
        run(*args)
    return error.value.returncode


def test_command_erases_a_user_after_a_dry_run(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert "Saved postal addresses: 1" in run("--user", str(alice.pk), "--dry-run")
    assert User.objects.filter(pk=alice.pk).exists()
    assert "The personal data has been erased." in run("--user", str(alice.pk))
    assert not User.objects.exists()
    assert [record.getMessage()[:23] for record in caplog.records if "erase_person" in record.name] == [
        "erase_person erased use"
    ]


@pytest.mark.slow
def test_command_erases_only_the_guests_of_the_named_orders() -> None:
    first, second, third = guest_order(), guest_order(), guest_order()
    run("--order", first.order_id, "--order", second.order_id)
    assert list(Order.objects.exclude(email="")) == [third]


@pytest.mark.slow
def test_command_fails_with_1_if_blocked_and_2_if_there_is_no_such_person(alice: User) -> None:
    order = guest_order(status=Order.Status.PLACED)
    claimed = guest_order()
    Order.objects.filter(pk=claimed.pk).update(account=alice)
    assert [exit_code("--order", order.order_id), exit_code("--order", order.order_id, "--dry-run")] == [1, 1]
    assert [exit_code("--user", "0"), exit_code("--order", "NONE"), exit_code("--order", claimed.order_id)] == [2, 2, 2]
    assert Order.objects.exclude(email="").count() == 2
