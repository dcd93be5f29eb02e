"""`manage.py reconcile`: once for cron, or every so many seconds."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from orders.reconcile import reconcile

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Prints what it did; in a row of rounds only those that did something."""

    help = "Settle payments, expire unpaid orders and send mails that something interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=int, default=0, metavar="SECONDS", help="stay, and do it again and again")
        parser.add_argument("--once", action="store_true", help="do it once and end (the default)")

    def handle(self, *args: Any, every: int, **options: Any) -> None:
        if not every:
            self._round(quiet=False)
        while every:
            close_old_connections()
            try:
                self._round(quiet=True)
            except Exception:  # one bad round, such as a database away for a moment, is not the end
                logger.exception("this round failed")
            time.sleep(every)

    def _round(self, quiet: bool) -> None:
        done = {what: number for what, number in reconcile().items() if number}
        if done or not quiet:
            self.stdout.write(", ".join(f"{number} {what}" for what, number in done.items()) or "nothing to do")
