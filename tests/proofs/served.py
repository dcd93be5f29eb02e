"""The shop as it is run in production, gunicorn with its workers, on a test's own database and simulator."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from stripe_simulator.server import Simulator
from tests.proofs.abused_shop import SECRET_KEY
from tests.proofs.attacker import HUNG_UP, Answer, Attacker

MANY = str(10**6)


@dataclass
class Server:
    """Where it listens, and its master process."""

    port: int
    master: int

    def workers(self) -> list[int]:
        """The processes that answer."""
        path = Path(f"/proc/{self.master}/task/{self.master}/children")
        return [int(number) for number in path.read_text().split()]

    def kill_one(self, dice: Random) -> bool:
        """A worker dies in the middle of whatever it does; the master starts another."""
        if workers := self.workers():
            with suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
                return True
        return False


class Person(Attacker):
    """Somebody who presses again when the page does not come."""

    tries = 8

    def send(self, *args: Any, **kwargs: Any) -> Answer:
        """One request, repeated while the server hangs up."""
        for _try in range(self.tries):
            with suppress(HTTPException):  # the server died while it answered
                answer = super().send(*args, **kwargs)
                if answer.status != HUNG_UP:
                    return answer
        raise AssertionError(f"hung up {self.tries} times")


def database_url() -> str:
    """The test's own database, for other processes."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextmanager
def served(folder: Path, simulator: Simulator, workers: int, threads: int) -> Iterator[Server]:
    """The running shop."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.proofs.abuse_settings", "DEBUG": "off", "LOG_LEVEL": "CRITICAL",
            "SECRET_KEY": SECRET_KEY, "SITE_URL": f"http://127.0.0.1:{port}", "ALLOWED_HOSTS": "127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_tests", "STRIPE_PUBLISHABLE_KEY": "pk_test_tests",
            "STRIPE_WEBHOOK_SECRET": "whsec_tests", "STRIPE_API_BASE": simulator.url,
            "VAR_DIR": str(folder), "DATABASE_URL": database_url(), "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        environment |= {f"CARD_TRIES_{scope}": MANY for scope in ("PROFILE", "SESSION", "ADDRESS", "SHOP")}
        command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--preload", "--no-control-socket"]
        command += ["--threads", str(threads), "--workers", str(workers), "--graceful-timeout", "2"]
        command += ["--bind", f"fd://{door.fileno()}", "--log-level", "critical", "ecommerce.wsgi"]
        with subprocess.Popen(command, env=environment, pass_fds=[door.fileno()]) as master:
            door.close()
            try:
                assert Attacker(port).get("/health/").status == 200
                yield Server(port, master.pid)
            finally:
                master.terminate()
