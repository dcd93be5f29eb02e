"""Tests for the `demo` command, which `make run` calls."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ecommerce.management.commands import demo
from tests.ports import free_port

MANAGE = Path(__file__).resolve().parents[1] / "manage.py"


def get_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a shop with a separate VAR_DIR."""
    own = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SITE_URL", "STRIPE_SIMULATOR_URL")
    return {name: value for name, value in os.environ.items() if name not in own} | {"VAR_DIR": str(folder)}


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command as `make run` does."""
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "demo", *arguments],
        env=get_environment(folder) | {"STRIPE_SIMULATOR_URL": f"http://127.0.0.1:{free_port()}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_audit(folder: Path) -> tuple[int, str]:
    """Run the audit of this shop, which is told no URLs. Return its exit code and output."""
    command = [sys.executable, str(MANAGE), "audit"]
    done = subprocess.run(command, env=get_environment(folder), capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


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


def test_demo_without_a_port_uses_the_next_free_one(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SITE_URL", raising=False)
    monkeypatch.setattr(demo, "FIRST_PORT", taken_port)
    monkeypatch.setattr(demo, "LAST_PORT", taken_port + 20)
    output = io.StringIO()
    port = demo.Command(stdout=output)._choose_port("127.0.0.1")  # type: ignore[arg-type]
    assert taken_port < port <= taken_port + 20
    assert output.getvalue() == f"Port {taken_port} is taken, so this shop uses port {port}.\n"


def test_demo_keeps_the_port_of_a_site_url(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_URL", f"http://127.0.0.1:{taken_port}")
    monkeypatch.setattr(demo, "FIRST_PORT", taken_port)
    assert demo.Command()._choose_port("127.0.0.1") == taken_port


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
        audits = [run_audit(tmp_path)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    audits.append(run_audit(tmp_path))
    assert [code for code, _text in audits] == [0, 2]
    urls = json.loads((tmp_path / "last_run.json").read_text())
    assert urls["SITE_URL"] == f"http://127.0.0.1:{port}"
    assert f"The Stripe simulator at {urls['STRIPE_SIMULATOR_URL']} did not answer" in audits[1][1]
    assert re.search(rf"Shop +http://127\.0\.0\.1:{port}/", banner)
    assert "staff@shop.example  staff-demo" in banner
    assert "4242 4242 4242 4242" in banner
    assert "31 products" in product_list
    assert "Traceback" not in rest
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
