"""The `stripe_simulator` command."""

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


def test_it_refuses_to_leave_this_machine():
    with pytest.raises(CommandError, match="only on loopback"):
        call_command("stripe_simulator", host="0.0.0.0", **QUIET)  # noqa: S104


def test_it_refuses_to_deliver_elsewhere():
    with pytest.raises(CommandError, match="webhooks only to http on loopback"):
        call_command("stripe_simulator", state="", webhook_url="https://shop.example/webhook/")


def test_taken_port_is_a_clear_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CommandError, match="Choose another with"):
        call_command("stripe_simulator", host="127.0.0.1", port=taken.getsockname()[1], **QUIET)


def test_state_that_cannot_be_written_is_a_clear_sentence(tmp_path):
    with pytest.raises(CommandError, match="Cannot store the state"):
        call_command("stripe_simulator", host="127.0.0.1", port=0, state=str(tmp_path / "no" / "x"), webhook_url="")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop(number):
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
