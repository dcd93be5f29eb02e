"""Tests for the ports of test servers."""

import socket
from pathlib import Path

from tests.ports import free_port

LIMITS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_given_twice() -> None:
    assert len({free_port() for _ in range(50)}) == 50


def test_port_is_below_those_of_outgoing_connections() -> None:
    first = int(LIMITS.read_text().split()[0]) if LIMITS.exists() else 32_768
    assert free_port() < first


def test_port_in_use_is_not_given() -> None:
    following = free_port() + 1
    with socket.create_server(("127.0.0.1", following)):
        assert free_port() != following
