"""nginx with deploy/nginx.conf, a certificate of its own and other ports, in front of given servers."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.proofs.hostile_client import Response
from tests.shipped_shop import ROOT, ShippedShop

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NO_NGINX = "No nginx. Install it: `apt-get install nginx-light`."
CONFIGURATION = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
# As in Debian's nginx.conf, which compresses by default.
MAIN = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; {user}
events {{ worker_connections 256; }}
http {{
    include /etc/nginx/mime.types; access_log off; gzip on; gzip_min_length 1; gzip_proxied any;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/shop.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx: its folder, with the certificate, and its ports."""

    folder: Path
    http: int
    https: int

    def connect(self, source: str = "127.0.0.1") -> HTTPSConnection:
        """Return a connection from this IP address that trusts the certificate."""
        context = ssl.create_default_context(cafile=self.folder / "fullchain.pem")
        return HTTPSConnection("localhost", self.https, timeout=60, source_address=(source, 0), context=context)

    def fetch(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Response:
        """Return the response to a request over https. In the name of a header, write _ for -."""
        with closing(self.connect()) as connection:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return Response(response.status, response.getheaders(), response.read())

    def fetch_http(self, path: str, host: str) -> tuple[int, str]:
        """Return the status and the location of the response to a request over http."""
        with closing(HTTPConnection("127.0.0.1", self.http, timeout=60)) as connection:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response.status, response.getheader("Location", "")


def render(folder: Path, shop: ShippedShop, http: int, https: int) -> str:
    """Return deploy/nginx.conf with other folders and ports."""
    lines = [line for line in CONFIGURATION.splitlines() if "listen [::]" not in line]
    text = (
        "\n".join(lines)
        .replace("/etc/nginx/shop-tls/", f"{folder}/")
        .replace("/etc/nginx/shop/", f"{folder}/")
        .replace("/var/lib/shop", str(shop.folder))
    )
    return text.replace("listen 80", f"listen 127.0.0.1:{http}").replace("listen 443", f"listen 127.0.0.1:{https}")


def make_certificate(folder: Path) -> None:
    """Create a certificate for localhost, as docs/operations.md does."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(command, check=True, capture_output=True)


def configure(folder: Path, shop: ShippedShop, servers: list[str], http: int, https: int) -> list[str]:
    """Write the configuration of nginx and a certificate into the folder. Return the command that runs it."""
    make_certificate(folder)
    shop.manage("proxy_files", str(folder), *(f"--server={server}" for server in servers))
    user = "user root;" if os.geteuid() == 0 else ""  # the folders of tests are private
    (folder / "shop.conf").write_text(render(folder, shop, http, https))
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    done = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert (done.returncode, "[warn]" in done.stderr) == (0, False), done.stderr
    return command


@contextmanager
def running_nginx(shop: ShippedShop, https: int, servers: list[str]) -> Iterator[Nginx]:
    """Run nginx in front of these servers. `shop` has the static files and the settings."""
    folder, http = shop.folder / f"nginx-{https}", free_port()
    folder.mkdir()
    command = configure(folder, shop, servers, http, https)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until_listening(http)
            yield Nginx(folder, http, https)
        finally:
            process.terminate()


def wait_until_listening(port: int) -> None:
    """Wait until a server accepts connections on this port."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


class StubServer:
    """A server in the place of the shop. It counts requests, and `respond` can be replaced."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.respond: Callable[[Any], None] = echo
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.requests.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.respond(self)

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_arguments: Any) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["StubServer"]:
        """Serve inside the context."""
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        yield self
        self.server.shutdown()
        self.server.server_close()


def echo(request: Any) -> None:
    """Respond with the headers of the request as JSON, in a page."""
    body = json.dumps({name.lower(): value for name, value in request.headers.items()}).encode()
    request.send_response(200)
    request.send_header("Content-Type", "text/html")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def die(request: Any) -> None:
    """Close the connection without a response, as a worker does that is killed."""
    request.close_connection = True
