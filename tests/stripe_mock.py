"""Find or start stripe-mock: at STRIPE_MOCK_URL, else a server on 127.0.0.1:12111, else an executable.

`python -m tests.stripe_mock` prints where it was found and exits with 0, or with 1 if there is none.
`make stripe-mock` installs one.
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
HOW_TO_GET_IT = "stripe-mock was not found. Install it with `make stripe-mock`, or set STRIPE_MOCK_URL."


def is_stripe_mock(url: str) -> bool:
    """Check whether the server at `url` identifies itself as stripe-mock."""
    try:
        response = requests.get(url + "/v1/charges", headers={"Authorization": "Bearer sk_test_x"}, timeout=2)
    except requests.RequestException:
        return False
    return "Stripe-Mock-Version" in response.headers


def server() -> str | None:
    """Return the URL of a running stripe-mock, or None."""
    urls = [os.environ["STRIPE_MOCK_URL"]] if os.environ.get("STRIPE_MOCK_URL") else [USUAL_URL]
    return next((url.rstrip("/") for url in urls if is_stripe_mock(url.rstrip("/"))), None)


def program() -> str | None:
    """Return the path of the stripe-mock executable, or None.

    If STRIPE_MOCK_BIN is set, only that is considered. Otherwise search PATH, then Go's binary directories.
    """
    if named := os.environ.get("STRIPE_MOCK_BIN"):
        return shutil.which(named)
    gopath = Path(os.environ.get("GOPATH") or Path.home() / "go")
    folders = [os.environ.get("PATH", ""), os.environ.get("GOBIN", ""), str(gopath / "bin")]
    return shutil.which("stripe-mock", path=os.pathsep.join(filter(None, folders)))


def start(path: str) -> tuple[subprocess.Popen[str], str]:
    """Start stripe-mock on a free loopback port and return the process and its URL.

    Raise RuntimeError if it ends before it listens.
    """
    ports = ["-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"]
    process = subprocess.Popen([path, *ports], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"HTTP at address: (127\.0\.0\.1:\d+)", line):
            threading.Thread(target=process.stdout.read, daemon=True).start()  # it blocks when its output is not read
            return process, f"http://{found[1]}"
    raise RuntimeError("stripe-mock ended before it listened")


if __name__ == "__main__":
    found = server() or (None if os.environ.get("STRIPE_MOCK_URL") else program())
    sys.stdout.write(f"stripe-mock: {found}\n" if found else HOW_TO_GET_IT + "\n")
    sys.exit(not found)
