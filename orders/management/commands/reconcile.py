"""The `reconcile` command: runs once, for cron, or repeatedly at an interval."""

import logging
import sys
import time
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from billing import answers, gateway
from orders.bookkeeping.pruning import prune
from orders.bookkeeping.reconcile import LEDGER_PERIOD, compare_with_stripe, reconcile, send_emails

logger = logging.getLogger(__name__)
EMAIL_SECONDS = 5  # between two checks for waiting email messages
LEDGER_SECONDS = 3600  # between two comparisons with the Stripe ledger, and until old rows are deleted again


class Command(BaseCommand):
    """Prints what was done. With --every, it prints only the rounds that did something."""

    is_more_to_prune = False

    help = (
        "Settle payments, finish refunds, expire unpaid orders, send emails, delete old rows, and compare orders with "
        "the Stripe ledger."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--every", type=int, default=0, metavar="SECONDS", help="keep running, and repeat after this many seconds"
        )
        parser.add_argument(
            "--days", type=int, default=LEDGER_PERIOD.days, help="how many days of the Stripe ledger to compare"
        )
        parser.add_argument(
            "--once",
            action="store_true",
            help="run once and exit (the default); exit code 1 if orders differ from Stripe",
        )

    def handle(self, *args: Any, every: int, days: int, **options: Any) -> None:
        self.ledger_period = timedelta(days=days)
        if not every:
            self._round(quiet=False, is_prune_due=True)
            if not self._compare(quiet=False):
                sys.exit(1)
            return
        compared = float("-inf")
        while True:
            is_time = time.monotonic() - compared >= LEDGER_SECONDS
            compared = time.monotonic() if is_time else compared
            _guarded(partial(self._round, quiet=True, is_prune_due=is_time or self.is_more_to_prune))
            if is_time:
                _guarded(lambda: self._compare(quiet=True))
            self._send_emails_for(every)

    def _round(self, quiet: bool, is_prune_due: bool) -> None:
        """Run one round. Old rows that are left after pruning are deleted in the next round."""
        done = reconcile()
        if is_prune_due:
            pruned, self.is_more_to_prune = prune()
            done |= pruned
        self._report(done, quiet)

    def _compare(self, quiet: bool) -> bool:
        """Return True if our rows agree with the Stripe ledger, False if they differ or Stripe does not answer."""
        try:
            done, left = compare_with_stripe(timezone.now() - self.ledger_period)
        except answers.GatewayError as error:
            name = gateway.server_name()
            self.stderr.write(f"{name} did not answer, so orders could not be compared with its ledger: {error}")
            return False
        self._report(done, quiet=True)
        for finding in left:
            self.stderr.write(str(finding))
        return not left

    def _report(self, done: dict[str, int], quiet: bool) -> None:
        done = {label: number for label, number in done.items() if number}
        if done or not quiet:
            self.stdout.write(", ".join(f"{number} {label}" for label, number in done.items()) or "nothing to do")

    def _send_emails_for(self, seconds: float) -> None:
        """Send waiting email messages until the next round."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(EMAIL_SECONDS, left))
            _guarded(send_emails)


def _guarded(work: Any) -> None:
    """Call `work` and log its exceptions, so that a short database outage does not end the command."""
    close_old_connections()
    try:
        work()
    except Exception:
        logger.exception("this run failed")
