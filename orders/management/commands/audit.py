"""The `audit` command: checks all rows against the invariants of docs/money.md and the Stripe ledger."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing import answers, gateway
from billing.stripe_calls import time_limits
from orders.bookkeeping.audit import audit
from orders.bookkeeping.audits.findings import without_busy_orders


class Command(BaseCommand):
    """Prints one sentence for each audit finding and changes nothing.

    The exit code is 0 for a healthy shop, 1 with findings and 2 if Stripe does not answer.
    """

    help = "Check the database, and compare it with the Stripe ledger. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--without-stripe", action="store_true", help="check only the database")

    def handle(self, *args: Any, without_stripe: bool, **options: Any) -> None:
        began = timezone.now()
        try:
            with time_limits.long_timeouts():
                found = without_busy_orders(audit(with_stripe=not without_stripe), began)
        except answers.GatewayError as error:
            raise CommandError(f"{gateway.server_name()} did not answer: {error}", returncode=2) from error
        for finding in found:
            self.stdout.write(str(finding))
        self.stdout.write(f"{len(found)} audit findings." if found else "No audit findings.")
        if found:
            sys.exit(1)
