"""The workflow that erases a person. It keeps what bookkeeping needs.

The shop's own rows change in one transaction, which also records the customers to delete at Stripe. If Stripe does not
answer, `manage.py reconcile` finishes that work.
"""

import logging
import secrets
from collections.abc import Iterable

from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts import rights
from accounts.email_addresses import ERASED_DOMAIN
from accounts.models import GuestEmail, SecondFactor, User
from addresses.models import Address
from billing import answers, cards
from billing.models import BillingProfile, Card
from orders.models import Order
from orders.workflow import order_cards
from orders.workflow.erasure.notes import delete_sessions, erase_notes, sessions_of
from orders.workflow.erasure.orders import erase_order
from orders.workflow.erasure.person import Person

logger = logging.getLogger(__name__)


class ErasureRejected(Exception):
    """Raised if this person cannot be erased now. The message is for staff."""


class OrdersInProgress(ErasureRejected):
    """Raised if a person cannot be erased yet because money can still move for these orders."""

    def __init__(self, orders: list[Order]) -> None:
        super().__init__(_("Money can still move for orders: %(orders)s") % {"orders": ", ".join(map(str, orders))})
        self.orders = orders


class LastSuperuser(ErasureRejected):
    """Raised if nobody could grant rights without this user."""

    def __init__(self) -> None:
        super().__init__(_("This is the last active superuser. Give another member of staff superuser status first."))


def get_orders_in_progress(user: User) -> list[Order]:
    """Return the orders that block the deletion of this account. The list is empty if it can be deleted."""
    return list(Person.of_user(user).orders.in_progress())


def delete_account(user: User) -> None:
    """Erase the person of this account: see `erase_person`."""
    erase_person(Person.of_user(user))


def erase_person(person: Person, by: User | None = None) -> bool:
    """Erase all data that belongs only to this person. Their orders stay, without personal data.

    Return False and change nothing if another request has just erased this person.

    Raise OrdersInProgress if money can still move for an order, and LastSuperuser for the last one. An order that is
    paid but not yet shipped keeps its email and postal addresses until it ships, for at most `Order.ADDRESS_RETENTION`.
    An order with an open dispute or inquiry keeps them, and its customer at Stripe, until it is closed.
    `manage.py reconcile` removes them afterwards. `by` is the member of staff who gets a log entry.
    """
    sessions = sessions_of(person)
    pks = _erase_locally(person, sessions, by)
    if pks is None:
        return False
    order_cards.detach_cards_of(pks)
    for profile in profiles_with_customer_to_delete().filter(pk__in=pks):
        try:
            cards.finish_erasure(profile)
        except answers.GatewayError as error:
            logger.warning("Stripe customer of billing profile %s could not be deleted yet: %s", profile.pk, error)
    return True


def profiles_with_customer_to_delete() -> QuerySet[BillingProfile]:
    """Return the erased profiles whose customer at Stripe can be deleted.

    The customer is part of the evidence in a dispute, so it stays while one is open.
    """
    disputed = Order.objects.disputed().values("billing_profile")
    return BillingProfile.objects.with_customer_to_delete().exclude(pk__in=disputed)


def profiles_with_late_rows() -> QuerySet[BillingProfile]:
    """Return the erased profiles to which requests wrote that had loaded them before."""
    profile = OuterRef("pk")
    late = Q(Exists(Address.objects.filter(billing_profile=profile))) | Q(user__isnull=False) | ~Q(email="")
    late |= Q(Exists(Order.objects.filter(billing_profile=profile, status=Order.Status.OPEN)))
    return BillingProfile.objects.filter(late, forgotten__isnull=False)


@transaction.atomic
def erase_late_rows(profile: BillingProfile) -> None:
    """Erase what was written to this profile after its person was erased."""
    _erase_profiles([profile.pk])


@transaction.atomic
def _erase_locally(person: Person, sessions: list[str], by: User | None) -> list[int] | None:
    """Delete everything except the Stripe customers. Return the primary keys of the erased billing profiles.

    Return None if another request has just erased this person.
    """
    # Lock the carts first, as everywhere, so that no order is placed from them in the meantime.
    list(person.carts.filter(active=True).select_for_update().order_by("pk"))
    if person.user and not _lock_user(person.user):
        return None  # another request has just erased this account
    person = person.reload()
    pks = list(person.profiles)
    if person.user:
        _check_rights(person.user, by)
    if orders := list(person.orders.in_progress()):
        raise OrdersInProgress(orders)
    emails = person.emails()
    person.carts.delete()
    if not _erase_profiles(pks) and not person.user and not _lock_guest_emails(person):
        return None  # another request has just erased this guest
    for order in person.orders.due_for_erasure():
        erase_order(order)
    erase_notes(person, emails)
    delete_sessions(sessions)
    if person.user:
        _delete_user(person.user)
    if by:
        _log(person, by)
    return pks


def _lock_user(user: User) -> bool:
    """Lock and reload the account, so that no log entry can be added. Return False if it is erased."""
    locked = User.objects.select_for_update().filter(pk=user.pk).first()
    if locked is None or locked.is_erased:
        return False
    user.refresh_from_db()
    return True


def _lock_guest_emails(person: Person) -> bool:
    """Lock the guest emails of a guest without a profile. Return False if there are none, or they are erased."""
    rows = GuestEmail.objects.filter(pk__in=[] if person.profiles else person.guest_emails).order_by("pk")
    return bool(rows.select_for_update().values_list("pk", flat=True))


def _check_rights(user: User, by: User | None) -> None:
    """Raise ErasureRejected if `by` may not erase this account, or if nobody could grant rights without it."""
    if by and not rights.lock_and_check(by, user):
        raise ErasureRejected(_("Only superusers erase accounts with rights."))
    if rights.is_last_superuser(user):
        raise LastSuperuser


def _erase_profiles(pks: list[int]) -> int:
    """Mark the profiles as erased. Delete what belongs to them, except placed orders.

    Return how many of them were not erased before.
    """
    still_open = Order.objects.filter(billing_profile__in=pks, status=Order.Status.OPEN).order_by("pk")
    Order.objects.filter(pk__in=list(still_open.select_for_update().values_list("pk", flat=True))).delete()
    Order.objects.filter(billing_profile__in=pks).update(account=None)
    marked = BillingProfile.objects.mark_erased(BillingProfile.objects.filter(pk__in=pks))
    Address.objects.filter(billing_profile__in=pks).delete()  # a signal receiver clears the log about them
    _delete_cards(pks)
    return marked


def _delete_cards(profiles: list[int]) -> None:
    """Delete the cards of these profiles.

    The customer of a disputed order stays at Stripe, so its cards are removed there first.
    """
    cards_of_profiles = Card.objects.filter(billing_profile__in=profiles)
    disputed = cards_of_profiles.filter(billing_profile__in=Order.objects.disputed().values("billing_profile"))
    Card.objects.drop(disputed)
    cards_of_profiles.exclude(pk__in=disputed.filter(is_detach_due=True)).delete()


def _delete_user(user: User) -> None:
    """Delete the user. A user with log entries stays as a row without personal data, so that the log says who it was.

    Otherwise, Django would delete the log of everything that this member of staff did.
    """
    if not LogEntry.objects.filter(user=user).exists():
        User.objects.filter(pk=user.pk).delete()
        return
    email = f"deleted-{user.pk}-{secrets.token_hex(6)}{ERASED_DOMAIN}"
    user.set_unusable_password()
    User.objects.filter(pk=user.pk).update(
        email=email, email_verified="", name="", password=user.password, is_active=False, is_staff=False,
        is_superuser=False, last_login=None, language="",
    )  # fmt: skip
    user.groups.clear()
    user.user_permissions.clear()
    user.earlier_emails.all().delete()
    user.sign_ins.all().delete()
    SecondFactor.objects.filter(user=user).delete()


def _log(person: Person, by: User) -> None:
    """Record who erased this person, without personal data."""
    rows: Iterable[tuple[type, int]] = [(GuestEmail, pk) for pk in person.guest_emails]
    rows = [(BillingProfile, pk) for pk in person.profiles] or rows
    for model, pk in [(User, person.user.pk)] if person.user else rows:
        LogEntry.objects.create(
            user_id=by.pk, content_type=ContentType.objects.get_for_model(model), object_id=str(pk),
            object_repr=f"#{pk}", action_flag=DELETION, change_message=_("Erased this person."),
        )  # fmt: skip
