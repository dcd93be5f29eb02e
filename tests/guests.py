"""A guest with a name that is easy to find, and the search for it on all pages."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from orders.models import Order
from tests.makers import (
    add_card,
    add_to_cart,
    make_product,
    place_order,
    submit_details,
)

AFRESH, CHECKOUT, CART, ORDERS = "/orders/start-afresh/", "/cart/checkout/", "/cart/", "/orders/"
BUTTON = "Not you? Start afresh"
EMAIL, NAME, STREET = "gia.guest@example.org", "Gia Zylinder", "77 Quince Row"
TRACES = [EMAIL, NAME, STREET, "QUINCE", "4242"]


def named_patterns(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of all URLs, with their namespaces, without those of the admin."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace != "admin":
            yield from named_patterns(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else prefix)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield prefix + pattern.name


def paths_without_arguments() -> list[str]:
    """Return the paths of all pages of the shop that need no arguments."""
    found = set()
    for name in named_patterns(get_resolver().url_patterns):
        with suppress(NoReverseMatch):
            found.add(reverse(name))
    return sorted(found)


def pass_hours(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Let this much more time pass for all code that asks timezone.now."""
    before = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: before() + timedelta(hours=hours))


def enter_details(client: Client, **changes: str) -> None:
    """Put a product into the cart and submit the details of this guest."""
    add_to_cart(client, make_product(title="Teal mug"))
    assert submit_details(client, EMAIL, **{"name": NAME, "line_1": STREET} | changes).url == CHECKOUT


def purchase(client: Client, token: str = "tok_visa") -> Order:
    """Buy a product as this guest, through the pages."""
    enter_details(client)
    place_order(client, add_card(client, token).json()["card"])
    return Order.objects.placed().latest("pk")


def found_traces(client: Client, *more: str) -> dict[str, list[str]]:
    """Return the texts about the guest that each page still shows, and on a POST of each address too."""
    add_to_cart(client, make_product())
    texts = {path: client.get(path, follow=True).content.decode(errors="replace") for path in paths_without_arguments()}
    texts |= {f"{CHECKOUT}?details": client.get(f"{CHECKOUT}?details").text}
    texts |= {"session": str(dict(client.session)) + str(client.cookies)}
    found = {path: [trace for trace in [*TRACES, *more] if contains(text, trace)] for path, text in texts.items()}
    return {path: traces for path, traces in found.items() if traces}


def contains(text: str, trace: str) -> bool:
    """Return whether a text contains a trace.

    Digits count as a whole number only, and not in attributes, because tokens and ids of rows have digits too.
    """
    return bool(re.search(rf"(?<![\w\"=/-]){trace}\b", text)) if trace.isdigit() else trace in text


def emailed_path() -> str:
    """Return the path and key of the link in the confirmation email."""
    [url] = [word for word in mail.outbox[0].body.split() if "?key=" in word]
    return url.removeprefix("http://127.0.0.1:8000")


def knows_nothing(client: Client, *orders: Order) -> bool:
    pages = [client.get(order.get_absolute_url()).status_code for order in orders]
    return (found_traces(client, *[order.order_id for order in orders]), set(pages) - {404}) == ({}, set())
