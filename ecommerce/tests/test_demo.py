"""`manage.py demo`, which `make run` calls: what it refuses, and that it starts, serves and stops."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def free_port() -> int:
    """Below those that systems hand out: the shop starts seconds later, and tests beside this one take such ports."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The command as make starts it, writing into a folder of its own."""
    environment = os.environ | {"VAR_DIR": str(folder), "STRIPE_SIMULATOR_URL": f"http://127.0.0.1:{free_port()}"}
    for name in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL"):
        environment.pop(name, None)
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_demo_names_a_taken_port_and_the_way_out(tmp_path: Path, taken_port: int) -> None:
    output, _nothing = start(tmp_path, "--port", str(taken_port)).communicate(timeout=60)
    assert f"Cannot listen on 127.0.0.1, port {taken_port} (Address already in use)" in output
    assert "make run PORT=" in output
    assert "Traceback" not in output


def test_demo_takes_no_test_payments_on_an_open_address(tmp_path: Path) -> None:
    output, _nothing = start(tmp_path, "--host", "0.0.0.0").communicate(timeout=60)  # noqa: S104
    assert "Leave HOST at 127.0.0.1, or set STRIPE_SECRET_KEY" in output


@pytest.mark.slow
def test_demo_serves_a_stocked_shop_and_stops_at_once(tmp_path: Path) -> None:
    port = free_port()
    with start(tmp_path, "--port", str(port)) as process:
        assert process.stdout is not None
        told = ""
        while not told.endswith("Ctrl-C stops everything.\n"):
            line = process.stdout.readline()
            assert line, f"The shop did not start: {told}"
            told += line
        listed = requests.get(f"http://127.0.0.1:{port}/products/", timeout=10).text
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    assert re.search(rf"Shop +http://127\.0\.0\.1:{port}/", told)
    assert "staff@shop.example  staff-demo" in told
    assert "4242 4242 4242 4242" in told
    assert "40 products" in listed
    assert "Traceback" not in rest
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
