"""`next` leads to this site or nowhere, in whatever spelling."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client, RequestFactory

from ecommerce.http import next_url
from ecommerce.tests.makers import add_to_cart, make_product, make_user
from ecommerce.tests.visitors import sign_in

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
FRIENDLY = ["/cart/", "/products/?category=mugs&page=2", "/products/teal-mug/#buy", "/produits/été/"]


def request_with(goal: str, method: str) -> Any:
    return getattr(RequestFactory(), method)("/accounts/login/", {"next": goal})


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("goal", HOSTILE, ids=ascii)
def test_next_of_another_site_is_passed_over(goal: str, method: str) -> None:
    assert next_url(request_with(goal, method), "/default/") == "/default/"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("goal", FRIENDLY)
def test_next_of_this_site_is_followed(goal: str, method: str) -> None:
    assert next_url(request_with(goal, method), "/default/") == goal


def leads_to(answer: Any) -> str:
    """The host a browser would go to, as it reads the address."""
    return urlsplit(urljoin("http://testserver/accounts/login/", answer.headers["Location"])).netloc


@pytest.mark.django_db
@pytest.mark.parametrize("goal", HOSTILE, ids=ascii)
def test_login_leads_to_this_site_whatever_next_says(client: Client, goal: str) -> None:
    user = make_user()
    page = client.get("/accounts/login/", {"next": goal})
    assert 'name="next" value="/"' in page.text
    assert leads_to(sign_in(client, user, next=goal)) == "testserver"
    assert leads_to(client.get("/accounts/login/", {"next": goal})) == "testserver"  # who is signed in goes on at once


@pytest.mark.django_db
@pytest.mark.parametrize("goal", HOSTILE, ids=ascii)
def test_cart_button_leads_to_this_site_whatever_next_says(client: Client, goal: str) -> None:
    assert leads_to(add_to_cart(client, make_product(), next=goal)) == "testserver"


@pytest.mark.django_db
@pytest.mark.parametrize("goal", HOSTILE, ids=ascii)
def test_login_of_staff_leads_to_this_site_whatever_next_says(client: Client, goal: str) -> None:
    client.force_login(make_user(is_staff=True))
    assert leads_to(client.get("/admin/login/", {"next": goal})) == "testserver"
