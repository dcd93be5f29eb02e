"""Tests for pruning: what is deleted at which age, what stays, and what happens if work is interrupted."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings as shop
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.models import AccountMail, GuestEmail, TakenSignup
from billing.models import BillingProfile, CardAttempt, StripeEvent
from carts.models import Cart, CartItem
from orders.bookkeeping import old_rows, pruning, stale_guests
from orders.bookkeeping.pruning import prune
from orders.models import Order
from stripe_simulator.server import Simulator
from tests.guests import EMAIL, enter_details, pass_hours, purchase
from tests.makers import add_to_cart, make_open_order, make_paid_order, make_product, make_user
from tests.visitors import sign_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches small, so that few rows are many batches."""
    monkeypatch.setattr(old_rows, "BATCH", 3)
    monkeypatch.setattr(old_rows, "MAX_BATCHES", 4)
    monkeypatch.setattr(stale_guests, "MAX_BATCHES", 4)
    monkeypatch.setattr(stale_guests, "GUEST_BATCH", 2)


def make_session(age: timedelta) -> Session:
    return Session.objects.create(session_key=f"key{Session.objects.count()}", expire_date=timezone.now() - age)


def make_cart(age: timedelta) -> Cart:
    cart = Cart.objects.create(session_key=f"visitor{Cart.objects.count()}")
    cart.set_quantity(make_product(), 1)
    return aged(cart, age, "updated")


def aged(row: Any, age: timedelta, *columns: str) -> Any:
    type(row).objects.filter(pk=row.pk).update(**dict.fromkeys(columns, timezone.now() - age))
    row.refresh_from_db()
    return row


def make_attempt(age: timedelta) -> AccessAttempt:
    values = {"user_agent": "", "http_accept": "", "path_info": "/", "failures_since_start": 1}
    attempt = AccessAttempt.objects.create(username=f"u{AccessAttempt.objects.count()}", ip_address="::1", **values)
    return aged(attempt, age, "attempt_time")


def make_event(age: timedelta) -> StripeEvent:
    event = StripeEvent.objects.create(stripe_id=f"evt_{StripeEvent.objects.count()}", type="charge.updated")
    return aged(event, age, "received", "processed")


def make_account_mail(age: timedelta) -> AccountMail:
    return aged(AccountMail.objects.create(kind="reset", to="a@example.org", client="c"), age, "timestamp")


# The kinds of rows with only one condition: how to create one of this age, and how many days it is kept.
SIMPLE: dict[str, tuple[Callable[[timedelta], Model], int]] = {
    "sessions": (make_session, 0),
    "anonymous carts": (make_cart, 60),
    "guest emails": (lambda age: aged(GuestEmail.objects.create(email="g@example.org"), age, "updated"), 30),
    "account emails": (make_account_mail, 90),
    "rejected sign-ups": (lambda age: aged(TakenSignup.objects.create(client="c"), age, "timestamp"), 90),
    "sign-in attempts": (make_attempt, 90),
    "Stripe events": (make_event, 90),
}


@pytest.mark.parametrize("kind", SIMPLE)
def test_row_is_deleted_after_its_time_and_not_before(kind: str) -> None:
    make, days = SIMPLE[kind]
    old, young = make(days * DAY + timedelta(minutes=1)), make(days * DAY - timedelta(minutes=1))
    pruned, is_more = prune()
    assert {label: count for label, count in pruned.items() if count} == {f"{kind} pruned": 1}
    assert not is_more
    assert list(type(old).objects.values_list("pk", flat=True)) == [young.pk]
