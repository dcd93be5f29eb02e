"""A hostile visitor: an HTTP client with cookies and CSRF tokens that can send requests no browser would send."""

import http.client
import json
import re
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from http.cookies import CookieError, SimpleCookie
from typing import Any, ClassVar
from urllib.parse import urlencode

from tests.makers import ADDRESS, PASSWORD

FORM = "application/x-www-form-urlencoded"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
NO_RESPONSE = 0  # instead of a status: the server closed the connection without a response
SECONDS = 60  # timeout for a response; the machine can be busy
Fields = Mapping[str, Any] | Sequence[tuple[str, Any]] | bytes | str


@dataclass(frozen=True)
class Response:
    """The response to a request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def visible_text(self) -> str:
        """The body as text, with entities resolved and white space collapsed."""
        return " ".join(unescape(self.text).split())

    @property
    def json(self) -> Any:
        """The decoded JSON body."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """Return the last header with this name, or an empty string."""
        return {key.lower(): value for key, value in self.headers}.get(name.lower(), "")

    @property
    def location(self) -> str:
        """The URL of a redirect, or an empty string."""
        return self.header("Location")


class Attacker:
    """A visitor with a cookie jar and a source IP address. A response of 500 or above fails the test."""

    may_be_unavailable = False  # whether 503 is a valid response
    counts: "ClassVar[Counter[int]]" = Counter()  # responses to all visitors, by status

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.port, self.source = port, source
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
        """Send a request on a new connection and keep the cookies of the response."""
        jar = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, SECONDS, source_address=(self.source, 0))
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # a server does not have to read a request it rejects
                connection.request(method, path, body or None, {**jar, **(headers or {})})
            raw_response = connection.getresponse()
            response = Response(raw_response.status, raw_response.getheaders(), raw_response.read())
        except ConnectionResetError:
            response = Response(NO_RESPONSE, [], b"")
        finally:
            connection.close()
        is_expected = response.status == 503 and self.may_be_unavailable
        if not is_expected:
            self.counts.update([response.status])
        assert response.status < 500 or is_expected, f"{method} {path[:200]} returned {response.status}"
        self._keep_cookies(response)
        return response

    def get(self, path: str, **headers: str) -> Response:
        """Send a GET request. Headers are keyword arguments, with `User_Agent` for User-Agent."""
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, fields: Fields = b"", headers: Mapping[str, str] | None = None) -> Response:
        """Send a POST request with a form and this visitor's CSRF token, unless `headers` contains another token."""
        body = fields if isinstance(fields, bytes | str) else urlencode(fields, doseq=True)
        body = body.encode() if isinstance(body, str) else body
        return self.send("POST", path, body, {"Content-Type": FORM, "X-CSRFToken": self.token(), **(headers or {})})

    def token(self) -> str:
        """Return this visitor's CSRF token. Load a page first if the visitor has no token yet."""
        if "csrftoken" not in self.cookies:
            self.get("/accounts/login/")
        return self.cookies["csrftoken"]

    def send_raw(self, request: bytes) -> bytes:
        """Send raw bytes. Return the whole response, or empty bytes if the server closed the connection."""
        with socket.create_connection(("127.0.0.1", self.port), SECONDS, (self.source, 0)) as client_socket:
            response = b""
            with suppress(OSError):  # a server can close the connection on an invalid request
                client_socket.sendall(request)
                client_socket.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while part := client_socket.recv(65536):
                    response += part
        self.counts.update([NO_RESPONSE if not response else int(response[9:12])])
        return response

    def _keep_cookies(self, response: Response) -> None:
        for name, value in response.headers:
            if name.lower() != "set-cookie":
                continue
            try:
                morsels = SimpleCookie(value)
            except CookieError:
                raise AssertionError(f"a cookie that browsers reject: {value}") from None
            for key, morsel in morsels.items():
                self.cookies[key] = morsel.coded_value
                if morsel["max-age"] == 0 or morsel.value == "":
                    del self.cookies[key]

    # --- steps of a shopper ---

    def add(self, product: int, quantity: Any = 1, **fields: Any) -> Response:
        """Press "Add to cart" as a browser does."""
        return self.post("/cart/update/", {"product_id": product, "quantity": quantity, **fields}, SAME_SITE)

    def submit_details(self, email: str = "guest@example.org", **changes: str) -> Response:
        """Submit the first step of the checkout."""
        address = {f"shipping-{name}": value for name, value in (ADDRESS | changes).items()}
        return self.post("/cart/checkout/", address | {"email": email, "billing_same": "on"})

    def add_card(self, token: str = "tok_visa") -> int:
        """Save a card and return its id."""
        response = self.post("/billing/payment-processing/", {"token": token})
        assert response.status == 200, response.text
        return int(response.json["card"])

    def pay_form(self) -> dict[str, str]:
        """Return the hidden fields of the second step of the checkout."""
        page = self.get("/cart/checkout/").text
        return {name: hidden_value(page, name) for name in ("order", "quote")} | {"action": "place"}

    def buy(self, product: int, token: str = "tok_visa", email: str = "guest@example.org") -> str:
        """Place an order, and pay for it if the card can be charged. Return the order number."""
        self.add(product)
        self.submit_details(email)
        form = self.pay_form() | {"card": str(self.add_card(token))}
        self.post("/cart/checkout/", form)
        return form["order"]

    def log_in(self, email: str, password: str = PASSWORD, path: str = "/accounts/login/") -> Response:
        """Sign in to the shop, or to the admin if `path` is its login page."""
        name = "username" if path.startswith("/admin/") else "email"
        return self.post(path, {name: email, "password": password})


def hidden_value(page: str, name: str) -> str:
    """Return the value of a hidden field, or an empty string."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def short_id(value: object) -> str:
    """Return a short test id for a hostile value."""
    return ascii(value)[:32]
