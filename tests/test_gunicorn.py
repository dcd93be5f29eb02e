"""Tests for gunicorn.conf.py, with the real server."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.shipped_shop import ROOT, ShippedShop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shipped shop")]
FORM = "language=de&next=%2Fproducts%2F"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ShippedShop:
    shop = ShippedShop(tmp_path_factory.mktemp("shipped"), free_port())
    shop.install()
    return shop


@pytest.fixture(scope="module")
def master(shop: ShippedShop) -> Iterator[int]:
    """Run the server for the tests that do not stop it, and return its first process."""
    with shop.running() as server:
        yield server.pid


def fetch(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Return the status and the body of a response. The name of a header keeps its underscores."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_header_cannot_evade_rules_for_paths(shop: ShippedShop, master: int) -> None:
    """Otherwise this request would open /admin/login/, though a proxy sees another path."""
    assert fetch(shop.port, "/shop/admin/login/", SCRIPT_NAME="/shop")[0] == 404


def test_header_does_not_change_links(shop: ShippedShop, master: int) -> None:
    for _visitor in ("the first one, whose page is stored", "another one"):
        status, page = fetch(shop.port, "/products/?q=mug", SCRIPT_NAME="/products")
        assert (status, "/products/products/" in page) == (200, False)


def test_forwarded_proto_is_ignored_without_trusted_proxies(shop: ShippedShop) -> None:
    for proxies, status in [("0", 301), ("1", 200)]:
        other = ShippedShop(shop.folder, free_port())
        with other.running(SITE_URL="https://127.0.0.1", TRUSTED_PROXIES=proxies):
            assert fetch(other.port, "/accounts/login/", **{"X-Forwarded-Proto": "https"})[0] == status


def test_two_servers_of_one_user_start(shop: ShippedShop, master: int) -> None:
    other = ShippedShop(shop.folder, free_port())
    with other.running():
        assert [fetch(port, "/healthz")[0] for port in (shop.port, other.port)] == [200, 200]
    logs = [server.log.read_text() for server in (shop, other)]
    assert not [line for log in logs for line in log.splitlines() if "control" in line.lower()]


def test_first_process_has_one_thread_and_no_connection(shop: ShippedShop, master: int) -> None:
    status = Path(f"/proc/{master}/status").read_text()
    assert re.search(r"^Threads:\s+1$", status, re.MULTILINE)
    files = [os.readlink(path) for path in Path(f"/proc/{master}/fd").iterdir()]
    assert len([name for name in files if name.startswith("socket:")]) == 1  # it listens
    assert not [name for name in files if "sqlite" in name]


def test_workers_share_the_package_of_stripe() -> None:
    code = "import gc, runpy, sys; runpy.run_path('gunicorn.conf.py')['on_starting'](None); "
    code += "print('stripe' in sys.modules, gc.get_freeze_count() > 10_000)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


@contextmanager
def begun_request(port: int) -> Iterator[socket.socket]:
    """Yield a connection with a request that a thread of the server reads. Half of its body is missing."""
    head = f"POST /language/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n"
    head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(FORM)}\r\n"
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(FORM[:10].encode())
        yield connection


def finish(connection: socket.socket) -> None:
    """Send the rest of a request that has begun, and check the response."""
    connection.sendall(FORM[10:].encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 302")


def stop(server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Send SIGTERM and wait until the server knows."""
    server.terminate()
    deadline = time.monotonic() + 30
    while "Handling signal: term" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_stopped_server_finishes_requests(shop: ShippedShop) -> None:
    other = ShippedShop(shop.folder, free_port())
    with other.running() as server:
        with begun_request(other.port) as connection:
            stop(server, other.log)
            finish(connection)
        assert server.wait(60) == 0


def test_restart_behind_a_socket_of_systemd_loses_no_request(shop: ShippedShop) -> None:
    """Check a moment in which others lose requests: gunicorn listens until its last request has ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = ShippedShop(shop.folder, listener.getsockname()[1])
        with other.running(listener=listener) as server:
            with begun_request(other.port) as connection:
                stop(server, other.log)
                waiting = HTTPConnection("127.0.0.1", other.port, timeout=60)
                waiting.request("GET", "/products/")
                finish(connection)
            assert server.wait(60) == 0
        with other.running(listener=listener), closing(waiting):
            assert waiting.getresponse().status == 200


def test_replaced_workers_lose_no_request(shop: ShippedShop) -> None:
    other = ShippedShop(shop.folder, free_port())
    with other.running("--max-requests", "10", "--max-requests-jitter", "5"), ThreadPoolExecutor(4) as visitors:
        responses = list(visitors.map(lambda _number: fetch(other.port, "/healthz"), range(200)))
    assert {status for status, _body in responses} == {200}
    assert other.log.read_text().count("Booting worker") > 4


def test_limits_of_the_request_line_and_header_fields(shop: ShippedShop, master: int) -> None:
    assert fetch(shop.port, "/products/?q=" + "a" * 4100)[0] == 414
    assert fetch(shop.port, "/products/", **{f"X-{number}": "a" for number in range(80)})[0] == 431
    assert fetch(shop.port, "/products/", Cookie="messages=" + "a" * 7000)[0] == 200
