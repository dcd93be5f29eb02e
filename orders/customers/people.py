"""The customers of the shop as rows: one billing profile for each person, and what each of them bought."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    Exists,
    Func,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Lower

from billing.models import BillingProfile
from orders.models import Order
from orders.models.order import OrderQuerySet
from orders.workflow.erasure.person import guest_profiles


def customers() -> QuerySet[BillingProfile]:
    """Return one profile for each customer, with the email address in lowercase and the time of the newest activity.

    Customers are accounts, and email addresses under which guests placed orders. The profile of such an email address
    is the newest one. Staff without orders are no customers. The newest activity is the last order of the profile or of
    a claim, or the creation of the profile if that is later. An older guest with the same email address does not count.
    """
    placed = Order.objects.placed()
    own, claimed = placed.filter(billing_profile=OuterRef("pk")), placed.filter(account=OuterRef("user"))
    buyers = guest_profiles().filter(Exists(own))
    newest = buyers.values(lower=Lower("email")).annotate(newest=Max("pk")).values("newest")
    # Few accounts have claimed orders. SQLite would look through all orders for each of the others.
    claimants = placed.filter(account__isnull=False).values("account")
    accounts = Q(user__isnull=False) & (Q(user__is_staff=False) | Exists(own) | Q(user__in=claimants))
    last_claimed = Case(When(user__in=claimants, then=_latest(claimed)), output_field=DateTimeField())
    activity = Greatest(Coalesce(_latest(own), "timestamp"), Coalesce(last_claimed, "timestamp"))
    rows = BillingProfile.objects.filter(accounts | Q(pk__in=newest)).select_related("user")
    return rows.annotate(lower_email=Lower("email"), newest_activity=activity)


def _latest(orders: OrderQuerySet) -> Subquery:
    """Return the time of the last of these orders.

    It is an aggregate: for the first row by time, databases would look through all orders, newest first.
    """
    latest = Func("placed_at", function="MAX", output_field=DateTimeField())
    return Subquery(orders.order_by().annotate(latest=latest).values("latest"))


@dataclass
class Summary:
    """What a customer bought. `spent` and `refunded` contain the sums of paid orders by currency."""

    orders: int = 0
    last: datetime | None = None
    spent: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)

    def add(self, placed: datetime | None, status: str, currency: str, total: Decimal, refunded: Decimal) -> None:
        """Add an order. Its total counts if it was paid. The sums are exact, unlike those of SQLite."""
        self.orders += 1
        self.last = max(filter(None, (self.last, placed)), default=None)
        if status in Order.PAID_STATES:
            self.spent[currency] += total  # type: ignore[assignment]  # a Counter of decimals
        if refunded:
            self.refunded[currency] += refunded  # type: ignore[assignment]


def summaries(profiles: Iterable[BillingProfile]) -> dict[int, Summary]:
    """Return what each of these customers bought, by the primary key of the profile, in one query."""
    keys = {_key(profile.user_id, profile.email): profile.pk for profile in profiles}
    found = {pk: Summary() for pk in keys.values()}
    users = [user for user, _email in keys if user]
    emails = [email for user, email in keys if not user]
    claims = Order.objects.filter(account__isnull=False)
    of_users = Q(billing_profile__user__in=users)
    of_users |= Q(billing_profile__in=claims.filter(account__in=users).values("billing_profile"))
    of_guests = Q(lower__in=emails, billing_profile__user=None, billing_profile__forgotten=None)
    claim = claims.filter(billing_profile=OuterRef("billing_profile")).values("account")[:1]
    orders = Order.objects.placed().annotate(lower=Lower("billing_profile__email")).filter(of_users | of_guests)
    owner = Coalesce("billing_profile__user_id", Subquery(claim), output_field=BigIntegerField())
    columns = ("owner", "lower", "placed_at", "status", "currency", "total", "amount_refunded")
    rows: Any = orders.annotate(owner=owner).order_by().values_list(*columns)
    for user, email, *order in rows:
        if (pk := keys.get(_key(user, email))) is not None:
            found[pk].add(*order)
    return found


def _key(user: int | None, email: str) -> tuple[int | None, str]:
    return (user, "") if user else (None, email.lower())
