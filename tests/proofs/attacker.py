"""A hostile visitor: HTTP with cookies and tokens, able to send what no browser would."""

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
HUNG_UP = 0  # in place of a status: the server closed the connection without an answer
SECONDS = 60  # to wait for an answer: the machine may be busy
Fields = Mapping[str, Any] | Sequence[tuple[str, Any]] | bytes | str


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The page as it was sent."""
        return self.body.decode()

    @property
    def words(self) -> str:
        """The page as it is read: entities resolved, white space collapsed."""
        return " ".join(unescape(self.text).split())

    @property
    def json(self) -> Any:
        """The document in it."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """The last header of this name, or empty."""
        return {key.lower(): value for key, value in self.headers}.get(name.lower(), "")

    @property
    def location(self) -> str:
        """Where it sends the visitor."""
        return self.header("Location")


class Attacker:
    """One visitor with a cookie jar, coming from an address of its own; an answer of 500 or above ends the test."""

    counts: "ClassVar[Counter[int]]" = Counter()  # of the answers to all visitors, by status

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.port, self.source = port, source
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One request on a connection of its own; cookies are kept."""
        jar = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, SECONDS, source_address=(self.source, 0))
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # a server need not read what it refuses
                connection.request(method, path, body or None, {**jar, **(headers or {})})
            got = connection.getresponse()
            answer = Answer(got.status, got.getheaders(), got.read())
        except ConnectionResetError:
            answer = Answer(HUNG_UP, [], b"")
        finally:
            connection.close()
        self.counts.update([answer.status])
        assert answer.status < 500, f"{method} {path[:200]} was answered {answer.status}"
        self._keep_cookies(answer)
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """A GET; `User_Agent` stands for the header User-Agent."""
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, fields: Fields = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """A POST of a form with this visitor's own CSRF token, unless `headers` bring another."""
        body = fields if isinstance(fields, bytes | str) else urlencode(fields, doseq=True)
        body = body.encode() if isinstance(body, str) else body
        return self.send("POST", path, body, {"Content-Type": FORM, "X-CSRFToken": self.token(), **(headers or {})})

    def token(self) -> str:
        """The CSRF token a page of the shop gave this visitor."""
        if "csrftoken" not in self.cookies:
            self.get("/accounts/login/")
        return self.cookies["csrftoken"]

    def raw(self, request: bytes) -> bytes:
        """Bytes as they are; the whole answer, empty if the server hung up."""
        with socket.create_connection(("127.0.0.1", self.port), SECONDS, (self.source, 0)) as line:
            answer = b""
            with suppress(OSError):  # a server may hang up on what is no request
                line.sendall(request)
                line.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while part := line.recv(65536):
                    answer += part
        self.counts.update([HUNG_UP if not answer else int(answer[9:12])])
        return answer

    def _keep_cookies(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name.lower() != "set-cookie":
                continue
            try:
                morsels = SimpleCookie(value)
            except CookieError:
                raise AssertionError(f"a cookie that browsers refuse: {value}") from None
            for key, morsel in morsels.items():
                self.cookies[key] = morsel.coded_value
                if morsel["max-age"] == 0 or morsel.value == "":
                    del self.cookies[key]

    # --- the steps of a shopper ---

    def add(self, product: int, quantity: Any = 1, **fields: Any) -> Answer:
        """Press "Add to cart" as a browser does."""
        return self.post("/cart/update/", {"product_id": product, "quantity": quantity, **fields}, SAME_SITE)

    def give_details(self, email: str = "guest@example.org", **changes: str) -> Answer:
        """Fill the checkout's first step."""
        address = {f"shipping-{name}": value for name, value in (ADDRESS | changes).items()}
        return self.post("/cart/checkout/", address | {"email": email, "billing_same": "on"})

    def add_card(self, token: str = "tok_visa") -> int:
        """Keep a card; its id."""
        answer = self.post("/billing/payment-processing/", {"token": token})
        assert answer.status == 200, answer.text
        return int(answer.json["card"])

    def pay_form(self) -> dict[str, str]:
        """The hidden fields of the checkout's second step."""
        page = self.get("/cart/checkout/").text
        return {name: hidden(page, name) for name in ("order", "quote")} | {"action": "place"}

    def buy(self, product: int, token: str = "tok_visa", email: str = "guest@example.org") -> str:
        """The whole way to a placed order, paid if the card allows; its number."""
        self.add(product)
        self.give_details(email)
        form = self.pay_form() | {"card": str(self.add_card(token))}
        self.post("/cart/checkout/", form)
        return form["order"]

    def log_in(self, email: str, password: str = PASSWORD, path: str = "/accounts/login/") -> Answer:
        """Sign in to the shop, or with the admin's path to the admin."""
        name = "username" if path.startswith("/admin/") else "email"
        return self.post(path, {name: email, "password": password})


def hidden(page: str, name: str) -> str:
    """The value of a hidden field; empty where there is none."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def short(value: object) -> str:
    """A test's id for a hostile value."""
    return ascii(value)[:32]
