"""The cache of several machines: CACHE_URL=redis://... as .env.example tells it, against a real Redis."""

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from conftest import skip_unless_ci
from ecommerce.tests.test_settings import start

USE = """
import django
django.setup()
from django.core.cache import cache
cache.set("menu", ["Mugs"], 60)
print(cache.get("menu"), cache.get_or_set("count", lambda: 7), cache.get("nothing"))
"""


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of our own on a free port, which keeps nothing."""
    program = shutil.which("redis-server")
    if program is None:
        skip_unless_ci("No redis-server. Install it: `apt-get install redis-server`.")
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    command = [str(program), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/1"
        server.terminate()
        server.stdout.read()


def test_cache_in_redis_gives_back_what_was_put_in(redis_url: str) -> None:
    assert start(USE, CACHE_URL=redis_url) == (0, "['Mugs'] 7 None\n")
