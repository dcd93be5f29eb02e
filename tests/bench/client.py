"""A small HTTP client: it takes little of the processor that it shares with the servers.

Every request has its own connection, because gunicorn's sync workers close it after each response.
"""

import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SECONDS = 60  # timeout for a response; the machine can be busy
TIMEOUT = struct.pack("ll", SECONDS, 0)
PART = 1 << 17  # bytes to read in one call


@dataclass(frozen=True)
class Answer:
    """The response to a request. Names of headers are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    def header(self, name: str) -> str:
        """Return the last header with this name, or an empty string."""
        return dict(self.headers).get(name, "")

    def hidden_value(self, name: str) -> str:
        """Return the value of a hidden field of the page, or an empty string."""
        found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', self.text)
        return unescape(found[1]) if found else ""


def make_request(
    port: int, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"", method: str = "GET"
) -> bytes:
    """Return the bytes of a request."""
    lines = {"Host": f"127.0.0.1:{port}", "Connection": "close"} | dict(headers or {})
    if body:
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def exchange(port: int, request: bytes) -> bytes:
    """Send a request on a new connection, and return the whole response as bytes."""
    with socket.socket() as connection:
        # Unlike settimeout(), this takes no further calls for each packet.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMEOUT)
        connection.connect(("127.0.0.1", port))
        connection.sendall(request)
        parts = []
        while part := connection.recv(PART):
            parts.append(part)
    return b"".join(parts)


def status_of(raw: bytes) -> int:
    """Return the status of a response, or 0 if the server closed the connection without one."""
    return int(raw[9:12]) if raw[:5] == b"HTTP/" else 0


def read_answer(raw: bytes) -> Answer:
    """Return a response as status, headers and body."""
    head, _blank, body = raw.partition(b"\r\n\r\n")
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return Answer(status_of(raw), [(name.lower(), value.strip()) for name, _colon, value in pairs], body)


@dataclass
class Visitor:
    """A visitor of one server, with a cookie jar and all answers so far."""

    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    def get(self, path: str) -> Answer:
        """Return a page. Raise RuntimeError if the server fails."""
        return self.send("GET", path)

    def post(self, path: str, fields: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Answer:
        """Submit a form with the CSRF token, if there is one."""
        token = next((value for name, value in self.cookies.items() if "csrftoken" in name), "")
        sent = {"Content-Type": FORM, "Origin": f"http://127.0.0.1:{self.port}"} | dict(headers or {})
        sent |= {"X-CSRFToken": token} if token else {}
        return self.send("POST", path, sent, urlencode(fields, doseq=True).encode())

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Send a request and keep the cookies of the response."""
        lines = dict(self.headers) | self.cookie_header() | dict(headers or {})
        answer = read_answer(exchange(self.port, make_request(self.port, path, lines, body, method)))
        self.answers.append(answer)
        if answer.status >= 500 or not answer.status:
            raise RuntimeError(f"{method} {path} on port {self.port} was answered with {answer.status}.")
        for name, value in answer.headers:
            if name == "set-cookie":
                self._keep(value)
        return answer

    def cookie_header(self) -> dict[str, str]:
        """Return the header with all cookies, or nothing."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookies} if cookies else {}

    def _keep(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            self.cookies[name] = morsel.coded_value
            if morsel["max-age"] == 0 or not morsel.value:
                del self.cookies[name]
