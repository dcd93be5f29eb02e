"""Tests for a shared cache, CACHE_URL=redis://... as documented in .env.example, with a real Redis."""

from collections.abc import Iterator

import pytest

from conftest import skip_unless_ci
from tests.redis_server import NO_REDIS, running_redis
from tests.test_settings import start

SCRIPT = """
import django
django.setup()
from django.core.cache import cache
cache.set("menu", ["Mugs"], 60)
print(cache.get("menu"), cache.get_or_set("count", lambda: 7), cache.get("nothing"))
"""


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """Return the URL of a running Redis server."""
    with running_redis() as url:
        if url is None:
            skip_unless_ci(NO_REDIS)
        yield str(url)


@pytest.mark.slow
def test_redis_cache_returns_stored_values(redis_url: str) -> None:
    assert start(SCRIPT, CACHE_URL=redis_url) == (0, "['Mugs'] 7 None\n")
