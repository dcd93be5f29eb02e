"""The shop as in production, gunicorn with its workers, on a test's database and simulator."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from stripe_simulator.server import Simulator
from tests.proofs.abuse_server import GUNICORN, SECRET_KEY
from tests.proofs.hostile_client import NO_RESPONSE, Attacker, Response

UNLIMITED = str(10**6)


@dataclass
class Server:
    """A running gunicorn server: its port and its master process."""

    port: int
    master: int

    def workers(self) -> list[int]:
        """Return the ids of the worker processes."""
        path = Path(f"/proc/{self.master}/task/{self.master}/children")
        return [int(number) for number in path.read_text().split()]

    def kill_one(self, random: Random) -> bool:
        """Kill a random worker; the master starts a new one. Return False if there was no worker to kill."""
        if workers := self.workers():
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)
                return True
        return False


class RetryingVisitor(Attacker):
    """A visitor who repeats a request that gets no response."""

    tries = 8
    answered: ClassVar[int] = 0  # responses of the server to all visitors

    def send(self, *args: Any, **kwargs: Any) -> Response:
        """Send a request and repeat it while the server closes the connection. Fail after `tries` requests."""
        for _try in range(self.tries):
            with suppress(HTTPException):  # the server died during the response
                response = super().send(*args, **kwargs)
                if response.status != NO_RESPONSE:
                    RetryingVisitor.answered += 1
                    return response
        raise AssertionError(f"no response to {self.tries} requests")


def database_url() -> str:
    """Return the URL of the test's database, for other processes."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextmanager
def running_server(
    folder: Path, simulator: Simulator, workers: int, threads: int, **variables: str
) -> Iterator[Server]:
    """Run the shop inside the context, with further variables in its environment."""
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        port = server_socket.getsockname()[1]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.proofs.abuse_settings", "DEBUG": "off", "LOG_LEVEL": "CRITICAL",
            "SECRET_KEY": SECRET_KEY, "SITE_URL": f"http://127.0.0.1:{port}", "ALLOWED_HOSTS": "127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_tests", "STRIPE_PUBLISHABLE_KEY": "pk_test_tests",
            "STRIPE_WEBHOOK_SECRET": "whsec_tests", "STRIPE_API_BASE": simulator.url,
            "VAR_DIR": str(folder), "DATABASE_URL": database_url(), "PYTHONWARNINGS": "ignore",
        }  # fmt: skip
        environment |= {f"CARD_TRIES_{name.upper()}": UNLIMITED for name in settings.CARD_TRIES}
        environment |= {f"LIMIT_{name.upper()}": UNLIMITED for name in settings.REQUEST_LIMITS}
        environment |= variables
        command = [*GUNICORN, "--threads", str(threads), "--workers", str(workers)]
        command += ["--bind", f"fd://{server_socket.fileno()}", "--log-level", "critical"]
        with subprocess.Popen(command, env=environment, pass_fds=[server_socket.fileno()]) as master:
            server_socket.close()
            try:
                assert Attacker(port).get("/health/").status == 200
                yield Server(port, master.pid)
            finally:
                master.terminate()
