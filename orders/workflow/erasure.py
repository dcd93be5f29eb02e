"""Erasure: removes personal data from an account and its orders, and keeps what bookkeeping needs.

The shop's own rows change in one transaction, which also records the customers to delete at Stripe. If Stripe does not
answer, `manage.py reconcile` finishes that work.
"""

import logging

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.email_addresses import same_email
from accounts.models import AccountMail, GuestEmail, User
from accounts.throttle import clear_failures
from addresses.countries import country_choices
from addresses.models import Address
from billing import answers, cards
from billing.models import BillingProfile, Card
from carts.models import Cart
from orders.bookkeeping.checksum import checksum_of, is_intact
from orders.models import Order, OrderEvent
from orders.workflow import order_cards

logger = logging.getLogger(__name__)


class OrdersInProgress(Exception):
    """Raised if an account cannot be deleted yet because money can still move for these orders."""

    def __init__(self, orders: list[Order]) -> None:
        super().__init__(f"{len(orders)} orders are in progress")
        self.orders = orders


def get_orders_in_progress(user: User) -> list[Order]:
    """Return the orders that block the deletion of this account. The list is empty if it can be deleted."""
    return list(Order.objects.filter(billing_profile__in=_profile_pks(user)).in_progress())


def delete_account(user: User) -> None:
    """Delete `user` and all data that belongs only to them. Their orders stay, without personal data.

    Raise OrdersInProgress if money can still move for an order. An order that is paid but not yet shipped keeps its
    email and postal addresses until it ships, for at most `Order.ADDRESS_RETENTION`. An order with an open dispute or
    inquiry keeps them, and its customer at Stripe, until it is closed. `manage.py reconcile` removes them afterwards.
    """
    pks = _delete_locally(user)
    cards.detach_quietly(order_cards.due_to_detach().filter(billing_profile__in=pks))
    for profile in profiles_with_customer_to_delete().filter(pk__in=pks):
        try:
            cards.finish_erasure(profile)
        except answers.GatewayError as error:
            logger.warning("Stripe customer of billing profile %s could not be deleted yet: %s", profile.pk, error)


def profiles_with_customer_to_delete() -> QuerySet[BillingProfile]:
    """Return the erased profiles whose customer at Stripe can be deleted.

    The customer is part of the evidence in a dispute, so it stays while one is open.
    """
    disputed = Order.objects.disputed().values("billing_profile")
    return BillingProfile.objects.with_customer_to_delete().exclude(pk__in=disputed)


@transaction.atomic
def _delete_locally(user: User) -> list[int]:
    """Delete everything except the Stripe customers. Return the primary keys of the erased billing profiles."""
    pks = _profile_pks(user)
    # Lock the carts first, as everywhere, so that no order is placed from them in the meantime.
    carts = Cart.objects.filter(Q(user=user) | Q(billing_profile__in=pks), active=True)
    list(carts.select_for_update().order_by("pk"))
    if orders := get_orders_in_progress(user):
        raise OrdersInProgress(orders)
    user_orders = Order.objects.filter(billing_profile__in=pks)
    user_orders.filter(status=Order.Status.OPEN).delete()
    BillingProfile.objects.mark_erased(BillingProfile.objects.filter(pk__in=pks))
    for order in user_orders.due_for_erasure():
        erase_order(order)
    Address.objects.filter(billing_profile__in=pks).delete()
    _delete_cards(pks)
    _delete_user(user)
    return pks


def _delete_cards(profiles: list[int]) -> None:
    """Delete the cards of these profiles.

    The customer of a disputed order stays at Stripe, so its cards are removed there first.
    """
    cards_of_profiles = Card.objects.filter(billing_profile__in=profiles)
    disputed = cards_of_profiles.filter(billing_profile__in=Order.objects.disputed().values("billing_profile"))
    Card.objects.drop(disputed)
    cards_of_profiles.exclude(pk__in=disputed.filter(is_detach_due=True)).delete()


def _profile_pks(user: User) -> list[int]:
    """Return the primary keys of the user's own profile and of the guest profiles whose orders the user claimed."""
    found = BillingProfile.objects.filter(Q(user=user) | Q(orders__account=user))
    return list(found.order_by("pk").distinct().values_list("pk", flat=True))


def _delete_user(user: User) -> None:
    # An email address that is not verified can belong to another person.
    if user.has_verified_email:
        GuestEmail.objects.filter(same_email("email", user.email)).delete()
    LogEntry.objects.filter(same_email("object_repr", user.email)).update(object_repr="")
    AccountMail.objects.erase(user)
    clear_failures(user)
    user.delete()


@transaction.atomic
def erase_order(order: Order) -> bool:
    """Remove name, email address and postal addresses from a placed order. Return False if this was done before.

    The number, lines, amounts and payments stay. The country of each postal address stays because sales are taxed by
    it. The order gets a new checksum, unless its checksum was already wrong: an erasure must not hide what an audit
    has to find.
    """
    if not Order.objects.filter(pk=order.pk).exclude(email="").update(updated=timezone.now()):
        return False
    order.refresh_from_db()  # The update above has locked the row.
    was_intact = is_intact(order)
    _drop_emails(order)
    rows = Order.objects.filter(pk=order.pk)
    erased = dict.fromkeys(Order.columns.personal, "") | {
        name: _anonymize(getattr(order, name), order.language)
        for name in ("shipping_address_text", "billing_address_text")
    }
    rows.update(shipping_address=None, billing_address=None, link_version=F("link_version") + 1, **erased)
    order.refresh_from_db()
    if was_intact:
        rows.update(checksum=checksum_of(order))
    order.record(OrderEvent.Kind.ERASED)
    order.refresh_from_db()
    return True


def _drop_emails(order: Order) -> None:
    """Drop unsent email messages to this person, and remove the recipient from all their rows."""
    mails = order.mails.filter(to=order.email)
    mails.filter(sent=None, dropped=None).update(dropped=timezone.now())
    mails.update(to="")


def _anonymize(text: str, language: str) -> str:
    """Return a placeholder, followed by the country if it is the last line of the postal address."""
    with translation.override(language):
        countries = {name.casefold(): name for _code, name in country_choices()}
        country = countries.get((text.splitlines() or [""])[-1].strip().casefold(), "")
        return "\n".join(filter(None, [_("(removed with the account)"), country]))
