"""Deleting an account: the person goes, what bookkeeping needs stays; spans all apps, so it stands beside the views.

One transaction here; what Stripe must forget is noted in rows first, and finished by `manage.py reconcile` if need be.
"""

import logging

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import AccountMail, GuestEmail, User
from accounts.throttle import forget_failures
from addresses.models import Address
from billing import answers, cards
from billing.models import BillingProfile, Card
from carts.models import Cart
from orders.forgetting import forget
from orders.models import Order

logger = logging.getLogger(__name__)


class UnderWay(Exception):
    """The account cannot go yet: money may still move for these orders."""

    def __init__(self, orders: list[Order]) -> None:
        super().__init__(f"{len(orders)} orders are in progress")
        self.orders = orders


def orders_under_way(user: User) -> list[Order]:
    """Why this account cannot be deleted now; empty if it can."""
    return list(Order.objects.filter(billing_profile__in=_profiles(user)).under_way())


def delete_account(user: User) -> None:
    """Delete `user` with all that is theirs alone; their orders stay, without the person. UnderWay if it is too early.

    An order that is paid and waits to be sent keeps its address until then; reconcile takes it off after.
    """
    pks = _delete_here(user)
    for profile in BillingProfile.objects.forgotten_here_alone().filter(pk__in=pks):
        try:
            cards.finish_forgetting(profile)
        except answers.GatewayError as error:
            logger.warning("Stripe customer of billing profile %s could not be deleted yet: %s", profile.pk, error)


@transaction.atomic
def _delete_here(user: User) -> list[int]:
    """Everything but Stripe; the profiles that lost their person."""
    pks = _profiles(user)
    # Carts first, as everywhere: nobody places an order of them meanwhile.
    carts = Cart.objects.filter(Q(user=user) | Q(billing_profile__in=pks), active=True)
    list(carts.select_for_update().order_by("pk"))
    if orders := orders_under_way(user):
        raise UnderWay(orders)
    orders_of_person = Order.objects.filter(billing_profile__in=pks)
    orders_of_person.filter(status=Order.Status.OPEN).delete()
    profiles = BillingProfile.objects.filter(pk__in=pks)
    profiles.update(user=None, email="", active=False, forgotten=timezone.now())
    for order in orders_of_person.to_forget():
        forget(order)
    Address.objects.filter(billing_profile__in=pks).delete()
    Card.objects.filter(billing_profile__in=pks).delete()
    _delete_person(user)
    return pks


def _profiles(user: User) -> list[int]:
    """The user's own profile, and those of guests whose orders were taken over by a mailed link."""
    found = BillingProfile.objects.filter(Q(user=user) | Q(orders__account=user))
    return list(found.order_by("pk").distinct().values_list("pk", flat=True))


def _delete_person(user: User) -> None:
    if user.has_verified_email:  # else the address may be somebody else's
        GuestEmail.objects.alias(plain=Lower("email")).filter(plain=Lower(Value(user.email))).delete()
    LogEntry.objects.filter(object_repr__iexact=user.email).update(object_repr="")
    AccountMail.objects.forget(user)
    forget_failures(user)
    user.delete()
