"""Step C, the cards of an order: which can pay it, which one its page ticks, and what happens when it ends."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django_tasks import task

from billing.cards import detach_quietly
from billing.declines import CARD_NOT_ON_FILE, is_final_decline
from billing.models import BillingProfile, Card, CardAttempt
from billing.models.card_queries import USABLE
from core.background.tasks import start
from core.database.prepared import PreparedQuery
from orders.models import Order, Payment
from orders.models.order import OrderQuerySet

FAILED_BANK_CHECK = "payment_intent_authentication_failure"


def card_choice(order: Order) -> dict[str, Any]:
    """Return the context of the card choice: the cards that can pay this order, and which of them to tick.

    The newest card that was entered for this order comes first, then the default card, then the other saved cards. A
    card is not ticked if it has expired or was declined for this order. Without a card to tick, the page ticks the new
    card.
    """
    cards = USABLE.rows(billing_profile=order.billing_profile_id, order_number=order.order_id)
    declined = declined_cards(order)
    tickable = [card for card in cards if not card.is_expired and card.pk not in declined]
    entered = sorted((card for card in tickable if not card.is_saved), key=lambda card: card.entered_at, reverse=True)
    return {
        "cards": cards,
        "ticked_card": next(iter([*entered, *tickable]), None),
        "expired_default": next((card for card in cards if card.default and card.is_expired), None),
        "can_save_card": not order.billing_profile.is_guest,
    }


def declined_cards(order: Order) -> set[int]:
    """Return the primary keys of the cards whose last payment attempt for this order failed.

    A failed bank check is left out, because the shopper can pass the next one with the same card. So is an attempt
    without an error code, because no bank declined it: it did not reach Stripe.
    """
    if order.status == Order.Status.OPEN:
        return set()
    last = {payment.card_id: payment for payment in order.payments.order_by("number") if payment.card_id}
    failed = [payment for payment in last.values() if payment.status == Payment.Status.FAILED]
    return {payment.card_id for payment in failed if payment.card_id and payment.code not in ("", FAILED_BANK_CHECK)}


def record_bank_check(order: Order, ok: bool) -> None:
    """Record the result of the payer's bank check. Until then its card attempt is in progress, like a declined card."""
    waiting = CardAttempt.objects.filter(billing_profile=order.billing_profile_id, kind=CardAttempt.Kind.PAY, ok=None)
    waiting.update(ok=ok)


def end_cards(order: Order, paid_with: str = "") -> None:
    """Save the card that has paid if its shopper asked for it, and drop the other unsaved cards of this order.

    `paid_with` is the Stripe id of the card that has paid. Call this in the transaction in which the order becomes paid
    or canceled, and `detach_cards` after it.
    """
    if paid_with and not order.billing_profile.is_guest:
        Card.objects.save_paid(order.billing_profile, paid_with)
    Card.objects.drop_of_order(order.billing_profile_id, order.order_id)


def put_aside(payment: Payment, code: str, decline_code: str) -> None:
    """Remove the card of a failed attempt if it can never be charged again."""
    is_gone = code == CARD_NOT_ON_FILE
    if payment.card and (is_gone or is_final_decline(code, decline_code)):
        Card.objects.remove(payment.card, is_detach_due=not is_gone)


def detach_cards(order: Order) -> None:
    """Detach the dropped cards of this order at Stripe soon."""
    start(detach_due_cards, billing_profile=order.billing_profile_id, order_number=order.order_id)


def detach_cards_of(profiles: Iterable[int]) -> None:
    """Detach the dropped cards of these profiles, given by primary key, at Stripe soon."""
    start(detach_due_cards, billing_profile__in=list(profiles))


@task()
def detach_due_cards(**lookup: Any) -> None:
    """Try for a short time to detach the dropped cards of this lookup at Stripe. Otherwise reconcile does it."""
    is_of_order = lookup.keys() == {"billing_profile", "order_number"}
    detach_quietly(DUE_OF_ORDER.rows(**lookup) if is_of_order else due_to_detach().filter(**lookup))


def due_to_detach() -> QuerySet[Card]:
    """Return the removed cards to detach at Stripe. Cards in a payment that can still succeed have to wait."""
    in_use = Payment.objects.filter(card=OuterRef("pk"), status__in=Payment.OPEN)
    return Card.objects.to_detach().filter(~Exists(in_use)).select_related("billing_profile")


DUE_OF_ORDER: PreparedQuery[Card] = PreparedQuery(
    lambda billing_profile, order_number: due_to_detach().filter(
        billing_profile=billing_profile, order_number=order_number
    ),
    billing_profile=int,
    order_number=str,
)


def drop_unsaved_cards(profiles: Iterable[BillingProfile]) -> int:
    """Drop the unsaved cards of these profiles, except those of orders that can still be paid."""
    profiles = list(profiles)
    needed = Order.objects.filter(billing_profile__in=profiles, status__in=Order.UNPAID_STATES)
    return Card.objects.drop_unsaved(profiles, needed.values("order_id"))


def drop_card_entered_too_late(order: Order) -> None:
    """Drop the guest's cards that were entered in a second tab after the order ended.

    Otherwise, the next checkout in this browser would offer them.
    """
    if order.billing_profile.is_guest and not order.is_unpaid:
        drop_unsaved_cards([order.billing_profile])


def of_ended_orders() -> QuerySet[Card]:
    """Return the unsaved cards of orders that are paid or canceled."""
    ended = _order().exclude(status__in=[Order.Status.OPEN, *Order.UNPAID_STATES])
    return Card.objects.unsaved().filter(Exists(ended))


def without_order(before: datetime) -> QuerySet[Card]:
    """Return the unsaved cards that were last entered `before` this time and belong to no placed order."""
    return Card.objects.unsaved().filter(~Exists(_order().exclude(status=Order.Status.OPEN)), entered_at__lt=before)


def _order() -> OrderQuerySet:
    return Order.objects.filter(order_id=OuterRef("order_number"))


def drop_overdue_cards() -> int:
    """Drop the cards that no shopper chose to keep and no order needs any more. Return their number."""
    return Card.objects.drop(of_ended_orders()) + Card.objects.drop(without_order(timezone.now() - Card.UNSAVED_FOR))
