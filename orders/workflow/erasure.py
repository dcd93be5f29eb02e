"""Account deletion: removes personal data and keeps what bookkeeping needs.

The code uses models of all apps, so it belongs to the page layer, like the views.

The shop's own rows change in one transaction, which also records the customers to delete at Stripe. If Stripe does not
answer, `manage.py reconcile` finishes that work.
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
from orders.models import Order
from orders.workflow.order_erasure import forget

logger = logging.getLogger(__name__)


class UnderWay(Exception):
    """Raised if an account cannot be deleted yet because money can still move for these orders."""

    def __init__(self, orders: list[Order]) -> None:
        super().__init__(f"{len(orders)} orders are in progress")
        self.orders = orders


def orders_under_way(user: User) -> list[Order]:
    """Return the orders that block the deletion of this account. The list is empty if it can be deleted."""
    return list(Order.objects.filter(billing_profile__in=_profile_pks(user)).under_way())


def delete_account(user: User) -> None:
    """Delete `user` and all data that belongs only to them. Their orders stay, without personal data.

    Raise UnderWay if money can still move for an order. An order that is paid but not yet shipped keeps its email and
    postal addresses until it ships, for at most `Order.DELIVERY`. `manage.py reconcile` removes them afterwards.
    """
    pks = _delete_locally(user)
    for profile in BillingProfile.objects.forgotten_here_alone().filter(pk__in=pks):
        try:
            cards.finish_forgetting(profile)
        except answers.GatewayError as error:
            logger.warning("Stripe customer of billing profile %s could not be deleted yet: %s", profile.pk, error)


@transaction.atomic
def _delete_locally(user: User) -> list[int]:
    """Delete everything except the Stripe customers. Return the primary keys of the erased billing profiles."""
    pks = _profile_pks(user)
    # Lock the carts first, as everywhere, so that no order is placed from them in the meantime.
    carts = Cart.objects.filter(Q(user=user) | Q(billing_profile__in=pks), active=True)
    list(carts.select_for_update().order_by("pk"))
    if orders := orders_under_way(user):
        raise UnderWay(orders)
    user_orders = Order.objects.filter(billing_profile__in=pks)
    user_orders.filter(status=Order.Status.OPEN).delete()
    profiles = BillingProfile.objects.filter(pk__in=pks)
    profiles.update(user=None, email="", active=False, forgotten=timezone.now())
    for order in user_orders.to_forget():
        forget(order)
    Address.objects.filter(billing_profile__in=pks).delete()
    Card.objects.filter(billing_profile__in=pks).delete()
    _delete_user(user)
    return pks


def _profile_pks(user: User) -> list[int]:
    """Return the primary keys of the user's own profile and of the guest profiles whose orders the user claimed."""
    found = BillingProfile.objects.filter(Q(user=user) | Q(orders__account=user))
    return list(found.order_by("pk").distinct().values_list("pk", flat=True))


def _delete_user(user: User) -> None:
    # An email address that is not verified can belong to another person.
    if user.has_verified_email:
        GuestEmail.objects.alias(plain=Lower("email")).filter(plain=Lower(Value(user.email))).delete()
    LogEntry.objects.filter(object_repr__iexact=user.email).update(object_repr="")
    AccountMail.objects.forget(user)
    forget_failures(user)
    user.delete()
