"""HTTP: the API, the pages for the shopper's browser, and the doors for tests and curious developers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from billing.simulator import pages, parameters
from billing.simulator.api import Request, Response
from billing.simulator.errors import ApiError
from billing.simulator.webhooks import is_loopback

if TYPE_CHECKING:
    from billing.simulator.server import Simulator

_MAX_BODY = 1024 * 1024


class WebServer(ThreadingHTTPServer):
    """One thread a connection; stopping closes those that are kept alive."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128  # fifty shoppers at once are not to wait a second for the sixth to get through

    def __init__(self, host: str, port: int, simulator: Simulator) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.simulator = simulator
        self._sockets: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="simulator", daemon=True)
        super().__init__((host, port), Handler)
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()
        for connection in list(self._sockets):
            _hang_up(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection while it lives."""
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser or a test that hangs up is nobody's concern."""


def _hang_up(connection: socket.socket) -> None:
    """Shut a connection that may be closed already."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One request; connections are kept alive as Stripe keeps them."""

    protocol_version = "HTTP/1.1"
    server_version = "StripeSimulator"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    server: WebServer

    def do_GET(self) -> None:
        """Any GET."""
        self._handle()

    def do_POST(self) -> None:
        """Any POST."""
        self._handle()

    def do_DELETE(self) -> None:
        """Any DELETE."""
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: an address could hold what must not be kept."""

    def _handle(self) -> None:
        """Read the request and send its answer, or hang up without one."""
        try:
            response = self._response()
        except ApiError as error:
            response = Response(error.status, json.dumps(error.body))
        if response is None:
            self.close_connection = True
            return
        self._send(response)

    def _response(self) -> Response | None:
        """The answer to the request."""
        body = self._body()
        if not is_loopback(urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""):
            raise ApiError(421, "The simulator answers only to a loopback name.")
        path = urlsplit(self.path).path
        if path.startswith("/v1/"):
            query = body if self.command == "POST" else urlsplit(self.path).query
            return self.server.simulator.respond(
                Request(
                    self.command,
                    path,
                    parameters.decode(query),
                    authorization=self.headers.get("Authorization", ""),
                    key=self.headers.get("Idempotency-Key", "") if self.command == "POST" else "",
                )
            )
        if path.startswith("/_simulator/"):
            return self._inspect(path.removeprefix("/_simulator/"), body)
        if self.command == "GET":
            return pages.page(self.server.simulator, path)
        self._require_own_page()
        return pages.answer(self.server.simulator, path, _json(body))

    def _body(self) -> str:
        """The request's body, within reason."""
        length = self.headers.get("Content-Length") or "0"
        if not (length.isascii() and length.isdigit()) or int(length) > _MAX_BODY:
            self.close_connection = True
            raise ApiError(413, "The request body is too large.")
        return self.rfile.read(int(length)).decode(errors="replace")

    def _require_own_page(self) -> None:
        """Refuse what another site's page could make a browser send."""
        own = (None, self.server.url, f"http://{self.headers.get('Host')}")
        if self.headers.get_content_type() != "application/json" or self.headers.get("Origin") not in own:
            raise ApiError(403, "Send application/json, and not from another site's page.")

    def _inspect(self, name: str, body: str) -> Response:
        """Faults, requests, objects and the end of refunds over HTTP."""
        simulator = self.server.simulator
        if self.command != "GET":
            self._require_own_page()
        if (self.command, name) == ("GET", "health"):
            return _answer({"simulator": True})
        if (self.command, name) == ("GET", "requests"):
            return _answer(simulator.requests)
        if self.command == "GET" and name.startswith("objects/"):
            return _answer(simulator.objects(name.removeprefix("objects/")))
        if (self.command, name) == ("DELETE", "faults"):
            simulator.clear_faults()
            return _answer({"faults": 0})
        if (self.command, name) == ("POST", "refunds/finish"):
            return _answer(simulator.finish_refunds())
        if (self.command, name) == ("POST", "faults"):
            return self._add_fault(_json(body))
        raise ApiError(404, f"The simulator has no {self.command} {name}.")

    def _add_fault(self, fault: dict[str, Any]) -> Response:
        """Put a fault in force that was described over HTTP."""
        try:
            self.server.simulator.add_fault(**fault)
        except (TypeError, ValueError) as error:
            raise ApiError(400, str(error)) from error
        return _answer({"added": True})

    def _send(self, response: Response) -> None:
        """Write an answer."""
        content = response.body.encode()
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **response.headers}
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


def _json(body: str) -> dict[str, Any]:
    """A JSON object from a body."""
    try:
        document = json.loads(body or "{}")
    except ValueError as error:
        raise ApiError(400, "The body is not JSON.") from error
    if not isinstance(document, dict):
        raise ApiError(400, "The body is not a JSON object.")
    return document


def _answer(document: Any) -> Response:
    """A JSON answer."""
    return Response(200, json.dumps(document, indent=2))
