"""Tests for the rows that an erasure finds for each kind of person, and for the preview that counts them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail, GuestEmail
from addresses.models import Address
from billing.models import BillingProfile
from carts.models import Cart
from orders.models import Dispute, Order
from orders.workflow.erasure import (
    Person,
    delete_account,
    erase_order,
    erase_person,
    preview,
    profiles_with_late_rows,
)
from tests.makers import ADDRESS, make_open_order, make_paid_order, make_user

pytestmark = pytest.mark.django_db
EMAIL = "guest@example.org"


def make_guest(email: str = EMAIL) -> Person:
    """Create a guest with an email address and a cart that is connected with the profile."""
    guest = GuestEmail.objects.create(email=email)
    profile = BillingProfile.objects.create(email=email, guest_email=guest)
    Cart.objects.create(billing_profile=profile)
    return Person.of_guest([profile.pk])


def make_session(**data: Any) -> str:
    """Store a session with this data and return its key."""
    session = SessionStore()
    session.update(data)
    session.create()
    return str(session.session_key)


def counts(person: Person) -> dict[str, int]:
    return {str(name): number for name, number in preview(person).counts}


# Carts and emails


def test_carts_of_a_member_are_erased_and_those_of_nobody_stay() -> None:
    alice = make_user()
    Cart.objects.create(user=alice)
    nobody = Cart.objects.create()
    delete_account(alice)
    assert list(Cart.objects.all()) == [nobody]


def test_carts_of_other_guests_stay() -> None:
    guest, nobody = make_guest(), Cart.objects.create()
    other = make_guest("other@example.org").carts.get()
    erase_person(guest)
    assert set(Cart.objects.all()) == {nobody, other}


def test_account_emails_of_others_stay_when_a_guest_is_erased() -> None:
    AccountMail.objects.queue("reset", "stranger@example.org", "client", None)
    erase_person(make_guest())
    assert AccountMail.objects.filter(to="stranger@example.org").exists()


def test_account_email_to_another_address_is_erased_with_its_user() -> None:
    alice = make_user()
    AccountMail.objects.queue("verify", "new@example.org", "client", alice)
    delete_account(alice)
    assert not AccountMail.objects.filter(to="new@example.org").exists()


# Sessions


def test_session_of_a_cart_is_deleted_with_its_guest() -> None:
    guest = make_guest()
    key, other = make_session(), make_session()
    guest.carts.update(session_key=key)
    erase_person(guest)
    assert [row.session_key for row in Session.objects.all()] == [other]


def test_session_that_names_the_profile_is_deleted_with_its_guest() -> None:
    guest = make_guest()
    make_session(billing_profile_id=guest.profiles[0])
    other = make_session(billing_profile_id=guest.profiles[0] + 1)
    erase_person(guest)
    assert [row.session_key for row in Session.objects.all()] == [other]


# Rows that a request wrote after the erasure


def write_user(profile: BillingProfile) -> None:
    late = make_user("late@example.org")
    BillingProfile.objects.filter(user=late).delete()
    BillingProfile.objects.filter(pk=profile.pk).update(user=late)


def write_email(profile: BillingProfile) -> None:
    BillingProfile.objects.filter(pk=profile.pk).update(email=EMAIL)


def write_address(profile: BillingProfile) -> None:
    Address.objects.create(billing_profile=profile, **ADDRESS)


def write_order(profile: BillingProfile) -> None:
    Order.objects.create(billing_profile=profile)


@pytest.mark.parametrize("write", [write_user, write_email, write_address, write_order])
def test_one_late_row_of_any_kind_is_found(write: Any) -> None:
    guest = make_guest()
    erase_person(guest)
    profile = BillingProfile.objects.get(pk=guest.profiles[0])
    assert not profiles_with_late_rows().exists()
    write(profile)
    assert list(profiles_with_late_rows()) == [profile]


# The preview


def test_preview_counts_the_rows_of_a_member(client: Client) -> None:
    alice = make_user()
    client.force_login(alice)
    Address.objects.create(billing_profile=alice.billing_profile, **ADDRESS)
    Cart.objects.create(user=alice)
    AccountMail.objects.queue("reset", alice.email, "client", alice)
    assert counts(Person.of_user(alice)) == {
        "Account": 1, "Sessions, which end": 1, "Email addresses": 1, "Saved postal addresses": 1, "Carts": 1,
        "Emails about the account": 1,
    }  # fmt: skip


def test_preview_counts_no_account_and_no_rows_of_others_for_a_guest() -> None:
    Cart.objects.create()
    make_user()
    AccountMail.objects.queue("reset", "stranger@example.org", "client", None)
    assert counts(make_guest()) == {"Email addresses": 1, "Carts": 1}


def make_order(profile: BillingProfile, status: str, **fields: Any) -> Order:
    """Create a placed order of this guest with a status of its own."""
    order = make_open_order()
    days = timezone.now() - timedelta(days=1)
    Order.objects.filter(pk=order.pk).update(
        billing_profile=profile, email=EMAIL, status=status, active=False, placed_at=days, paid_at=days, **fields
    )
    return Order.objects.get(pk=order.pk)


def make_dispute(order: Order) -> None:
    now, name = timezone.now(), f"dp_{order.pk}"
    Dispute.objects.create(order=order, stripe_id=name, status="needs_response", amount=1, currency="gbp", opened=now)


def test_preview_names_the_reason_for_each_order_that_keeps_details() -> None:
    guest = make_guest()
    profile = BillingProfile.objects.get(pk=guest.profiles[0])
    unshipped = make_order(profile, Order.Status.PAID)
    disputed = make_order(profile, Order.Status.SHIPPED)
    make_order(profile, Order.Status.SHIPPED)
    make_dispute(disputed)
    assert preview(guest.reload()).waiting == [
        (unshipped, "it is not shipped yet"), (disputed, "its dispute is open")
    ]  # fmt: skip


def test_preview_of_an_unshipped_order_with_a_dispute_names_the_dispute() -> None:
    guest = make_guest()
    order = make_order(BillingProfile.objects.get(pk=guest.profiles[0]), Order.Status.PAID)
    make_dispute(order)
    assert preview(guest.reload()).waiting == [(order, "its dispute is open")]


# Texts about an order


def test_address_is_removed_as_a_whole_where_it_contains_another_line() -> None:
    address = "Mill\n7 Mill Lane\nYork\nUnited Kingdom"
    order = make_paid_order(shipping_address_text=address, attention="The parcel is at 7 Mill Lane")
    erase_order(order)
    assert Order.objects.get().attention == "The parcel is at …"
