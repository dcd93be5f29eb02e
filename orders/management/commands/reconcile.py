"""`manage.py reconcile`: once for cron, or every so many seconds."""

import logging
import sys
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from billing import answers
from orders.reconcile import BOOKS_OF, compare_books, reconcile, send_mails

logger = logging.getLogger(__name__)
MAIL_SECONDS = 5  # between two looks at the mails that wait
BOOKS_SECONDS = 3600  # between two comparisons with all of Stripe's books


class Command(BaseCommand):
    """Prints what it did; in a row of rounds only those that did something."""

    help = (
        "Settle payments, finish refunds, expire unpaid orders, send emails, and compare orders with the Stripe ledger."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--every", type=int, default=0, metavar="SECONDS", help="keep running, and repeat after this many seconds"
        )
        parser.add_argument(
            "--days", type=int, default=BOOKS_OF.days, help="how many days of the Stripe ledger to compare"
        )
        parser.add_argument(
            "--once",
            action="store_true",
            help="run once and exit (the default); exit code 1 if orders differ from Stripe",
        )

    def handle(self, *args: Any, every: int, days: int, **options: Any) -> None:
        self.books_of = timedelta(days=days)
        if not every:
            self._round(quiet=False)
            if not self._compare(quiet=False):
                sys.exit(1)
            return
        compared = float("-inf")
        while True:
            is_time = time.monotonic() - compared >= BOOKS_SECONDS
            compared = time.monotonic() if is_time else compared
            _guarded(lambda: self._round(quiet=True))
            if is_time:
                _guarded(lambda: self._compare(quiet=True))
            self._send_mails_for(every)

    def _round(self, quiet: bool) -> None:
        self._tell(reconcile(), quiet)

    def _compare(self, quiet: bool) -> bool:
        """Whether our books and Stripe's say the same."""
        try:
            done, left = compare_books(timezone.now() - self.books_of)
        except answers.GatewayError as error:
            self.stderr.write(f"Stripe did not answer, so orders could not be compared with its ledger: {error}")
            return False
        self._tell(done, quiet=True)
        for finding in left:
            self.stderr.write(str(finding))
        return not left

    def _tell(self, done: dict[str, int], quiet: bool) -> None:
        done = {what: number for what, number in done.items() if number}
        if done or not quiet:
            self.stdout.write(", ".join(f"{number} {what}" for what, number in done.items()) or "nothing to do")

    def _send_mails_for(self, seconds: float) -> None:
        """Until the next round mails go out as they come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(MAIL_SECONDS, left))
            _guarded(send_mails)


def _guarded(work: Any) -> None:
    """One bad round, such as a database away for a moment, is not the end."""
    close_old_connections()
    try:
        work()
    except Exception:
        logger.exception("this run failed")
