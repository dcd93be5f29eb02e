"""Fixtures for the browser tests, and a Redis server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conftest import skip_unless_ci
from stripe_simulator.server import Simulator
from tests.redis_server import NO_REDIS, running_redis


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
    """Return the URL of a running Redis server."""
    with running_redis() as url:
        if url is None:
            skip_unless_ci(NO_REDIS)
        yield str(url)
