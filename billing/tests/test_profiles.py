"""Tests for billing profiles of users and guests, and for their Stripe customers."""

import logging

import pytest
from django.contrib.auth.signals import user_logged_in
from django.core import serializers
from django.db import transaction
from django.db.models import ProtectedError

from accounts.models import GuestEmail, User
from billing import answers
from billing.models import BillingProfile
from stripe_simulator.server import Simulator
from tests.makers import make_user
from tests.visitors import count_queries, make_request

pytestmark = pytest.mark.django_db
CUSTOMERS = "/v1/customers"


def get_or_create(request):
    return BillingProfile.objects.get_or_create_from_request(request)


def make_guest(email: str = "guest@example.org") -> BillingProfile:
    return BillingProfile.objects.create(email=email)


# Lookup by request


def test_anonymous_visitor_gets_no_profile() -> None:
    request = make_request()
    with count_queries() as queries:
        assert get_or_create(request) == (None, False)
    assert (queries, dict(request.session)) == ([], {})


def test_guest_gets_a_new_profile_once() -> None:
    guest = GuestEmail.objects.create(email="guest@example.org")
    request = make_request(guest_email_id=guest.pk)
    profile, created = get_or_create(request)
    assert (profile.email, profile.user, created) == ("guest@example.org", None, True)
    assert request.session["billing_profile_id"] == profile.pk
    assert get_or_create(request) == (profile, False)


def test_guest_never_gets_an_existing_profile_with_the_same_email() -> None:
    make_guest("alice@example.org")
    make_user("alice@example.org")
    guest = GuestEmail.objects.create(email="alice@example.org")
    profile, created = get_or_create(make_request(guest_email_id=guest.pk))
    assert created
    assert BillingProfile.objects.filter(email="alice@example.org").latest("pk") == profile


def test_guest_keeps_the_profile_of_the_session() -> None:
    profile = make_guest()
    assert get_or_create(make_request(billing_profile_id=profile.pk)) == (profile, False)


def test_user_gets_their_own_profile() -> None:
    alice = make_user()
    request = make_request(alice)
    assert get_or_create(request) == (alice.billing_profile, False)
    assert request.session["billing_profile_id"] == alice.billing_profile.pk


def test_user_without_a_profile_gets_a_new_one() -> None:
    alice = make_user()
    BillingProfile.objects.all().delete()
    profile, created = get_or_create(make_request(alice))
    assert (profile.user, profile.email, created) == (alice, "alice@example.org", True)


@pytest.mark.parametrize(("typed", "verified"), [("guest@example.org", "alice@example.org"), ("alice@example.org", "")])
def test_user_without_a_profile_takes_over_nothing_from_another_person(typed: str, verified: str) -> None:
    alice = make_user(email_verified=verified)
    BillingProfile.objects.all().delete()
    guest = make_guest(typed)
    profile, created = get_or_create(make_request(alice, billing_profile_id=guest.pk))
    assert (profile.user, created) == (alice, True)
    assert profile != guest


def test_user_without_a_profile_takes_over_the_guest_profile_with_their_verified_email() -> None:
    alice = make_user(email_verified="alice@example.org")
    BillingProfile.objects.all().delete()
    guest = make_guest("Alice@example.org")
    assert get_or_create(make_request(alice, billing_profile_id=guest.pk)) == (guest, False)
    guest.refresh_from_db()
    assert (guest.user, guest.email) == (alice, "alice@example.org")


def test_user_with_a_profile_does_not_take_over_the_guest_profile() -> None:
    alice, guest = make_user(), make_guest()
    request = make_request(alice, billing_profile_id=guest.pk)
    assert get_or_create(request) == (alice.billing_profile, False)
    guest.refresh_from_db()
    assert guest.user is None
    assert request.session["billing_profile_id"] == alice.billing_profile.pk


def test_user_never_gets_another_users_profile_from_the_session() -> None:
    alice, bob = make_user(), make_user("bob@example.org")
    request = make_request(bob, billing_profile_id=alice.billing_profile.pk)
    assert get_or_create(request) == (bob.billing_profile, False)


def test_anonymous_visitor_never_gets_a_users_profile_from_the_session() -> None:
    alice = make_user()
    assert get_or_create(make_request(billing_profile_id=alice.billing_profile.pk)) == (None, False)


def test_guest_with_a_users_profile_in_the_session_gets_a_new_profile() -> None:
    alice, guest = make_user(), GuestEmail.objects.create(email="guest@example.org")
    request = make_request(billing_profile_id=alice.billing_profile.pk, guest_email_id=guest.pk)
    profile, created = get_or_create(request)
    assert (profile.email, created) == ("guest@example.org", True)


@pytest.mark.parametrize("state", ["inactive", "deleted"])
def test_inactive_or_deleted_profile_in_the_session_is_ignored(state: str) -> None:
    profile = make_guest()
    request = make_request(billing_profile_id=profile.pk)
    if state == "deleted":
        profile.delete()
    else:
        BillingProfile.objects.update(active=False)
    assert get_or_create(request) == (None, False)


# Signal receivers for users


def test_new_user_gets_a_profile_with_the_same_email() -> None:
    alice = make_user()
    assert BillingProfile.objects.get(user=alice).email == "alice@example.org"


def test_saving_a_user_again_creates_no_second_profile() -> None:
    alice = make_user()
    alice.name = "Alice"
    alice.save()
    assert BillingProfile.objects.count() == 1


def test_user_loaded_from_a_fixture_keeps_the_profile_of_the_fixture() -> None:
    alice = make_user()
    rows = serializers.serialize("json", [alice, alice.billing_profile])
    BillingProfile.objects.all().delete()
    User.objects.all().delete()
    for row in serializers.deserialize("json", rows):
        row.save()
    assert BillingProfile.objects.get().user.email == "alice@example.org"


def test_new_user_takes_over_the_guest_profile_of_the_session() -> None:
    guest = make_guest()
    alice = User(email="alice@example.org")
    BillingProfile.objects.save_new_user(make_request(billing_profile_id=guest.pk), alice)
    assert BillingProfile.objects.get() == guest
    assert BillingProfile.objects.get().user == alice


def test_new_user_never_takes_over_another_users_profile() -> None:
    bob = make_user("bob@example.org")
    alice = User(email="alice@example.org")
    BillingProfile.objects.save_new_user(make_request(billing_profile_id=bob.billing_profile.pk), alice)
    assert BillingProfile.objects.get(user=bob).email == "bob@example.org"
    assert BillingProfile.objects.get(user=alice) != bob.billing_profile


def test_user_with_a_profile_cannot_be_deleted_without_erasing_the_person() -> None:
    alice = make_user()
    with pytest.raises(ProtectedError):
        alice.delete()
    with pytest.raises(ProtectedError):
        User.objects.all().delete()
    assert BillingProfile.objects.get().user == alice


def test_sign_in_without_a_request_is_ignored() -> None:
    alice = make_user()
    user_logged_in.send(sender=User, request=None, user=alice)
    assert BillingProfile.objects.get().user == alice


def test_sign_in_stores_the_profile_in_the_session() -> None:
    alice = make_user()
    request = make_request(alice)
    user_logged_in.send(sender=User, request=request, user=alice)
    assert request.session["billing_profile_id"] == alice.billing_profile.pk


# Stripe customers


@pytest.mark.django_db(transaction=True)
def test_customer_is_created_immediately_outside_a_transaction(simulator: Simulator) -> None:
    profile = make_guest()
    [customer] = simulator.objects("customer")
    assert BillingProfile.objects.get().customer_id == profile.customer_id == customer["id"]
    assert customer["email"] == "guest@example.org"


def test_customer_is_created_after_the_commit_inside_a_transaction(
    simulator: Simulator, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_guest()
        assert simulator.requests == []
    [customer] = simulator.objects("customer")
    assert BillingProfile.objects.get().customer_id == customer["id"]


@pytest.mark.django_db(transaction=True)
def test_customer_is_not_created_if_the_transaction_rolls_back(simulator: Simulator) -> None:
    with transaction.atomic():
        make_guest()
        transaction.set_rollback(True)
    assert (simulator.requests, BillingProfile.objects.count()) == ([], 0)


@pytest.mark.django_db(transaction=True)
def test_customer_is_created_for_a_new_user(simulator: Simulator) -> None:
    alice = make_user()
    assert BillingProfile.objects.get(user=alice).customer_id.startswith("cus_")


def test_customer_stored_before_the_commit_is_kept(simulator: Simulator, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_guest()
        BillingProfile.objects.update(customer_id="cus_first")
    assert BillingProfile.objects.get().customer_id == "cus_first"


@pytest.mark.django_db(transaction=True)
def test_customer_is_created_once(simulator: Simulator) -> None:
    profile = make_guest()
    profile.save()
    profile.get_customer()
    assert len(simulator.objects("customer")) == 1


@pytest.mark.django_db(transaction=True)
def test_customer_is_not_created_for_a_profile_without_an_email(simulator: Simulator) -> None:
    BillingProfile.objects.create(email="")
    assert simulator.requests == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["drop_before", "error_500", "html", "empty", "other_json"])
def test_customer_is_created_when_needed_if_stripe_was_down_before(
    simulator: Simulator, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.add_fault(CUSTOMERS, fault)
    profile = make_guest()
    assert BillingProfile.objects.get().customer_id == ""
    assert "Stripe customer not created yet" in caplog.text
    assert profile.get_customer() == BillingProfile.objects.get().customer_id == simulator.objects("customer")[-1]["id"]


def test_failure_to_create_a_customer_after_the_commit_is_only_logged(
    django_capture_on_commit_callbacks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with django_capture_on_commit_callbacks(execute=True):
        make_guest()
    assert BillingProfile.objects.get().customer_id == ""
    assert "Stripe customer not created yet" in caplog.text


def test_get_customer_raises_an_error_while_stripe_is_down() -> None:
    with pytest.raises(answers.GatewayError):
        make_guest().get_customer()
    assert BillingProfile.objects.get().customer_id == ""


def test_get_customer_keeps_the_customer_that_another_process_stored(simulator: Simulator) -> None:
    profile = make_guest()
    other = BillingProfile.objects.get(pk=profile.pk)
    first = other.get_customer()
    assert profile.get_customer() == first == BillingProfile.objects.get().customer_id


def test_replace_customer_deactivates_the_cards_of_the_lost_customer(simulator: Simulator) -> None:
    profile = make_guest()
    BillingProfile.objects.update(customer_id="cus_lost")
    profile.refresh_from_db()
    profile.cards.create(stripe_id="card_1", last4="4242", exp_month=1, exp_year=2040)
    assert profile.replace_customer() == BillingProfile.objects.get().customer_id != "cus_lost"
    assert list(profile.cards.values_list("active", "default")) == [(False, False)]


def test_changed_email_of_a_user_is_copied_to_the_profile() -> None:
    alice = make_user()
    alice.email = "new@example.org"
    alice.save()
    alice.billing_profile.refresh_from_db()
    assert alice.billing_profile.email == "new@example.org"


def test_saving_a_stale_profile_keeps_the_stored_customer() -> None:
    profile = BillingProfile.objects.create(email="guest@example.org")
    stale = BillingProfile.objects.get(pk=profile.pk)
    BillingProfile.objects.filter(pk=profile.pk).update(customer_id="cus_with_cards")
    stale.email = "corrected@example.org"
    stale.save()
    profile.refresh_from_db()
    assert (profile.customer_id, profile.email) == ("cus_with_cards", "corrected@example.org")
