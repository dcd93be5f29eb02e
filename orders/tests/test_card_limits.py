"""Tests of the cards of orders without the simulator: declined cards, the audit of removed cards, and the export."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import BillingProfile, Card
from orders.bookkeeping.audits.cards import unsaved_cards
from orders.models import Payment
from orders.workflow.order_cards import FAILED_BANK_CHECK, card_choice, declined_cards
from orders.workflow.personal_data import export_personal_data
from tests.makers import make_paid_order, make_user

pytestmark = pytest.mark.django_db
S = Payment.Status


@pytest.fixture
def profile() -> BillingProfile:
    return make_user().billing_profile  # type: ignore[no-any-return]


def make_card(profile: BillingProfile, number: int = 1, **use: Any) -> Card:
    """Create a card, which is saved unless `use` says otherwise."""
    details = {"object": "card", "id": f"card_{number}", "brand": "Visa", "last4": "4242"}
    return Card.objects.add_new(profile, details | {"exp_month": 12, "exp_year": 2040}, **use)


@pytest.mark.parametrize(
    ("attempts", "is_declined"),
    [
        ([(S.FAILED, "card_declined")], True),
        ([(S.FAILED, "")], False),
        ([(S.FAILED, FAILED_BANK_CHECK)], False),
        ([(S.SUCCEEDED, "")], False),
        ([(S.PROCESSING, "")], False),
        ([(S.FAILED, "card_declined"), (S.FAILED, FAILED_BANK_CHECK)], False),
        ([(S.FAILED, FAILED_BANK_CHECK), (S.FAILED, "card_declined")], True),
    ],
)
def test_card_is_declined_if_its_last_attempt_failed_at_the_bank(
    profile: BillingProfile, attempts: list[tuple[str, str]], is_declined: bool
) -> None:
    order, card = make_paid_order(billing_profile=profile, status="placed"), make_card(profile)
    order.payments.all().delete()
    for number, (status, code) in enumerate(attempts, 1):
        values: dict[str, Any] = {"amount": order.total, "currency": "gbp", "stripe_pm": card.stripe_id}
        order.payments.create(number=number, status=status, code=code, card=card, **values)
    assert declined_cards(order) == ({card.pk} if is_declined else set())


def test_newest_card_that_was_entered_for_the_order_is_ticked(profile: BillingProfile) -> None:
    order = make_paid_order(billing_profile=profile, status="placed")
    use = {"is_save_chosen": False, "order_number": order.order_id}
    older, newer, default = make_card(profile, 1, **use), make_card(profile, 2, **use), make_card(profile, 3)
    assert card_choice(order)["ticked_card"] == newer
    Card.objects.filter(pk=older.pk).update(entered_at=timezone.now())
    assert card_choice(order)["ticked_card"] == older
    Card.objects.drop(Card.objects.unsaved())
    assert card_choice(order)["ticked_card"] == default


@pytest.mark.parametrize(("minutes", "is_due", "is_found"), [(5, True, True), (0, True, False), (5, False, False)])
def test_card_that_was_not_detached_in_time_is_found(
    profile: BillingProfile, minutes: int, is_due: bool, is_found: bool
) -> None:
    card, now = make_card(profile), timezone.now()
    Card.objects.remove(card, is_detach_due=is_due)
    Card.objects.update(removed_at=now - timedelta(minutes=minutes))
    found = [str(finding) for finding in unsaved_cards(now - timedelta(minutes=2))]
    assert len(found) == is_found
    assert all("was removed, but not yet at Stripe" in text for text in found)


@pytest.mark.parametrize(
    ("status", "minutes", "text"),
    [("", 61, "too long ago without an order"), ("", 59, ""), ("placed", 61, ""), ("paid", 59, "order {} has ended")],
)
def test_unsaved_card_that_no_order_needs_is_found(
    profile: BillingProfile, status: str, minutes: int, text: str
) -> None:
    order = make_paid_order(billing_profile=profile, status=status or "paid")
    make_card(profile, is_save_chosen=False, order_number=order.order_id if status else "")
    late = timezone.now() - timedelta(minutes=2)
    Card.objects.update(entered_at=late - timedelta(minutes=minutes))
    found = [str(finding) for finding in unsaved_cards(late)]
    assert len(found) == bool(text)
    assert all(text.format(order.order_id) in finding for finding in found)


def test_exported_payment_names_its_card(profile: BillingProfile) -> None:
    order, card = make_paid_order(billing_profile=profile), make_card(profile)
    order.payments.update(card=card)
    [exported] = export_personal_data(profile.user)["orders"]  # type: ignore[arg-type]
    assert [payment["card"] for payment in exported["payments"]] == ["Visa •••• 4242"]
