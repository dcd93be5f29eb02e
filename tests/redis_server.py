"""A Redis server for tests."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.ports import free_port

NO_REDIS = "No redis-server. Install it: `apt-get install redis-server`."


@dataclass
class RedisServer:
    """A running Redis server."""

    url: str
    process: subprocess.Popen[str]

    def freeze(self) -> None:
        """Let the server accept connections and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop the server, also a frozen one. Its port refuses connections from now on."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_server() -> Iterator[RedisServer | None]:
    """Start a Redis server without persistence on a free port, or yield None if Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        server = RedisServer(f"redis://127.0.0.1:{port}/1", process)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running_redis() -> Iterator[str | None]:
    """Start a Redis server. Yield its URL, or None if Redis is not installed."""
    with running_server() as server:
        yield server.url if server else None
