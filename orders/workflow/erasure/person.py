"""A person to erase, found by foreign keys, and the email addresses that they had."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.email_addresses import canonical_email, same_email
from accounts.models import EarlierEmail, GuestEmail, User
from billing.models import BillingProfile
from carts.models import Cart
from orders.models import Order
from orders.models.order import OrderQuerySet


@dataclass(frozen=True)
class Person:
    """A user with their profiles, or a guest whom staff have picked.

    `profiles` and `guest_emails` contain primary keys.
    """

    user: User | None
    profiles: tuple[int, ...] = ()
    guest_emails: tuple[int, ...] = ()

    @classmethod
    def of_user(cls, user: User, picked: Iterable[int] = ()) -> "Person":
        """Return the person of this account: its own profile, and the guest profiles whose orders it claimed.

        `picked` are further guest profiles.
        """
        own = BillingProfile.objects.filter(Q(user=user) | Q(orders__account=user)).values_list("pk", flat=True)
        return cls._with_guest_emails(user, {*own, *_pks(guest_profiles().filter(pk__in=picked))})

    @classmethod
    def of_guest(cls, profiles: Iterable[int], guest_emails: Iterable[int] = ()) -> "Person":
        """Return the guest with these profiles. Leave out those that belong to an account or are erased."""
        return cls._with_guest_emails(None, _pks(guest_profiles().filter(pk__in=profiles)), guest_emails)

    @classmethod
    def _with_guest_emails(cls, user: User | None, profiles: Iterable[int], entered: Iterable[int] = ()) -> "Person":
        linked = GuestEmail.objects.filter(billing_profiles__in=profiles).values_list("pk", flat=True)
        return cls(user, tuple(sorted(profiles)), tuple(sorted({*linked, *entered})))

    def reload(self) -> "Person":
        """Return the same person as the rows are now, for example after another order was claimed."""
        if self.user:
            return Person.of_user(self.user, self.profiles)
        return Person.of_guest(self.profiles, self.guest_emails)

    def with_guests(self, profiles: Iterable[BillingProfile]) -> "Person":
        """Return this person together with other guest profiles that staff have picked."""
        picked = {*self.profiles, *(profile.pk for profile in profiles)}
        return Person.of_user(self.user, picked) if self.user else Person.of_guest(picked, self.guest_emails)

    @property
    def orders(self) -> OrderQuerySet:
        """The orders of this person, including open ones."""
        return Order.objects.filter(billing_profile__in=self.profiles)

    @property
    def carts(self) -> QuerySet[Cart]:
        """The carts of this person, including those that are closed.

        An active cart that only has an open order of this guest can belong to the next person who uses the browser.
        """
        of_profiles = Q(billing_profile__in=self.profiles) | Q(orders__in=self.orders, active=False)
        theirs = Q(pk__in=Cart.objects.filter(of_profiles, user=None).values("pk"))
        return Cart.objects.filter(theirs | Q(user=self.user) if self.user else theirs)

    def emails(self) -> list["HeldEmail"]:
        """Return the email addresses that this person had."""
        return _emails_of_user(self.user) if self.user else _emails_of_guest(self)

    def other_guests(self) -> QuerySet[BillingProfile]:
        """Return the other guest profiles with an email address of this person, for staff to pick.

        They can belong to another person: nobody verified that a guest owns the email address.
        """
        same = Q(pk__in=[])
        for held in self.emails():
            same |= Q(_has_email(held.email))
        return guest_profiles().filter(same).exclude(pk__in=self.profiles).order_by("pk")


def person_of_order(order: Order) -> Person | None:
    """Return who placed this order: its account, or its guest. Return None if they are erased."""
    return person_of_profile(order.billing_profile)


def person_of_profile(profile: BillingProfile) -> Person | None:
    """Return the account of this profile, or its guest. Return None if they are erased."""
    if profile.forgotten:
        return None
    user = user_of_profile(profile)
    return Person.of_user(user) if user else Person.of_guest([profile.pk])


def user_of_profile(profile: BillingProfile) -> User | None:
    """Return the account of this profile, or the account that claimed an order of this guest."""
    claimed = Order.objects.filter(billing_profile=profile).exclude(account=None).select_related("account")
    order = None if profile.user else claimed.first()
    return order.account if order else profile.user


def person_of_guest_email(guest: GuestEmail) -> Person:
    """Return the guest who entered this email address, or the account that took over the guest's profile."""
    profiles = BillingProfile.objects.filter(guest_email=guest).select_related("user")
    user = next((profile.user for profile in profiles if profile.user), None)
    return Person.of_user(user) if user else Person.of_guest([profile.pk for profile in profiles], [guest.pk])


def guest_profiles() -> QuerySet[BillingProfile]:
    """Return the profiles of guests that no account has claimed and that are not erased."""
    claimed = Order.objects.exclude(account=None).values("billing_profile")
    return BillingProfile.objects.filter(user=None, forgotten=None).exclude(pk__in=claimed)


def _pks(rows: QuerySet[Any]) -> set[int]:
    return set(rows.values_list("pk", flat=True))


@dataclass(frozen=True)
class HeldEmail:
    """An email address that a person had from `since` until `until`; None means until now.

    `is_only_theirs` tells that it identifies this person at any time. Without it, only notes of the time in which the
    person had it are about them. For a guest, `since` is None, because nobody verified that it was theirs at any time.
    """

    email: str
    since: datetime | None
    until: datetime | None
    is_only_theirs: bool

    def notes(self, email: str, time: str) -> Q:
        """Return a condition for rows that are about this person, with the names of the columns for email and time."""
        found = Q(same_email(email, self.email))
        if self.is_only_theirs:
            return found
        if self.since is None:
            return Q(pk__in=[])
        found &= Q(**{f"{time}__gte": self.since})
        return found & Q(**{f"{time}__lte": self.until}) if self.until else found


def notes_about(emails: Iterable[HeldEmail], email: str, time: str) -> Q:
    """Return a condition for rows that are about the person with these email addresses."""
    found = Q(pk__in=[])
    for held in emails:
        found |= held.notes(email, time)
    return found


def _emails_of_user(user: User) -> list[HeldEmail]:
    """Return the email addresses of this account, each with the time in which it was the account's.

    An email address that was typed but never verified can belong to another person. During that time, the notes under
    it are about this account; those of other times are not.
    """
    rows = list(user.earlier_emails.all())
    spans, since = [], user.date_joined
    for email, until in [*((row.email, row.until) for row in rows), (user.email, None)]:
        spans.append((canonical_email(email), since, until))
        since = until or since
    verified = {canonical_email(row.email) for row in rows if row.is_verified} | {canonical_email(user.email_verified)}
    others = User.objects.exclude(pk=user.pk), EarlierEmail.objects.exclude(user=user)
    return [
        HeldEmail(email, since, until, email in verified and not _is_used(email, *others))
        for email, since, until in spans
    ]


def _emails_of_guest(guest: Person) -> list[HeldEmail]:
    """Return the email addresses that this guest entered. One that somebody else has too does not identify them."""
    profiles = BillingProfile.objects.filter(pk__in=guest.profiles)
    entered = GuestEmail.objects.filter(pk__in=guest.guest_emails)
    emails = {canonical_email(email) for rows in (profiles, entered) for email in rows.values_list("email", flat=True)}
    others = (
        User.objects.all(), EarlierEmail.objects.all(), BillingProfile.objects.exclude(pk__in=guest.profiles),
        GuestEmail.objects.exclude(pk__in=guest.guest_emails).exclude(billing_profiles=None),
    )  # fmt: skip
    return [HeldEmail(email, None, None, not _is_used(email, *others)) for email in sorted(emails - {""})]


def _is_used(email: str, *others: QuerySet[Any]) -> bool:
    return any(rows.filter(_has_email(email)).exists() for rows in others)


def _has_email(email: str) -> Any:
    return same_email("email", email)
