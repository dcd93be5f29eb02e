"""A Redis server for tests."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

NO_REDIS = "No redis-server. Install it: `apt-get install redis-server`."


@contextmanager
def running_redis() -> Iterator[str | None]:
    """Start a Redis server without persistence on a free port. Yield its URL, or None if Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}/1"
        server.terminate()
        server.stdout.read()
