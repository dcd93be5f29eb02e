"""Starts and stops the servers: the shop as in production, the bare site and the Stripe simulator."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.client import exchange, make_request, status_of
from tests.bench.options import ROOT
from tests.bench.processes import children_of, start

WORKERS = 2
START_SECONDS, STOP_SECONDS = 300, 10
INSTANT = {"DJANGO_SETTINGS_MODULE": "tests.bench.instant_settings"}  # for a server that does not call Stripe
SHOP, COUNTING, BASELINE = "ecommerce.wsgi", "tests.bench.counting_wsgi", "tests.bench.baseline.wsgi"
HEALTH = {SHOP: "/health/", COUNTING: "/health/", BASELINE: "/products/"}
SECRET_KEY = "of-the-measured-shop-" + "k" * 50
UNLIMITED = str(10**6)
COMMAND_PORT = 8000  # of the URL that commands write into texts; nothing listens there
Environment = dict[str, str]


@dataclass
class Server:
    """A running server: the name of its column, its port, and the master process if we started it."""

    name: str
    port: int
    master: int | None = None
    log: Path = field(default=Path("/dev/null"))

    def workers(self) -> list[int]:
        """Return the ids of the worker processes, or an empty list if another program started them."""
        return children_of(self.master) if self.master else []


@dataclass(frozen=True)
class Site:
    """A shop with its data: what all its processes find in the environment."""

    folder: Path
    database_url: str
    stripe_port: int

    def environment(self, port: int) -> Environment:
        """Return the environment variables of production for a server on this port."""
        keys = {f"STRIPE_{name}": f"{prefix}_test_bench" for name, prefix in _KEYS.items()}
        tries = {f"CARD_TRIES_{scope}": UNLIMITED for scope in ("PROFILE", "SESSION", "ADDRESS", "SHOP", "NO_ORDER")}
        tries |= {f"LIMIT_{name}": UNLIMITED for name in ("STRIPE_CALLS", "GUESTS_ADDRESS", "GUESTS_SESSION")}
        # A server of production does not compile its modules at each start.
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return own | keys | tries | {
            "DEBUG": "off", "SECRET_KEY": SECRET_KEY, "SITE_URL": f"http://127.0.0.1:{port}", "LOG_LEVEL": "ERROR",
            "ALLOWED_HOSTS": "127.0.0.1", "STRIPE_WEBHOOK_SECRET": "whsec_bench", "VAR_DIR": str(self.folder),
            "STRIPE_API_BASE": f"http://127.0.0.1:{self.stripe_port}", "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "ecommerce.settings", "PYTHONWARNINGS": "ignore",
        }  # fmt: skip

    def manage(self, *command: str) -> str:
        """Run a management command and return its output. Raise RuntimeError if it fails."""
        arguments = [sys.executable, str(ROOT / "manage.py"), *command]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with start(arguments, env=self.environment(COMMAND_PORT), cwd=ROOT, **pipes) as process:
            try:
                output, errors = process.communicate()
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise RuntimeError(f"manage.py {' '.join(command)} failed:\n{errors[-2000:]}")
        return str(output)

    def prepare(self, products: int) -> None:
        """Create the tables, the static files and this many generated products."""
        self.manage("migrate", "-v", "0")
        self.manage("collectstatic", "--noinput", "-v", "0")
        self.manage("seed", "--products", str(products))

    def unlimited_product(self) -> str:
        """Return the slug of a product that never sells out."""
        query = "Product.objects.active().filter(stock=None).latest('pk').slug"
        return self.manage("shell", "-v", "0", "-c", f"from products.models import Product; print({query})").strip()


_KEYS = {"SECRET_KEY": "sk", "PUBLISHABLE_KEY": "pk"}


@contextmanager
def running_shop(
    site: Site, name: str, workers: int = WORKERS, application: str = SHOP, **variables: str
) -> Iterator[Server]:
    """Run the shop with gunicorn's sync workers. `application` is SHOP or COUNTING."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        environment = site.environment(listener.getsockname()[1]) | variables
        with _running(name, application, listener, environment, site.folder, workers) as server:
            yield server


@contextmanager
def running_baseline(site: Site, workers: int = WORKERS) -> Iterator[Server]:
    """Run the bare site with the same database and the same workers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.bench.baseline.settings", "DATABASE_URL": site.database_url
        }  # fmt: skip
        with _running("baseline", BASELINE, listener, environment, site.folder, workers) as server:
            yield server


@contextmanager
def running_simulator(folder: Path, port: int) -> Iterator[None]:
    """Run the Stripe simulator. It sends no webhooks, and its processor time is not counted."""
    environment = Site(folder, f"sqlite:///{folder / 'unused.sqlite3'}", port).environment(COMMAND_PORT)
    command = ["stripe_simulator", "--port", str(port), "--state", "", "--webhook-url", ""]
    log = folder / "simulator.log"
    with _child([sys.executable, str(ROOT / "manage.py"), *command], environment, log) as process:
        _wait_until_answered(process, port, "/", log)
        yield


@contextmanager
def _running(
    name: str, module: str, listener: socket.socket, environment: Environment, folder: Path, workers: int
) -> Iterator[Server]:
    port, log = listener.getsockname()[1], folder / f"{name}-{listener.getsockname()[1]}.log"
    command = [sys.executable, "-m", "gunicorn", "-c", "python:tests.bench.gunicorn_options"]
    command += ["--workers", str(workers), "--bind", f"fd://{listener.fileno()}", module]
    with _child(command, environment, log, listener.fileno()) as process:
        listener.close()  # Only the server holds the socket, so that requests fail if it stops.
        _wait_until_answered(process, port, HEALTH[module], log)
        yield Server(name, port, process.pid, log)


@contextmanager
def _child(
    command: list[str], environment: Environment, log: Path, *descriptors: int
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a process in a separate session, so that Ctrl-C does not reach it, and stop it and its children."""
    with log.open("ab") as output:
        process = start(
            command, env=environment, cwd=ROOT, stdout=output, stderr=output, start_new_session=True,
            pass_fds=descriptors,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_answered(process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
    """Wait until a server answers with any status. Raise RuntimeError with its log if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            if status_of(exchange(port, make_request(port, path))):
                return
        time.sleep(0.02)
    raise RuntimeError(f"The server on port {port} did not start:\n{log.read_text(errors='replace')[-2000:]}")
