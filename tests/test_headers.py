"""Tests for the security headers of all kinds of responses, and for the Host and X-Forwarded headers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from stripe_simulator.server import Simulator
from tests.makers import add_to_cart, make_product, make_user, submit_details

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def get_image(client: Client) -> Any:
    default_storage.save("products/mug.webp", ContentFile(b"RIFF"))
    return client.get("/media/products/mug.webp")


def get_server_error(client: Client) -> Any:
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("products.models.category.CategoryManager.tree", None)
        return client.get("/products/")


def get_admin_page(client: Client) -> Any:
    client.force_login(make_user("boss@example.org", is_staff=True, is_superuser=True))
    return client.get("/admin/products/product/add/")


REQUESTS: dict[str, tuple[int, Callable[[Client], Any]]] = {
    "page": (200, lambda client: client.get("/")),
    "head": (200, lambda client: client.head("/products/")),
    "json": (200, lambda client: client.get("/health/")),
    "static file": (200, lambda client: client.get("/static/css/shop.css")),
    "missing static file": (404, lambda client: client.get("/static/css/nothing.css")),
    "image": (200, get_image),
    "missing image": (404, lambda client: client.get("/media/nothing.webp")),
    "redirect": (302, lambda client: client.get("/cart/success/")),
    "missing slash": (301, lambda client: client.get("/products")),
    "invalid path": (400, lambda client: client.get("/products/?category=%00")),
    "invalid host": (400, lambda client: client.get("/", headers={"Host": "evil.example"})),
    "missing CSRF token": (403, lambda client: Client(enforce_csrf_checks=True).post("/accounts/logout/")),
    "missing page": (404, lambda client: client.get("/nothing/")),
    "wrong method": (405, lambda client: client.post("/products/")),
    "wrong method, HTML": (405, lambda client: client.post("/products/", headers={"Accept": "text/html"})),
    "options": (405, lambda client: client.options("/")),
    "unsigned webhook": (400, lambda client: client.post("/billing/webhook/", b"{}", content_type="text/plain")),
    "server error": (500, get_server_error),
    "admin login": (200, lambda client: client.get("/admin/login/")),
    "admin page": (200, get_admin_page),
    "admin redirect": (302, lambda client: client.get("/admin/")),
    "missing admin page": (302, lambda client: client.get("/admin/nothing/")),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", REQUESTS)
def test_all_responses_have_security_headers(client: Client, name: str) -> None:
    status, send = REQUESTS[name]
    response = send(client)
    response.close()
    assert response.status_code == status
    expected = ALWAYS | ({"Cross-Origin-Resource-Policy": "cross-origin"} if name == "image" else {})
    assert {header: response.headers.get(header) for header in ALWAYS} == expected
    assert "payment=()" in response.headers["Permissions-Policy"]
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", REQUESTS)
def test_responses_do_not_allow_cross_origin_reads(client: Client, name: str) -> None:
    client.defaults["HTTP_ORIGIN"] = "https://evil.example"
    response = REQUESTS[name][1](client)
    response.close()
    assert not [header for header in response.headers if header.startswith("Access-Control-")]


def test_unneeded_browser_features_are_disabled(client: Client) -> None:
    disabled = client.get("/").headers["Permissions-Policy"].split(", ")
    assert {"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"} <= set(disabled)
    assert all(feature.endswith("=()") for feature in disabled)


@pytest.mark.slow
def test_payment_pages_allow_payment_features(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    everywhere = set(client.get("/").headers["Permissions-Policy"].split(", "))
    paying = set(client.get("/cart/checkout/").headers["Permissions-Policy"].split(", "))
    assert everywhere - paying == {"payment=()", "publickey-credentials-get=()"}
    assert paying < everywhere


def test_policy_of_a_payment_page_stays_on_that_page(client: Client, simulator: Simulator) -> None:
    add_to_cart(client, make_product())
    submit_details(client)
    policies = [client.get(path).headers["Content-Security-Policy"] for path in ("/", "/cart/checkout/", "/cart/", "/")]
    sources = [simulator.url in policy for policy in policies]
    assert sources == [False, True, False, False]


def test_policy_forbids_plugins_and_base_elements(client: Client) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy


def test_uploaded_html_file_is_sandboxed(client: Client, settings: Any) -> None:
    (Path(settings.MEDIA_ROOT) / "evil.html").write_text("<script>alert(1)</script>")
    response = client.get("/media/evil.html")
    response.close()
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"


# Host and proxy headers


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "testserver.evil.example",
        "eviltestserver",
        "testserver@evil.example",
        "evil.example:80@testserver",
        "testserver/../evil.example",
        "testserver evil.example",
        "[::1",
        "*",
    ],
)
def test_unknown_host_is_rejected(client: Client, host: str) -> None:
    response = client.get("/accounts/login/", headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.text


def test_forwarded_host_is_ignored(client: Client) -> None:
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Server": "evil.example",
        "Forwarded": "host=evil.example",
        "X-Original-URL": "/admin/",
        "X-Rewrite-URL": "/admin/",
    }
    page = client.get("/products/", headers=headers)
    assert (page.status_code, "evil" in page.text) == (200, False)
    assert client.get("/products", headers=headers).url == "/products/"


def test_forwarded_proto_is_ignored_without_trusted_proxies(client: Client) -> None:
    assert not client.get("/", headers={"X-Forwarded-Proto": "https"}).wsgi_request.is_secure()
