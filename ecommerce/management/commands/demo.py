"""The `demo` command, which `make run` calls. It sets up and runs a complete shop until Ctrl-C."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from billing.checks import is_loopback

STAFF_EMAIL, STAFF_PASSWORD = "staff@shop.example", "staff-demo"
CARDS = {
    "4242 4242 4242 4242": "succeeds",
    "4000 0027 6000 3184": "requires 3-D Secure",
    "4000 0000 0000 0341": "is saved, then declined when charged",
    "4000 0000 0000 0002": "is declined when entered",
}
START_SECONDS, STOP_SECONDS = 60, 10
FIRST_PORT, LAST_PORT = 8000, 8099  # one of them is chosen if the command line names none


class Command(BaseCommand):
    """Prepare the database, the catalog and a staff account, then run the site and its background processes."""

    help = "Run the complete shop on this machine: site, Stripe simulator, worker and reconcile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, help=f"default: {FIRST_PORT}, or the next one that is free")

    def handle(self, *args: Any, host: str, port: int | None, **options: Any) -> None:
        port = self._choose_port(host) if port is None else port
        self._check_arguments(host, port)
        site_url = os.environ.get("SITE_URL") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        children: list[subprocess.Popen[bytes]] = []
        try:
            call_command("migrate", verbosity=0)
            call_command("seed", stdout=self.stdout)
            call_command("resize_pictures", stdout=self.stdout)  # data of an earlier version may lack some renditions
            environment = self._environment(site_url)
            _save_urls(site_url, environment.get("STRIPE_SIMULATOR_URL", settings.SIMULATOR_URL))
            for command in self._commands(host, port):
                children.append(_start(command, environment))
            self._wait_until_up(children, host, port)
            self._report(site_url, self._staff_password(host))
            if environment["TASK_ENGINE"] == "database":
                children.append(_start(["db_worker", "--queue-name", "*", "--no-reload"], environment))
            children.append(_start(["reconcile", "--every", "60"], environment))
            self._watch(children)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping the shop.")
        finally:
            _stop(children)

    def _check_arguments(self, host: str, port: int) -> None:
        if not settings.STRIPE_IS_REAL and not is_loopback(host):
            raise CommandError(
                f"Test payments are allowed only on this machine, but HOST={host} is reachable from others. "
                "Leave HOST at 127.0.0.1, or set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY to use Stripe itself."
            )
        if not 0 < port < 65536:
            raise CommandError(f"PORT={port} is not a valid port. Choose one from 1024 to 65535.")
        if problem := _bind_error(host, port):
            raise CommandError(
                f"Cannot listen on {host}, port {port} ({problem}). "
                f"Stop what uses it, or choose another port: make run PORT={port + 1 if port < 65535 else 8000}"
            )

    def _choose_port(self, host: str) -> int:
        """Return a free port. With a SITE_URL, always return the first one, because the URL would not match another."""
        if os.environ.get("SITE_URL"):
            return FIRST_PORT
        port = next((port for port in range(FIRST_PORT, LAST_PORT + 1) if not _bind_error(host, port)), FIRST_PORT)
        if port != FIRST_PORT:
            self.stdout.write(f"Port {FIRST_PORT} is taken, so this shop uses port {port}.")
        return port

    def _staff_password(self, host: str) -> str:
        """Create the staff account if needed and return its password for display.

        The default password is replaced if other machines can reach the shop. If staff changed the password, return a
        note that says so.
        """
        password = STAFF_PASSWORD if is_loopback(host) else secrets.token_urlsafe(12)
        user = User.objects.filter(email=STAFF_EMAIL).first()
        if user is None:
            User.objects.create_superuser(STAFF_EMAIL, password, name="Staff")
            return password
        if not user.check_password(STAFF_PASSWORD):
            return "(the password you set)"
        if not is_loopback(host):
            user.set_password(password)
            user.save()
        return password

    def _environment(self, site_url: str) -> dict[str, str]:
        """Return the current environment with the site URL, and with a free simulator port if its port is taken."""
        environment = {"PAGE_CACHE_DEFAULT": "on", "TASK_ENGINE": "database"} | os.environ
        environment |= {"SITE_URL": site_url, "DJANGO_RUNSERVER_HIDE_WARNING": "true"}
        simulator = urlsplit(settings.SIMULATOR_URL)
        if not settings.STRIPE_IS_REAL and _bind_error(simulator.hostname or "", simulator.port or 80):
            environment["STRIPE_SIMULATOR_URL"] = f"http://127.0.0.1:{_free_port()}"
        return environment

    def _commands(self, host: str, port: int) -> list[list[str]]:
        simulator = [] if settings.STRIPE_IS_REAL else [["stripe_simulator"]]
        return [*simulator, ["runserver", f"{host}:{port}"]]

    def _wait_until_up(self, children: "list[subprocess.Popen[bytes]]", host: str, port: int) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self._fail_if_ended(children)
            try:
                with opener.open(f"http://{host}:{port}/health/", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise CommandError(f"The shop did not start within {START_SECONDS} seconds.")

    def _fail_if_ended(self, children: "list[subprocess.Popen[bytes]]") -> None:
        for child in children:
            if child.poll() is not None:
                raise CommandError(f"{_command(child)} stopped. See its output above.")

    def _watch(self, children: "list[subprocess.Popen[bytes]]") -> None:
        """Wait while the site runs. If another process ends, report it and keep the site running."""
        site, *others = sorted(children, key=lambda child: _command(child) != "runserver")
        while True:
            self._fail_if_ended([site])
            for child in [child for child in others if child.poll() is not None]:
                self.stderr.write(
                    f"{_command(child)} stopped; the shop is still running. To restart it: manage.py {_command(child)}"
                )
                others.remove(child)
            time.sleep(0.5)

    def _report(self, site_url: str, password: str) -> None:
        lines = [
            "",
            f"  Shop         {site_url}/",
            f"  Admin        {site_url}/admin/",
            f"  Staff login  {STAFF_EMAIL}  {password}",
            f"  Emails       {mails}" if (mails := getattr(settings, "EMAIL_FILE_PATH", "")) else "",
        ]
        if settings.STRIPE_IS_REAL:
            lines += ["  Payments     Stripe, with your key"]
        else:
            lines += ["  Test cards   (any future date, any CVC; no real money)"]
            lines += [f"               {number}  {what}" for number, what in CARDS.items()]
        self.stdout.write("\n".join([line for line in lines if line] + ["", "  Ctrl-C stops everything.", ""]))
        self.stdout.flush()


def _command(child: "subprocess.Popen[bytes]") -> str:
    """Return the name of the management command that the process runs."""
    return str(list(child.args)[2])  # type: ignore[arg-type]


def _interrupt(*_args: object) -> None:
    raise KeyboardInterrupt


def _start(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a child process in a new session, so that Ctrl-C does not reach it directly and we can stop it in order."""
    manage = str(settings.BASE_DIR / "manage.py")
    return subprocess.Popen([sys.executable, manage, *command], env=environment, start_new_session=True)  # noqa: S603


def _stop(children: "list[subprocess.Popen[bytes]]") -> None:
    for child in reversed(children):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)  # the group includes the autoreloader's child process
    for child in children:
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)


def _save_urls(site_url: str, simulator_url: str) -> None:
    """Store the URLs for the other commands of this shop, which would otherwise use those of the first shop here.

    The file stays when the shop stops. Until the next start, commands then report that nothing answers.
    """
    urls = {"SITE_URL": site_url, "STRIPE_SIMULATOR_URL": simulator_url}
    settings.LAST_RUN_FILE.write_text(json.dumps(urls, indent=2) + "\n")


def _bind_error(host: str, port: int) -> str:
    """Return why the port cannot be bound, or an empty string if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
