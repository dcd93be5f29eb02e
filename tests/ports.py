"""Ports for servers that tests start."""

import itertools
import os
import socket
from contextlib import suppress

# Below the ephemeral ports, which connections of other processes take until the server listens.
FIRST, COUNT = 20_000, 10_000
_numbers = itertools.count(os.getpid() * 101)  # so that each process begins at a different port


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now and that this process did not get before."""
    for number in itertools.islice(_numbers, COUNT):
        port = FIRST + number % COUNT
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("All ports are in use.")
