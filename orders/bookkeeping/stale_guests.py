"""Pruning of guests who did not order, and of erased profiles that have no order.

A profile is marked as erased, its customer is deleted at Stripe, and then its row is deleted. If the process dies or
Stripe does not answer in between, the next rounds of `manage.py reconcile` continue from the mark.
"""

import logging
import time
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from addresses.models import Address
from billing import answers, cards
from billing.models import BillingProfile, Card, CardAttempt, CardMail
from billing.stripe_calls import time_limits
from carts.models import Cart
from orders.bookkeeping.old_rows import Done, batches, delete_old, kept_orders, limit, lock_due
from orders.models import Order
from orders.workflow.erasure import profiles_with_customer_to_delete

logger = logging.getLogger(__name__)
GUEST_BATCH = 50  # guests that one transaction marks, and erased customers that may wait for Stripe
GUEST_ROUND = 1000  # guests that one round marks
MAX_SECONDS = 20.0  # of calls to Stripe in one round


def old_guests() -> QuerySet[BillingProfile]:
    """Return the guests who did not order and did not use the shop for a while.

    `updated` is the time of the last use: see `BillingProfileManager.record_return`.
    """
    guests = BillingProfile.objects.filter(user=None, forgotten=None, updated__lt=limit("guests"))
    return guests.filter(~Exists(kept_orders().filter(billing_profile=OuterRef("pk")))).order_by("updated")


def unneeded_profiles() -> QuerySet[BillingProfile]:
    """Return the erased profiles without an order and without a customer at Stripe.

    A profile stays as long as it has card attempts, because the limits against card testing count them.
    """
    erased = BillingProfile.objects.filter(forgotten__isnull=False, customer_id="")
    has_orders = Exists(Order.objects.filter(billing_profile=OuterRef("pk")))
    has_attempts = Exists(CardAttempt.objects.filter(billing_profile=OuterRef("pk")))
    return erased.filter(~has_orders, ~has_attempts).order_by("forgotten")


def prune_profiles() -> Done:
    """Erase old guests, delete their customers at Stripe, and then delete the rows of erased profiles."""
    is_more = _erase_old_guests()
    deleted, is_more_erased = delete_old(unneeded_profiles)
    return deleted, is_more or is_more_erased


def _erase_old_guests() -> bool:
    """Erase old guests until the round is over. Return whether there are more.

    If Stripe does not answer, stop; `reconcile` then deletes the customers of the guests that were marked.
    """
    deadline = time.monotonic() + MAX_SECONDS
    found = list(old_guests().values_list("pk", flat=True)[:GUEST_ROUND])
    for batch in batches(found, GUEST_BATCH):
        if profiles_with_customer_to_delete().count() >= GUEST_BATCH:
            return False  # Stripe has not answered for a while, so nothing is added to what waits for it.
        if not _delete_customers(_mark(batch)):
            return False
        if time.monotonic() > deadline:
            return True
    return len(found) == GUEST_ROUND


@transaction.atomic
def _mark(found: list[int]) -> list[int]:
    """Delete the data of these guests and mark their profiles as erased. Return the keys of those that were still old.

    Carts are locked first, as everywhere, so that no order is placed from them in the meantime.
    """
    orders = Order.objects.filter(billing_profile__in=found)
    _lock(Cart.objects.filter(Q(billing_profile__in=found) | Q(pk__in=orders.values("cart"))))
    locked = lock_due(old_guests(), found)
    _lock(orders)
    due = list(old_guests().filter(pk__in=locked).values_list("pk", flat=True))
    Cart.objects.filter(billing_profile__in=due).update(billing_profile=None)
    for model in (Order, Address, Card, CardMail):
        model._base_manager.filter(billing_profile__in=due).delete()
    BillingProfile.objects.mark_erased(BillingProfile.objects.filter(pk__in=due))
    return due


def _lock(rows: QuerySet[Any]) -> None:
    list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))


def _delete_customers(marked: list[int]) -> bool:
    """Delete the customers of these profiles at Stripe. Stop and return False if Stripe does not answer."""
    with time_limits.long_timeouts():
        for profile in profiles_with_customer_to_delete().filter(pk__in=marked):
            try:
                cards.finish_erasure(profile)
            except answers.GatewayError as error:
                logger.warning("Stripe customer of billing profile %s not deleted yet: %s", profile.pk, error)
                return False
    return True
