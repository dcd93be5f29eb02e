"""Tests that `next` parameters do not redirect to other sites."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client, RequestFactory

from core.http import next_url
from tests.makers import add_to_cart, make_product, make_user
from tests.visitors import sign_in

HOSTILE = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example/%2f..",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "/\x0b/evil.example",
    "//evil.example\\@testserver",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "//testserver:80@evil.example/",
    "http://testserver\\.evil.example/",
    "ftp://testserver/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//evil.example",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/\r\nLocation: https://evil.example",
    "/cart/\u2028//evil.example",
    "http://[evil.example",
    "?next=//evil.example",
    "evil.example",
    "/" * 5000 + "evil.example",
]
SAME_SITE = ["/cart/", "/products/?category=mugs&page=2", "/products/teal-mug/#buy", "/produits/été/"]


def request_with(target: str, method: str) -> Any:
    return getattr(RequestFactory(), method)("/accounts/login/", {"next": target})


@pytest.mark.sampled(13)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("target", HOSTILE, ids=ascii)
def test_next_to_another_site_is_ignored(target: str, method: str) -> None:
    assert next_url(request_with(target, method), "/default/") == "/default/"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("target", SAME_SITE)
def test_next_to_this_site_is_used(target: str, method: str) -> None:
    assert next_url(request_with(target, method), "/default/") == target


def redirect_host(answer: Any) -> str:
    """Return the host of the redirect target, resolved as a browser resolves it."""
    return urlsplit(urljoin("http://testserver/accounts/login/", answer.headers["Location"])).netloc


@pytest.mark.sampled(7)
@pytest.mark.django_db
@pytest.mark.parametrize("target", HOSTILE, ids=ascii)
def test_login_does_not_redirect_to_other_sites(client: Client, target: str) -> None:
    user = make_user()
    page = client.get("/accounts/login/", {"next": target})
    assert 'name="next" value="/"' in page.text
    assert redirect_host(sign_in(client, user, next=target)) == "testserver"
    # The user is signed in now, so the login page redirects immediately.
    assert redirect_host(client.get("/accounts/login/", {"next": target})) == "testserver"


@pytest.mark.sampled(7)
@pytest.mark.django_db
@pytest.mark.parametrize("target", HOSTILE, ids=ascii)
def test_cart_update_does_not_redirect_to_other_sites(client: Client, target: str) -> None:
    assert redirect_host(add_to_cart(client, make_product(), next=target)) == "testserver"


@pytest.mark.sampled(7)
@pytest.mark.django_db
@pytest.mark.parametrize("target", HOSTILE, ids=ascii)
def test_admin_login_does_not_redirect_to_other_sites(client: Client, target: str) -> None:
    client.force_login(make_user(is_staff=True))
    assert redirect_host(client.get("/admin/login/", {"next": target})) == "testserver"
