"""Tests for a shared cache, CACHE_URL=redis://... as documented in .env.example, with a real Redis."""

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from conftest import skip_unless_ci
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


@pytest.mark.slow
def test_redis_cache_returns_stored_values(redis_url: str) -> None:
    assert start(SCRIPT, CACHE_URL=redis_url) == (0, "['Mugs'] 7 None\n")
