"""What the page of a customer shows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.email_addresses import same_email
from addresses.models import Address
from billing.models import BillingProfile, Card
from orders.customers.notes import CustomerNote
from orders.customers.people import Summary, summaries
from orders.models import Order
from orders.models.order import OrderQuerySet
from orders.workflow.erasure.person import Person, guest_profiles, person_of_profile

MAX_GUESTS, MAX_ORDERS, MAX_ROWS = 100, 200, 50  # rows on the page, the newest first


@dataclass(frozen=True)
class Guest:
    """The guest of one session, and the orders that they placed."""

    profile: BillingProfile
    orders: list[Order] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The numbers of the orders, or the number of the profile if there are none."""
        return ", ".join(order.order_id for order in self.orders) or f"#{self.profile.pk}"


@dataclass(frozen=True)
class Customer:
    """An account or the guests with one email address, seen from one of their profiles.

    `person` is the account, or all these guests together; it is None if they are erased. `guests` are those whose
    orders staff tick, because nobody verified who they are: the guests, or for an account, others with its email
    addresses.
    """

    profile: BillingProfile
    person: Person | None
    guests: QuerySet[BillingProfile]

    @classmethod
    def of_profile(cls, profile: BillingProfile) -> "Customer":
        """Return the customer to whom this profile belongs."""
        person = person_of_profile(profile)
        if person is None:
            return cls(profile, None, BillingProfile.objects.none())
        if person.user:
            own = BillingProfile.objects.filter(user=person.user).select_related("user").first()
            return cls(own or profile, person, _buyers_first(person.other_guests()))
        same = guest_profiles().filter(same_email("email", profile.email) if profile.email else Q(pk=profile.pk))
        return cls(profile, Person.of_guest(same.values_list("pk", flat=True)), _buyers_first(same))

    @property
    def is_account(self) -> bool:
        return bool(self.person and self.person.user)

    @property
    def orders(self) -> OrderQuerySet:
        """The placed orders, the newest first. Those of guests who are to be ticked belong to an account only then."""
        person = self.person or Person(None, (self.profile.pk,))
        return person.orders.placed().order_by("-placed_at", "-pk")

    def with_picked(self, picked: Iterable[BillingProfile]) -> Person:
        """Return the account together with these guests, or only these guests."""
        pks = [profile.pk for profile in picked]
        return Person.of_user(self.person.user, pks) if self.person and self.person.user else Person.of_guest(pks)

    def tickable(self) -> list[Guest]:
        """Return the guests whose orders staff can tick, those with orders first."""
        guests = {profile.pk: Guest(profile) for profile in self.guests[:MAX_GUESTS]}
        for order in (
            Order.objects.placed().filter(billing_profile__in=guests).order_by("-placed_at", "-pk")[:MAX_ORDERS]
        ):
            guests[order.billing_profile_id].orders.append(order)
        return list(guests.values())

    def summary(self) -> Summary:
        """Return the number of orders, and the sums by currency."""
        found = summaries([self.profile])
        return found[self.profile.pk]

    def addresses(self) -> list[str]:
        """Return the different saved postal addresses."""
        rows = Address.objects.filter(billing_profile__in=self._profiles).order_by("-pk")[:MAX_ROWS]
        return list(dict.fromkeys(map(str, rows)))

    def cards(self) -> QuerySet[Card]:
        """Return the cards that can still be used."""
        return Card.objects.filter(billing_profile__in=self._profiles, active=True).order_by("-pk")[:MAX_ROWS]

    def notes(self) -> QuerySet[CustomerNote]:
        """Return the notes of staff, the newest first."""
        rows = CustomerNote.objects.filter(billing_profile__in=self._profiles).select_related("billing_profile")
        return rows.order_by("-pk")[:MAX_ROWS]

    @property
    def _profiles(self) -> tuple[int, ...]:
        return self.person.profiles if self.person else ()


def _buyers_first(guests: QuerySet[BillingProfile]) -> QuerySet[BillingProfile]:
    has_orders = Exists(Order.objects.placed().filter(billing_profile=OuterRef("pk")))
    return guests.annotate(has_orders=has_orders).order_by("-has_orders", "-pk")
