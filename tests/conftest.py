"""Fixtures for the browser tests, and a Redis server."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conftest import skip_unless_ci
from stripe_simulator.server import Simulator


@pytest.fixture
def shop(live_server: Any, simulator: Simulator, settings: Any) -> Iterator[str]:
    """Return the URL of the live server. The simulator sends it webhooks, as Stripe does."""
    settings.SITE_URL = live_server.url
    simulator.webhook_url = f"{live_server.url}/billing/webhook/"
    yield live_server.url
    assert simulator.wait_for_deliveries()


@pytest.fixture
def new_shopper(chromium: Any, shop: str, simulator: Simulator) -> Iterator[Callable[..., Any]]:
    """Return a factory of shoppers.

    Fail at the end if a shopper saw an error, a request to another host, or Stripe's script outside payment pages.
    """
    from tests.browser import Shopper

    shoppers: list[Shopper] = []

    def make(**options: Any) -> Shopper:
        shoppers.append(Shopper(chromium, shop, simulator, **options))
        return shoppers[-1]

    yield make
    for shopper in shoppers:
        shopper.context.close()
    assert [error for shopper in shoppers for error in shopper.errors] == []


@pytest.fixture
def shopper(new_shopper: Callable[..., Any]) -> Any:
    """Return a guest with an empty cart."""
    return new_shopper()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Start a Redis server without persistence on a free port and return its URL."""
    program = shutil.which("redis-server")
    if program is None:
        skip_unless_ci("No redis-server. Install it: `apt-get install redis-server`.")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(program), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/1"
        server.terminate()
        server.stdout.read()
