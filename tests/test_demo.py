"""Tests for the `demo` command, which `make run` calls."""

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

MANAGE = Path(__file__).resolve().parents[1] / "manage.py"


def free_port() -> int:
    """Return a free port below the ephemeral range.

    The shop starts seconds later, and parallel tests could take an ephemeral port until then.
    """
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command as `make run` does, with a separate VAR_DIR."""
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


@pytest.mark.slow
def test_demo_reports_a_taken_port_and_suggests_another(tmp_path: Path, taken_port: int) -> None:
    output, _nothing = start(tmp_path, "--port", str(taken_port)).communicate(timeout=60)
    assert f"Cannot listen on 127.0.0.1, port {taken_port} (Address already in use)" in output
    assert "make run PORT=" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_demo_rejects_test_payments_on_a_public_host(tmp_path: Path) -> None:
    output, _nothing = start(tmp_path, "--host", "0.0.0.0").communicate(timeout=60)  # noqa: S104
    assert "Leave HOST at 127.0.0.1, or set STRIPE_SECRET_KEY" in output


@pytest.mark.slow
def test_demo_serves_a_shop_with_products_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    with start(tmp_path, "--port", str(port)) as process:
        assert process.stdout is not None
        banner = ""
        while not banner.endswith("Ctrl-C stops everything.\n"):
            line = process.stdout.readline()
            assert line, f"The shop did not start: {banner}"
            banner += line
        product_list = requests.get(f"http://127.0.0.1:{port}/products/", timeout=10).text
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    assert re.search(rf"Shop +http://127\.0\.0\.1:{port}/", banner)
    assert "staff@shop.example  staff-demo" in banner
    assert "4242 4242 4242 4242" in banner
    assert "40 products" in product_list
    assert "Traceback" not in rest
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
