"""The `erase_person` command: erases the data of a user or a guest."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from billing.models import BillingProfile
from orders.models import Order
from orders.workflow import erasure

logger = logging.getLogger(__name__)
BLOCKED, UNKNOWN = 1, 2


class Command(BaseCommand):
    """Erases a person and prints what it does.

    The exit code is 0 if the person is erased (or could be, with --dry-run), 1 if orders in progress or the last
    superuser block it, and 2 if there is no such person.
    """

    help = "Erase the personal data of a user or a guest. Orders stay, without personal data."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--user", type=int, metavar="ID", help="the id of the user")
        who.add_argument(
            "--order", action="append", metavar="NUMBER", help="an order of the guest; repeat it for other orders"
        )
        parser.add_argument("--dry-run", action="store_true", help="only print what would be erased")

    def handle(self, *args: Any, user: int | None, order: list[str] | None, dry_run: bool, **options: Any) -> None:
        person = _user(user) if user is not None else _guest(order or [])
        seen = erasure.preview(person)
        for name, number in seen.counts:
            self.stdout.write(f"{name}: {number}")
        for waiting, reason in seen.waiting:
            self.stdout.write(f"Order {waiting} keeps its details for now: {reason}.")
        if dry_run and seen.in_progress:
            raise CommandError(str(erasure.OrdersInProgress(seen.in_progress)), returncode=BLOCKED)
        if dry_run and seen.is_last_superuser:
            raise CommandError("This is the last active superuser.", returncode=BLOCKED)
        if dry_run:
            self.stdout.write("Nothing was erased: this was a dry run.")
            return
        self._erase(person)

    def _erase(self, person: erasure.Person) -> None:
        try:
            is_done = erasure.erase_person(person)
        except erasure.ErasureRejected as error:
            raise CommandError(f"Nothing was erased. {error}", returncode=BLOCKED) from error
        if not is_done:
            raise CommandError("Nothing was erased. This person is already erased.", returncode=UNKNOWN)
        # There is no user for an entry in the log of the admin.
        account = f"user {person.user.pk}" if person.user else "guest"
        logger.info("erase_person erased %s, billing profiles %s", account, list(person.profiles))
        self.stdout.write("The personal data has been erased.")
        if BillingProfile.objects.with_customer_to_delete().filter(pk__in=person.profiles).exists():
            self.stdout.write("The customer at Stripe is not deleted yet. reconcile will delete it.")


def _user(pk: int) -> erasure.Person:
    user = User.objects.filter(pk=pk).first()
    if user is None or user.is_erased:
        raise CommandError(f"There is no user with the id {pk}, or it is already erased.", returncode=UNKNOWN)
    return erasure.Person.of_user(user)


def _guest(numbers: list[str]) -> erasure.Person:
    """Return the guest of these orders. All of them must be orders of guests."""
    profiles: set[int] = set()
    for number in numbers:
        order = Order.objects.placed().filter(order_id=number).select_related("billing_profile").first()
        person = erasure.person_of_order(order) if order else None
        if person is None:
            raise CommandError(f"There is no order {number}, or its guest is already erased.", returncode=UNKNOWN)
        if person.user:
            raise CommandError(
                f"Order {number} belongs to an account. Use --user {person.user.pk}.", returncode=UNKNOWN
            )
        profiles.update(person.profiles)
    return erasure.Person.of_guest(profiles)
