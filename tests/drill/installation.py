"""The whole installation: nginx, two web servers, a worker, reconcile, PostgreSQL, Redis and the simulator."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.drill.managed import Managed
from tests.ports import free_port
from tests.postgres_server import NO_POSTGRESQL, PostgresServer, find_programs
from tests.shipped_nginx import configure, wait_until_listening
from tests.shipped_shop import ROOT, ShippedShop

# The simulator delivers webhooks without TLS.
WEBHOOK = """
server {{
    listen 127.0.0.1:{webhook};
    location = /billing/webhook/ {{
        proxy_set_header Host {host};
        proxy_set_header X-Forwarded-For 127.0.0.1;
        proxy_set_header X-Forwarded-Proto https;
        proxy_pass http://shop;
    }}
}}
"""


@dataclass(frozen=True)
class Installation:
    """A running installation."""

    url: str
    certificate: Path
    database: str
    shop: ShippedShop
    simulator: str
    parts: dict[str, Managed]

    def manage(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command. Return its exit code and output."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command], env=self.shop.environment(), capture_output=True,
            text=True,
        )  # fmt: skip

    def products(self) -> list[tuple[int, str]]:
        """Return the id and the path of products that many shoppers can buy."""
        wanted = "SELECT id, slug FROM products_product WHERE active AND (stock IS NULL OR stock > 20) ORDER BY id"
        with psycopg.connect(self.database) as connection:
            return [(pk, f"/products/{slug}/") for pk, slug in connection.execute(wanted).fetchall()]


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """Install everything in the folder and run it inside the context."""
    folder.chmod(0o755)  # for the user of PostgreSQL
    programs = find_programs()
    assert programs, NO_POSTGRESQL
    for name in ("postgres", "var", "mail", "nginx"):
        (folder / name).mkdir()
    postgres = PostgresServer(programs, folder / "postgres")
    ports = {name: free_port() for name in ("Redis", "simulator", "web 1", "web 2", "https", "http", "webhook")}
    ports |= {"PostgreSQL": postgres.port, "nginx": ports["https"]}
    shop = ShippedShop(folder / "var", ports["web 1"], _variables(folder, ports, postgres.url))
    parts: dict[str, Managed] = {}
    with ExitStack() as stack:

        def run(name: str, command: list[Any], environment: dict[str, str] | None = None, **options: Any) -> None:
            log = folder / f"{name.replace(' ', '-')}.log"
            managed = Managed(name, [str(part) for part in command], log, environment, **options)
            parts[name] = stack.enter_context(managed.running())
            if name in ports:
                try:
                    wait_until_listening(ports[name])
                except AssertionError:
                    raise AssertionError(f"{name} does not start: {log.read_text()[-2000:]}") from None

        run("PostgreSQL", postgres.command())
        run("Redis", [shutil.which("redis-server"), "--bind", "127.0.0.1", "--port", ports["Redis"], "--save", ""])
        shop.install()
        shop.manage("seed", "--products", "200")
        servers = [f"127.0.0.1:{ports[name]}" for name in ("web 1", "web 2")]
        nginx = configure(folder / "nginx", shop, servers, ports["http"], ports["https"])
        with (folder / "nginx" / "shop.conf").open("a") as configuration:
            configuration.write(WEBHOOK.format(**ports, host=f"localhost:{ports['https']}"))
        certificate = folder / "nginx" / "fullchain.pem"
        manage = [sys.executable, ROOT / "manage.py"]
        webhook = f"http://127.0.0.1:{ports['webhook']}/billing/webhook/"
        run("simulator", [*manage, "stripe_simulator", "--webhook-url", webhook], shop.environment())
        for name, server in zip(("web 1", "web 2"), servers, strict=True):
            # As systemd does with deploy/shop-web@.socket, keep the port open while the server restarts.
            listener = stack.enter_context(socket.create_server(("127.0.0.1", ports[name]), backlog=2048))
            files = {"pass_fds": [listener.fileno()], "cwd": ROOT}
            run(name, with_socket(listener.fileno()), shop.environment(WEB_BIND=server, WEB_CONCURRENCY="1"), **files)
        run("worker", [*manage, "db_worker", "--queue-name", "*"], shop.environment())
        run("reconcile", [*manage, "reconcile", "--every", "20"], shop.environment())
        run("nginx", nginx)
        simulator = shop.variables["STRIPE_SIMULATOR_URL"]
        yield Installation(shop.variables["SITE_URL"], certificate, postgres.url, shop, simulator, parts)


def with_socket(number: int) -> list[str]:
    """Return the command that runs gunicorn on this open socket."""
    passed = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{number}'
    return ["bash", "-c", passed, "bash", sys.executable, "-m", "gunicorn"]


def _variables(folder: Path, ports: dict[str, int], database: str) -> dict[str, str]:
    """Return the settings of the shop."""
    return {
        "SITE_URL": f"https://localhost:{ports['https']}", "ALLOWED_HOSTS": "localhost", "TRUSTED_PROXIES": "1",
        "DATABASE_URL": database, "CACHE_URL": f"redis://127.0.0.1:{ports['Redis']}/0", "TASK_ENGINE": "database",
        "STRIPE_SECRET_KEY": "sk_test_simulator_drill", "STRIPE_PUBLISHABLE_KEY": "", "STRIPE_WEBHOOK_SECRET": "",
        "STRIPE_API_BASE": "", "STRIPE_SIMULATOR_URL": f"http://127.0.0.1:{ports['simulator']}",
        "SUPPORT_EMAIL": "support@shop.test", "DEFAULT_FROM_EMAIL": "orders@shop.test",
        "EMAIL_URL": f"filemail:///{folder / 'mail'}",
    }  # fmt: skip
