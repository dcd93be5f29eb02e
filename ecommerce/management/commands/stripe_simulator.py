"""The `stripe_simulator` command, which serves a stand-in for Stripe on this machine only."""

from __future__ import annotations

import signal
import sqlite3
import threading
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from stripe_simulator.server import Simulator


class Command(BaseCommand):
    """Command that serves the simulator until it is interrupted."""

    help = "Run a Stripe simulator on this machine, for the demo shop and for tests."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options. Their defaults come from the settings, so that the shop and the simulator agree."""
        api = urlsplit(settings.STRIPE_API_BASE or "")
        parser.add_argument("--host", default=api.hostname or "127.0.0.1")
        parser.add_argument("--port", type=int, default=api.port or 12112)
        parser.add_argument(
            "--state",
            default=settings.STRIPE_SIMULATOR_STATE,
            help="SQLite file for the state; empty to keep it in memory",
        )
        parser.add_argument("--webhook-url", default=settings.SITE_URL.rstrip("/") + reverse("billing:webhook"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM."""
        simulator = self._create_simulator(options)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        simulator.start()
        self.stdout.write(f"Stripe simulator: {simulator.url}, webhooks to {simulator.webhook_url or 'nowhere'}")
        self.stdout.flush()
        stopped.wait()
        simulator.stop()

    def _create_simulator(self, options: dict[str, Any]) -> Simulator:
        """Return a new simulator. Raise CommandError with the reason if it cannot be created."""
        host, port, webhook_url = options["host"], options["port"], options["webhook_url"]
        state = str(options["state"] or "") or None
        try:
            return Simulator(host, port, state, webhook_url, settings.STRIPE_WEBHOOK_SECRET, _account())
        except ValueError as error:
            raise CommandError(str(error)) from error
        except sqlite3.Error as error:
            raise CommandError(f"Cannot store the state in {options['state']}: {error}.") from error
        except (OSError, OverflowError) as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error}. Choose another with --port.") from error


def _account() -> str:
    """Return the part of this shop's keys that the default keys of another shop do not have, or an empty string."""
    _kind, _test, account = str(settings.STRIPE_SECRET_KEY).partition("_test_")
    return account if account.startswith("simulator") else ""
