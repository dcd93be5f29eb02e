"""Tests for the line that each request has in the log, and for its id."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from core.background.after_response import run_after_response
from core.logs import JsonFormatter, request_id
from core.middleware import AfterResponseMiddleware
from core.page_cache import storage
from core.page_cache.pages import Page
from ecommerce.operations.request_log import RequestLogMiddleware
from ecommerce.operations.unavailable import unavailable
from orders.models import Order
from stripe_simulator.server import Simulator
from tests import guests
from tests.makers import make_product
from tests.test_settings import start

pytestmark = [pytest.mark.sampled(3), pytest.mark.django_db]
UNSAFE_IDS = ["short", "a" * 65, "ann@example.org", "0123456789abcdef\nINFO", "0123456789 abcdef", "0123456789äbcdef"]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that returns the entries so far, as production logs them, also those of level DEBUG."""
    output = StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(JsonFormatter())
    root, requests = logging.getLogger(), logging.getLogger(RequestLogMiddleware.__module__)
    root.addHandler(handler)
    requests.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    root.removeHandler(handler)
    requests.setLevel(logging.NOTSET)


def request_lines(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(entry["level"], entry["method"], entry["route"], entry["status"]) for entry in entries if "route" in entry]


def get_server_error(client: Client) -> HttpResponse:
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("products.models.category.CategoryManager.tree", None)
        return client.get("/products/")


@pytest.mark.parametrize(
    ("send", "line"),
    [
        (lambda client: client.get("/?q=ann@example.org"), ("INFO", "GET", "/", 200)),
        (lambda client: client.head("/products/"), ("INFO", "HEAD", "/products/", 200)),
        (lambda client: client.get("/products/secret-mug/"), ("INFO", "GET", "/products/<slug:slug>/", 404)),
        (lambda client: client.get("/orders/2345678923/?key=abc"), ("INFO", "GET", "/orders/<slug:order_id>/", 302)),
        (lambda client: client.get("/nothing/ann@example.org"), ("INFO", "GET", "", 404)),
        (lambda client: client.get("/products"), ("INFO", "GET", "", 301)),
        (lambda client: client.get("/products/?category=%00"), ("INFO", "GET", "/products/", 400)),
        (lambda client: client.get("/", headers={"Host": "evil.example"}), ("INFO", "GET", "/", 400)),
        (lambda client: client.post("/products/"), ("INFO", "POST", "/products/", 405)),
        (lambda client: client.generic("GET\nINFO", "/products/"), ("INFO", "other", "/products/", 405)),
        (get_server_error, ("WARNING", "GET", "/products/", 500)),
        (lambda client: client.get("/healthz"), ("DEBUG", "GET", "/healthz", 200)),
        (lambda client: client.get("/readyz"), ("DEBUG", "GET", "/readyz", 200)),
        (lambda client: client.get("/static/css/shop.css"), ("DEBUG", "GET", "", 200)),
    ],
)
def test_request_has_one_line_with_the_route(client: Client, lines: Any, send: Any, line: tuple[Any, ...]) -> None:
    response = send(client)
    response.close()
    assert request_lines(lines()) == [line]
    [entry] = [entry for entry in lines() if "route" in entry]
    assert set(entry) == {"time", "level", "logger", "request_id", "route", "method", "status", "ms"}
    assert entry["request_id"] == response.headers["X-Request-ID"]
    assert 0 <= entry["ms"] < 60_000


def test_maintenance_and_stored_pages_have_a_route(client: Client, lines: Any, page_cache: None, settings: Any) -> None:
    make_product(title="Teal mug")
    for _ in range(2):
        assert client.get("/products/teal-mug/").status_code == 200
    settings.MAINTENANCE = True
    client.get("/products/teal-mug/")
    route = "/products/<slug:slug>/"
    assert request_lines(lines()) == [("INFO", "GET", route, 200)] * 2 + [("WARNING", "GET", route, 503)]


def test_stored_page_has_a_new_id_for_each_request(
    client: Client, page_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[Page] = []
    put = storage.put
    monkeypatch.setattr(storage, "put", lambda page: (stored.append(page), put(page)))
    ids = [client.get("/products/").headers["X-Request-ID"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert len(stored) == 1
    assert "X-Request-ID" not in str(stored[0].headers) + str(stored[0].view_headers)


def test_request_that_is_stopped_has_a_line(lines: Any) -> None:
    def stop(request: HttpRequest) -> HttpResponse:
        raise SystemExit(1)  # as gunicorn ends a worker that takes too long

    with pytest.raises(SystemExit):
        RequestLogMiddleware(stop)(RequestFactory().get("/products/"))
    assert request_lines(lines()) == [("WARNING", "GET", "/products/", None)]
    assert request_id.get() == ""


def test_id_of_a_trusted_proxy_is_used(client: Client, settings: Any) -> None:
    sent = "5f2c8a9e-0b1d_4c3e"
    assert client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"] != sent
    settings.TRUSTED_PROXIES = 1
    assert client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", UNSAFE_IDS)
def test_unsafe_id_is_replaced(client: Client, settings: Any, lines: Any, sent: str) -> None:
    settings.TRUSTED_PROXIES = 1
    used = client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert len(used) == 16
    assert [entry["request_id"] for entry in lines()] == [used]


def test_work_after_the_response_is_logged_with_its_id(lines: Any) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        run_after_response(lambda: logging.getLogger("shop").warning("sent later"))
        return HttpResponse()

    response = RequestLogMiddleware(AfterResponseMiddleware(view))(RequestFactory().get("/"))
    assert request_id.get() == ""
    response.close()
    [request, work] = lines()
    assert work["message"] == "sent later"
    assert work["request_id"] == request["request_id"] == response.headers["X-Request-ID"]


def test_transient_error_is_logged_with_the_route(lines: Any) -> None:
    unavailable(RequestFactory().get("/orders/2345678923/"), OperationalError("timeout"))
    assert lines()[0]["message"] == "GET /orders/<slug:order_id>/ failed for now: timeout"


def test_server_error_shows_the_id_that_its_traceback_has(client: Client, lines: Any) -> None:
    response = get_server_error(client)
    [traceback] = [entry for entry in lines() if "traceback" in entry]
    assert traceback["message"] == "Internal Server Error: /products/"
    assert response.headers["X-Request-ID"] == traceback["request_id"]
    assert f"reference: {traceback['request_id']}" in response.text


@pytest.mark.parametrize("path", ["/\nINFO/", "/%0A%7B%22level%22", "/\u2028", "/products/?a=\n"])
def test_hostile_path_makes_no_second_line(client: Client, lines: Any, path: str) -> None:
    client.get(path, headers={"User-Agent": "a\n{}", "X-Request-ID": "a\n{}", "Referer": "\n"})
    assert len(lines()) == 1


SEND = """
import django; django.setup()
from django.test import Client
Client().get("/healthz")
Client(headers={"Host": "shop.example"}).get("/language/?q=1")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "beginning"),
    [
        ({}, '{"time": "2'),
        ({"LOG_FORMAT": "text"}, f"INFO {RequestLogMiddleware.__module__}: GET /language/ 301 "),
        (
            {"DEBUG": "on", "SITE_URL": "http://127.0.0.1:8000", "STRIPE_SECRET_KEY": "", "STRIPE_API_BASE": ""},
            f"INFO {RequestLogMiddleware.__module__}: GET /language/ 405 ",
        ),
    ],
)
def test_format_of_the_log_depends_on_the_settings(environment: dict[str, str], beginning: str) -> None:
    *_warnings, line = start(SEND, **environment)[1].splitlines()
    assert line.startswith(beginning)


@pytest.mark.slow
def test_log_of_a_guest_checkout_has_no_personal_data(client: Client, simulator: Simulator, lines: Any) -> None:
    client.defaults |= {"REMOTE_ADDR": "198.51.100.77", "HTTP_USER_AGENT": "Zylinder-Browser/7"}
    client.get("/products/", {"q": "Zylinderhut"})
    order = guests.purchase(client)
    path = guests.emailed_path()
    for url in (order.get_absolute_url(), "/orders/", "/cart/success/", path, path.replace("key=", "key=x")):
        client.get(url)
        Client(REMOTE_ADDR="198.51.100.77").get(url, follow=True)
    client.post(reverse("accounts:login"), {"email": guests.EMAIL, "password": "wrong-zylinder"})
    client.post(reverse("accounts:password_reset"), {"email": guests.EMAIL})
    Client(enforce_csrf_checks=True).post(order.get_absolute_url())
    text = "\n".join(map(str, lines()))
    private = [
        *guests.TRACES, "Zylinder", "zylinder", "198.51.100.77", "teal-mug", order.order_id, path,
        path.partition("key=")[2], client.session.session_key, client.cookies["sessionid"].value,
        *[word for message in mail.outbox for word in message.body.split() if "://" in word],
    ]  # fmt: skip
    assert [trace for trace in private if guests.contains(text, str(trace))] == []
    assert {"/orders/<slug:order_id>/", "/cart/checkout/", "/accounts/login/"} <= {e.get("route") for e in lines()}
    assert Order.objects.get().status == Order.Status.PAID
