"""What an erasure would do, for staff to check before they confirm it."""

from dataclasses import dataclass

from axes.models import AccessAttempt
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import rights
from accounts.models import AccountMail
from addresses.models import Address
from billing.models import Card
from core.models import ContactMail
from orders.models import CustomerNote, Order, Withdrawal
from orders.workflow.erasure.notes import sessions_of, unmatched_withdrawals
from orders.workflow.erasure.person import Person, notes_about


@dataclass(frozen=True)
class Preview:
    """The number of rows of each kind to erase, the orders that keep details for now, and what blocks the erasure."""

    counts: list[tuple[str | Promise, int]]
    waiting: list[tuple[Order, str]]
    in_progress: list[Order]
    is_last_superuser: bool

    @property
    def is_blocked(self) -> bool:
        return self.is_last_superuser or bool(self.in_progress)


def preview(person: Person) -> Preview:
    """Return what `erase_person` would do. Change nothing."""
    in_progress = list(person.orders.in_progress().order_by("pk"))
    return Preview(
        counts=[(name, number) for name, number in _counts(person) if number],
        waiting=_waiting(person, in_progress),
        in_progress=in_progress,
        is_last_superuser=bool(person.user and rights.is_last_superuser(person.user)),
    )


def _counts(person: Person) -> list[tuple[str | Promise, int]]:
    emails, profiles = person.emails(), person.profiles
    of_account = Q(user=person.user) if person.user else Q(pk__in=[])
    mails = AccountMail.objects.filter(of_account | notes_about(emails, "to", "timestamp"))
    messages = ContactMail.objects.filter(notes_about(emails, "sender", "timestamp"))
    attempts = AccessAttempt.objects.filter(notes_about(emails, "username", "attempt_time"))
    unmatched = unmatched_withdrawals(emails) if person.user else Withdrawal.objects.none()
    withdrawals = Withdrawal.objects.filter(Q(order__in=person.orders) | Q(pk__in=unmatched.values("pk")))
    return [
        (gettext_lazy("Account"), 1 if person.user else 0),
        (gettext_lazy("Sessions, which end"), len(sessions_of(person))),
        (gettext_lazy("Email addresses"), len({held.email for held in emails})),
        (gettext_lazy("Saved postal addresses"), Address.objects.filter(billing_profile__in=profiles).count()),
        (gettext_lazy("Cards"), Card.objects.filter(billing_profile__in=profiles).count()),
        (gettext_lazy("Carts"), person.carts.count()),
        (gettext_lazy("Orders that keep only what bookkeeping needs"), person.orders.placed().count()),
        (gettext_lazy("Withdrawals, without what was typed"), withdrawals.count()),
        (gettext_lazy("Emails about the account"), mails.count()),
        (gettext_lazy("Messages to the shop"), messages.count()),
        (gettext_lazy("Failed sign-ins"), attempts.count()),
        (gettext_lazy("Notes of staff"), CustomerNote.objects.filter(billing_profile__in=profiles).count()),
    ]


def _waiting(person: Person, in_progress: list[Order]) -> list[tuple[Order, str]]:
    """Return the orders whose details stay for now, each with the reason."""
    placed = person.orders.placed().exclude(email="").exclude(pk__in=[order.pk for order in in_progress])
    disputed = set(placed.disputed())
    unshipped = set(placed.awaiting_shipment())
    return [
        (order, _("its dispute is open") if order in disputed else _("it is not shipped yet"))
        for order in placed.order_by("pk")
        if order in disputed | unshipped
    ]
