"""HTTP server for the API, the pages in the shopper's browser, and the control endpoints for tests and developers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from stripe_simulator import pages, parameters
from stripe_simulator.api import Request, Response
from stripe_simulator.backend import Backend
from stripe_simulator.errors import ApiError
from stripe_simulator.webhooks import is_loopback

_MAX_BODY = 1024 * 1024


class WebServer(ThreadingHTTPServer):
    """An HTTP server with one thread per connection. Stopping it closes the connections that are kept alive."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    # With the default backlog of 5, further simultaneous connections wait about a second for a retransmission.
    request_queue_size = 128

    def __init__(self, host: str, port: int, simulator: Backend) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.simulator = simulator
        self._sockets: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="simulator", daemon=True)
        super().__init__((host, port), Handler)
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self.server_address[1]}"

    def start(self) -> None:
        """Start serving in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()
        for connection in list(self._sockets):
            _shut_down(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Track the connection, so that `stop` can close it, and handle it."""
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Stop tracking a connection that ends, and close it."""
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error. The usual cause is a browser or a test that closed the connection."""


def _shut_down(connection: socket.socket) -> None:
    """Shut down a connection. Do nothing if it is already closed."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Handler for the requests of one connection, which is kept alive as Stripe does."""

    protocol_version = "HTTP/1.1"
    server_version = "StripeSimulator"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    server: WebServer

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, because a URL could contain data that must not be stored."""

    def _handle(self) -> None:
        """Read the request and send its response, or close the connection without a response."""
        try:
            response = self._get_response()
        except ApiError as error:
            response = Response(error.status, json.dumps(error.body))
        if response is None:
            self.close_connection = True
            return
        self._send(response)

    def _get_response(self) -> Response | None:
        """Return the response to the request, or None to close the connection without one.

        Raise ApiError (421) if the Host header is not a loopback name or IP address, to prevent DNS rebinding.
        """
        body = self._read_body()
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
            return self._handle_control_request(path.removeprefix("/_simulator/"), body)
        if self.command == "GET":
            return pages.page(self.server.simulator, path)
        self._require_same_origin_json()
        return pages.submit_challenge(self.server.simulator, path, _parse_json(body))

    def _read_body(self) -> str:
        """Return the request body.

        Raise ApiError (413) if Content-Length is malformed or more than 1 MiB.
        """
        length = self.headers.get("Content-Length") or "0"
        if not (length.isascii() and length.isdigit()) or int(length) > _MAX_BODY:
            self.close_connection = True
            raise ApiError(413, "The request body is too large.")
        return self.rfile.read(int(length)).decode(errors="replace")

    def _require_same_origin_json(self) -> None:
        """Reject requests that another site's page could make a browser send.

        Raise ApiError (403) unless the body is JSON and the Origin header, if any, is the simulator's own.
        """
        own = (None, self.server.url, f"http://{self.headers.get('Host')}")
        if self.headers.get_content_type() != "application/json" or self.headers.get("Origin") not in own:
            raise ApiError(403, "Send application/json, and not from another site's page.")

    def _handle_control_request(self, name: str, body: str) -> Response:
        """Serve the control endpoints: health, requests, objects, faults, idempotency keys and finishing refunds."""
        simulator = self.server.simulator
        if self.command != "GET":
            self._require_same_origin_json()
        if (self.command, name) == ("GET", "health"):
            return _json_response({"simulator": True})
        if (self.command, name) == ("GET", "requests"):
            return _json_response(simulator.requests)
        if self.command == "GET" and name.startswith("objects/"):
            return _json_response(simulator.objects(name.removeprefix("objects/")))
        resets = {"faults": simulator.clear_faults, "idempotency-keys": simulator.forget_idempotency_keys}
        if self.command == "DELETE" and name in resets:
            resets[name]()
            return _json_response({name: 0})
        if (self.command, name) == ("POST", "refunds/finish"):
            return _json_response(simulator.finish_refunds())
        if (self.command, name) == ("POST", "faults"):
            return self._add_fault(_parse_json(body))
        raise ApiError(404, f"The simulator has no {self.command} {name}.")

    def _add_fault(self, fault: dict[str, Any]) -> Response:
        """Add the fault described in the request body. Raise ApiError (400) if it is invalid."""
        try:
            self.server.simulator.add_fault(**fault)
        except (TypeError, ValueError) as error:
            raise ApiError(400, str(error)) from error
        return _json_response({"added": True})

    def _send(self, response: Response) -> None:
        """Write the response. Unless its headers say otherwise, it is JSON that must not be cached."""
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


def _parse_json(body: str) -> dict[str, Any]:
    """Return the JSON object in a request body; an empty body is an empty object.

    Raise ApiError (400) if the body is not a JSON object.
    """
    try:
        document = json.loads(body or "{}")
    except ValueError as error:
        raise ApiError(400, "The body is not JSON.") from error
    if not isinstance(document, dict):
        raise ApiError(400, "The body is not a JSON object.")
    return document


def _json_response(document: Any) -> Response:
    """Return a successful response with a JSON document."""
    return Response(200, json.dumps(document, indent=2))
