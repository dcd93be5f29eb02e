"""Finds or starts stripe-mock: STRIPE_MOCK_URL, then a server on 127.0.0.1:12111, then a program.

`python -m ecommerce.tests.stripe_mock` ends with 0 if there is one, and says where; `make stripe-mock` gets one.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import requests

USUAL_URL = "http://127.0.0.1:12111"
HOW_TO_GET_IT = "stripe-mock was not found. Get it with `make stripe-mock`, or name one with STRIPE_MOCK_URL."


def is_stripe_mock(url: str) -> bool:
    """Whether the server at `url` says of itself that it is stripe-mock."""
    try:
        answer = requests.get(url + "/v1/charges", headers={"Authorization": "Bearer sk_test_x"}, timeout=2)
    except requests.RequestException:
        return False
    return "Stripe-Mock-Version" in answer.headers


def server() -> str | None:
    """The address of a stripe-mock that runs already."""
    urls = [os.environ["STRIPE_MOCK_URL"]] if os.environ.get("STRIPE_MOCK_URL") else [USUAL_URL]
    return next((url.rstrip("/") for url in urls if is_stripe_mock(url.rstrip("/"))), None)


def program() -> str | None:
    """The stripe-mock to start: STRIPE_MOCK_BIN and no other if that is set, else the PATH's, else Go's."""
    if named := os.environ.get("STRIPE_MOCK_BIN"):
        return shutil.which(named)
    gopath = Path(os.environ.get("GOPATH") or Path.home() / "go")
    folders = [os.environ.get("PATH", ""), os.environ.get("GOBIN", ""), str(gopath / "bin")]
    return shutil.which("stripe-mock", path=os.pathsep.join(filter(None, folders)))


def start(path: str) -> tuple[subprocess.Popen[str], str]:
    """A stripe-mock on a free port of loopback, and its address."""
    ports = ["-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    process = subprocess.Popen([path, *ports], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"HTTP at address: (127\.0\.0\.1:\d+)", line):
            threading.Thread(target=process.stdout.read, daemon=True).start()  # it stops when nobody reads its log
            return process, f"http://{found[1]}"
    raise RuntimeError("stripe-mock ended before it listened")


if __name__ == "__main__":
    found = server() or (None if os.environ.get("STRIPE_MOCK_URL") else program())
    sys.stdout.write(f"stripe-mock: {found}\n" if found else HOW_TO_GET_IT + "\n")
    sys.exit(not found)
