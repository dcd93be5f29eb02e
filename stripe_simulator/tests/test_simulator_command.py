"""Tests for the `stripe_simulator` command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"state": "", "webhook_url": ""}

pytestmark = pytest.mark.slow


def test_command_rejects_a_host_outside_loopback():
    with pytest.raises(CommandError, match="only on loopback"):
        call_command("stripe_simulator", host="0.0.0.0", **QUIET)  # noqa: S104


def test_command_rejects_a_webhook_url_outside_loopback():
    with pytest.raises(CommandError, match="webhooks only to http on loopback"):
        call_command("stripe_simulator", state="", webhook_url="https://shop.example/webhook/")


def test_command_reports_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CommandError, match="Choose another with"):
        call_command("stripe_simulator", host="127.0.0.1", port=taken.getsockname()[1], **QUIET)


def test_command_reports_an_unwritable_state_file(tmp_path):
    with pytest.raises(CommandError, match="Cannot store the state"):
        call_command("stripe_simulator", host="127.0.0.1", port=0, state=str(tmp_path / "no" / "x"), webhook_url="")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_serves_until_a_signal_stops_it(number):
    command = [sys.executable, "manage.py", "stripe_simulator", "--port", "0", "--state", "", "--webhook-url", ""]
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as process:
        line = process.stdout.readline()
        url = line.removeprefix("Stripe simulator: ").split(",")[0]
        healthy = requests.get(f"{url}/_simulator/health", timeout=5).json()
        process.send_signal(number)
        code = process.wait(timeout=10)

    assert healthy == {"simulator": True}
    assert code == 0
