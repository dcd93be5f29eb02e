"""The shop as it is installed on a server: with a database and static files of its own, run by the shipped files."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from django.conf import settings

from tests.proofs.hostile_client import Attacker, Response

ROOT = Path(settings.BASE_DIR)
START_SECONDS = 60


@dataclass(frozen=True)
class ShippedShop:
    """An installation: the folder for its data, and the port of its web server."""

    folder: Path
    port: int
    variables: dict[str, str] = field(default_factory=dict)  # in addition to those of every installation

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of its processes. No test calls Stripe."""
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "ecommerce.settings", "DEBUG": "off",
            "SECRET_KEY": "of-a-shipped-shop-" + "k" * 50, "SITE_URL": f"http://127.0.0.1:{self.port}",
            "ALLOWED_HOSTS": "127.0.0.1", "PYTHONWARNINGS": "ignore",
            "STRIPE_SECRET_KEY": "sk_test_shipped", "STRIPE_PUBLISHABLE_KEY": "pk_test_shipped",
            "STRIPE_WEBHOOK_SECRET": "whsec_shipped", "STRIPE_API_BASE": "http://127.0.0.1:9",
            "VAR_DIR": str(self.folder), "DATABASE_URL": f"sqlite:///{self.folder / 'shop.sqlite3'}",
            "WEB_BIND": f"127.0.0.1:{self.port}",
        } | self.variables | variables  # fmt: skip

    def fetch(self, path: str, **headers: str) -> Response:
        """Return the response of gunicorn. In the name of a header, write _ for -."""
        return Attacker(self.port).get(path, **headers)

    def manage(self, *command: str, **variables: str) -> None:
        """Run a management command."""
        environment = self.environment(**variables)
        subprocess.run([sys.executable, ROOT / "manage.py", *command], env=environment, check=True)

    def install(self) -> None:
        """Create the tables and collect the static files."""
        self.manage("migrate", "-v", "0")
        self.manage("collectstatic", "--noinput", "-v", "0")

    @property
    def log(self) -> Path:
        """The file with the output of the web server."""
        return self.folder / f"{self.port}.log"

    @contextmanager
    def running(
        self, *options: str, listener: socket.socket | None = None, **variables: str
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """Run the web server inside the context, with these options in addition to gunicorn.conf.py.

        If there is a `listener`, pass it as systemd does.
        """
        command, files = [sys.executable, "-m", "gunicorn", *options], []
        if listener:
            files = [listener.fileno()]
            command = ["bash", "-c", f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{files[0]}', "bash", *command]
        with (
            self.log.open("wb") as output,
            subprocess.Popen(
                command, cwd=ROOT, env=self.environment(**variables), stdout=output, stderr=output, pass_fds=files
            ) as server,
        ):
            try:
                wait_until_answered(server, self.port, self.log)
                yield server
            finally:
                server.terminate()


def wait_until_answered(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until a server answers on this port. Fail with its log if it ends or does not answer."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            except OSError:
                time.sleep(0.05)
            else:
                return
    raise AssertionError(f"nothing answers on port {port}: {log.read_text()[-2000:]}")
