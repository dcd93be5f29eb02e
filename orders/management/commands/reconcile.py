"""The `reconcile` command: runs once, for cron, or repeatedly at an interval."""

import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from billing import answers, gateway
from core.background.models import last_finished
from core.background.tasks import has_workers, start
from orders.bookkeeping import runs, tasks
from orders.bookkeeping.pruning import PRUNE, prune, run_pruning
from orders.bookkeeping.reconcile import (
    LEDGER_PERIOD,
    RECONCILE,
    compare_with_stripe,
    reconcile,
    run_round,
    send_emails,
)

logger = logging.getLogger(__name__)
EMAIL_SECONDS = 5  # between two checks for waiting email messages
ALONE_FOR = timedelta(hours=1)
LEDGER_SECONDS = 3600  # between two comparisons with the Stripe ledger, and until old rows are deleted again


class Command(BaseCommand):
    """Prints what was done. With --every, it prints only the rounds that did something."""

    is_more_to_prune = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.handed_over: dict[str, datetime] = {}  # when the workers got a run, by its name
        self.alone_until: dict[str, datetime] = {}

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
        if every:
            self._repeat(every)
        elif not self._run_once():
            sys.exit(1)

    def _run_once(self) -> bool:
        """Run once. Return False if our rows differ from the Stripe ledger or Stripe does not answer."""
        with runs.begin(RECONCILE) as run:
            if run is None:
                self.stdout.write("Another run is at work.")
                return True
            self._report(reconcile() | prune()[0], quiet=False)
            agrees = run.has_time and self._compare(quiet=False)  # what was not compared is not known to agree
            if run.is_cut:
                self.stdout.write("The time of this run is over. The next run goes on.")
        return agrees

    def _repeat(self, every: int) -> None:
        """Run rounds until the process is stopped. Prune and compare with the Stripe ledger once an hour."""
        compared = float("-inf")
        while True:
            is_time = time.monotonic() - compared >= LEDGER_SECONDS
            compared = time.monotonic() if is_time else compared
            self._hand_over(RECONCILE, tasks.reconcile, self._round)
            if is_time or self.is_more_to_prune:
                self._hand_over(PRUNE, tasks.prune, self._prune)
            if is_time:
                _guarded(partial(self._compare, quiet=True))
            self._send_emails_for(every)

    def _hand_over(self, name: str, task: Any, work: Callable[[], None]) -> None:
        """Leave this run to the workers. If they have not finished the last one, do the runs of the next hour here."""

        def hand_over() -> None:
            now, last = timezone.now(), self.handed_over.pop(name, None)
            if last and (last_finished(name) or last) <= last:
                self.alone_until[name] = now + ALONE_FOR
            if has_workers() and now >= self.alone_until.get(name, now):
                self.handed_over[name] = now
                self.is_more_to_prune = self.is_more_to_prune and name != PRUNE
                start(task)
            else:
                work()

        _guarded(hand_over)

    def _round(self) -> None:
        self._report(run_round() or {}, quiet=True)

    def _prune(self) -> None:
        """Delete old rows. Those that are left are deleted in the next round."""
        pruned, self.is_more_to_prune = run_pruning() or ({}, False)
        self._report(pruned, quiet=True)

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
