"""Run the drill and print what happened. `make drill` calls this module. It takes about ten minutes."""

import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
django.setup()  # for the makers of tests

from tests.drill import verdict  # noqa: E402
from tests.drill.installation import Installation, installed  # noqa: E402
from tests.drill.shoppers import Record, shop_until  # noqa: E402
from tests.drill.verdict import Disturbance  # noqa: E402

CLIENTS, MINUTES = 4, 5.0
SETTLE_SECONDS = 130  # after which reconcile settles attempts whose response was lost


class Drill:
    """A drill on an installation: shoppers in threads, and disturbances one after the other."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.record = installation, Record()
        self.disturbances: list[Disturbance] = []
        self._start = time.monotonic()

    def clock(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._start

    def disturb(self, kind: str, part: str, act: Callable[[], None], pause: float) -> None:
        """Do something to a part, and then let the shop run undisturbed for so many seconds."""
        began = self.clock()
        act()
        self.disturbances.append(Disturbance(kind, part, began, self.clock()))
        sys.stdout.write(f"{began:6.1f} s  {kind} {part}\n")
        sys.stdout.flush()
        time.sleep(pause)

    def lock_row(self, seconds: float) -> None:
        """Lock the row of a product that shoppers buy, as a session of psql that somebody forgot."""
        product, _path = self.installation.products()[0]
        with psycopg.connect(self.installation.database) as connection:
            connection.execute("SELECT id FROM products_product WHERE id = %s FOR UPDATE", [product])
            time.sleep(seconds)

    def run(self) -> None:
        """Let the clients shop, disturb each part in turn, and wait until the last order has an end."""
        is_over = threading.Event()
        products = self.installation.products()[:20]
        options = (self.installation.url, self.installation.certificate, products, self.record, self.clock)
        threads = [
            threading.Thread(target=shop_until, args=(is_over, number, *options), daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            self._disturb_all()
            time.sleep(max(0.0, MINUTES * 60 - self.clock()))
        finally:
            is_over.set()
            for thread in threads:
                thread.join(120)

    def _disturb_all(self) -> None:
        parts = self.installation.parts
        time.sleep(10)
        for name in ("web 1", "web 2", "worker", "reconcile", "nginx", "simulator", "Redis"):
            self.disturb("kill", name, parts[name].kill, 8)
        self.disturb("freeze", "Redis", lambda: parts["Redis"].freeze(15), 6)
        self.disturb("restart", "PostgreSQL", lambda: parts["PostgreSQL"].signal(signal.SIGINT, to_all=False), 15)
        self.disturb("kill", "PostgreSQL", parts["PostgreSQL"].kill, 15)
        self.disturb("freeze", "PostgreSQL", lambda: parts["PostgreSQL"].freeze(20), 12)
        self.disturb("lock", "a product", lambda: self.lock_row(30), 8)
        self.disturb("freeze", "simulator", lambda: parts["simulator"].freeze(20), 10)
        for name in ("web 1", "web 2", "worker"):
            self.disturb("kill", name, parts[name].kill, 6)


def judge(drill: Drill) -> list[str]:
    """Return a sentence for each thing that must not have happened."""
    installation, record = drill.installation, drill.record
    reconciled = installation.manage("reconcile")
    audited = installation.manage("audit")
    found = [f"the drill itself failed: {error}" for error in record.errors]
    found += [f"lost order: {order}" for order in verdict.lost_orders(installation, record)]
    found += [f"charged twice: {order}" for order in verdict.double_charges(installation)]
    found += list(verdict.unexcused(record, drill.disturbances))
    found += list(verdict.slow_pages(record, drill.disturbances))
    if reconciled.returncode or audited.returncode:
        found.append(f"after one reconcile: {reconciled.stdout}{reconciled.stderr}{audited.stdout}{audited.stderr}")
    if unsent := verdict.unsent_confirmations(installation):
        found.append(f"{unsent} paid orders have no confirmation")
    if len(record.paid) < 10:
        found.append(f"only {len(record.paid)} orders were paid, so little was tried")
    return found


def main() -> bool:
    """Run the drill. Return whether nothing was found."""
    with tempfile.TemporaryDirectory(prefix="drill-") as name, installed(Path(name)) as installation:
        drill = Drill(installation)
        drill.run()
        time.sleep(SETTLE_SECONDS)
        report(drill)
        found = judge(drill)
    for text, number in Counter(found).most_common(60):
        sys.stdout.write(f"PROBLEM, {number} times: {text}\n")
    sys.stdout.write(f"{len(found)} problems\n")
    return not found


def report(drill: Drill) -> None:
    """Print what the shoppers saw."""
    answers = drill.record.answers
    statuses = Counter(answer.status or "none" for answer in answers)
    sys.stdout.write(f"{len(answers):,} responses: {dict(statuses)}\n")
    sys.stdout.write(f"{len(drill.record.placed)} orders placed, {len(drill.record.paid)} paid\n")
    slowest = max((a.seconds for a in answers if a.is_catalog), default=0.0)
    sys.stdout.write(f"slowest page of the catalog: {slowest:.1f} s\n")


if __name__ == "__main__":
    sys.exit(not main())
