"""`manage.py reconcile`: once for cron, or every so many seconds."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.reconcile import reconcile


class Command(BaseCommand):
    """Prints what it did; in a row of rounds only those that did something."""

    help = "Settle payments, expire unpaid orders and send mails that something interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=int, default=0, metavar="SECONDS", help="stay, and do it again and again")
        parser.add_argument("--once", action="store_true", help="do it once and end (the default)")

    def handle(self, *args: Any, every: int, **options: Any) -> None:
        while True:
            done = {what: number for what, number in reconcile().items() if number}
            if done or not every:
                self.stdout.write(", ".join(f"{number} {what}" for what, number in done.items()) or "nothing to do")
            if not every:
                return
            time.sleep(every)
