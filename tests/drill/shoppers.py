"""Shoppers who browse and buy through nginx, and the record of every response that they got."""

import itertools
import re
import threading
import time
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.makers import ADDRESS

SECONDS = 60.0  # that a shopper waits for a response
NO_RESPONSE = 0
CATALOG = ("/", "/products/", "/products/?q=mug", "/products/?page=2")


@dataclass(frozen=True)
class Answer:
    """A response: when it was requested and when it was there, in seconds of the drill's clock."""

    began: float
    ended: float
    method: str
    path: str
    status: int
    retry_after: str = ""

    @property
    def seconds(self) -> float:
        """How long the shopper waited."""
        return self.ended - self.began

    @property
    def is_catalog(self) -> bool:
        """Whether this is a page of the catalog."""
        return self.method == "GET" and (self.path == "/" or self.path.startswith("/products/"))


@dataclass
class Record:
    """What all shoppers saw."""

    answers: list[Answer] = field(default_factory=list)
    placed: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)  # the page said so
    errors: list[str] = field(default_factory=list)


class Source(HTTPAdapter):
    """An adapter that sends requests from one IP address of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool of connections."""
        super().init_poolmanager(*args, **kwargs, source_address=(self.address, 0))


class Shopper:
    """A visitor with an IP address of their own."""

    def __init__(self, url: str, certificate: Path, address: str, record: Record, clock: Any) -> None:
        self.url, self.record, self.clock = url, record, clock
        self.session = requests.Session()
        self.session.trust_env = False
        # A connection that was kept can be closed at the moment of the next request, which would look like no response.
        self.session.headers["Connection"] = "close"
        self.session.verify = str(certificate)
        self.session.mount("https://", Source(address))

    def send(self, method: str, path: str, **data: Any) -> "requests.Response | None":
        """Send a request and record the response. Return None if there was none, or if it is an error of the server."""
        began = self.clock()
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": self.url, "Referer": self.url + path}
        token = next((value for name, value in self.session.cookies.items() if "csrftoken" in name), "")
        try:
            response = self.session.request(
                method, self.url + path, data=data or None, headers=headers | {"X-CSRFToken": token}, timeout=SECONDS,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException:
            self.record.answers.append(Answer(began, self.clock(), method, path, NO_RESPONSE))
            return None
        wait = response.headers.get("Retry-After", "")
        self.record.answers.append(Answer(began, self.clock(), method, path, response.status_code, wait))
        return response if response.status_code < 500 else None

    def get(self, path: str) -> str:
        """Return the text of a page, or nothing."""
        response = self.send("GET", path)
        return response.text if response is not None and response.status_code == 200 else ""


class Customer(Shopper):
    """A shopper who browses and then buys as a guest."""

    def shop(self, products: list[tuple[int, str]], random: Random) -> None:
        """Look at some pages, buy a product, and look until the order has an end."""
        product, path = random.choice(products)
        for page in (*random.sample(CATALOG, 2), path, "/cart/"):
            self.get(page)
        if self.try_to_order(product, f"guest{random.randrange(10**6)}@example.org"):
            self.watch(self.order)

    def try_to_order(self, product: int, email: str) -> bool:
        """Fill the cart and place the order. Return whether it was possible to press "Place order"."""
        self.order = ""
        self.send("POST", "/cart/update/", product_id=product, quantity=1)
        self.get("/accounts/login/")  # a page with a CSRF token
        address = {f"shipping-{name}": value for name, value in ADDRESS.items()}
        self.send("POST", "/cart/checkout/", **address, email=email, billing_same="on")
        card = self.send("POST", "/billing/payment-processing/", token="tok_visa")
        page = self.get("/cart/checkout/")
        form = {name: hidden_value(page, name) for name in ("order", "quote")}
        if card is None or card.status_code != 200 or not all(form.values()):
            return False
        self.order = form["order"]
        self.send("POST", "/cart/checkout/", **form, action="place", card=str(card.json()["card"]))
        return True

    def watch(self, order: str) -> None:
        """Look at the order until it has an end. Pay again if the page asks for it."""
        for _view in range(30):
            response = self.send("GET", f"/orders/{order}/status/")
            situation = response.json()["situation"] if response is not None and response.status_code == 200 else ""
            if situation:
                self.record.placed.add(order)
            if situation == "paid":
                self.record.paid.add(order)
            if situation in ("paid", "canceled"):
                return
            if situation in ("unpaid", "declined"):
                card = self.send("POST", f"/orders/{order}/card/", token="tok_visa")
                if card is not None and card.status_code == 200:
                    self.send("POST", f"/orders/{order}/pay/", card=str(card.json()["card"]))
            time.sleep(1)


def hidden_value(page: str, name: str) -> str:
    """Return the value of a hidden field, or an empty string."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def shop_until(
    is_over: threading.Event, number: int, url: str, certificate: Path, products: list[tuple[int, str]],
    record: Record, clock: Any,
) -> None:  # fmt: skip
    """Be one client: a new shopper with a new IP address after each purchase, until the event."""
    random = Random(number)  # noqa: S311
    for turn in itertools.count(1):
        if is_over.is_set():
            return
        address = f"127.{number + 1}.{turn // 250}.{turn % 250 + 1}"
        try:
            Customer(url, certificate, address, record, clock).shop(products, random)
        except Exception as error:  # a mistake of the drill itself; it must not look like a success
            record.errors.append(repr(error))
