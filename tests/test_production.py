"""Tests for HTTPS in production: cookies, redirects, HSTS and the X-Forwarded-Proto header."""

import json
from typing import Any

import pytest

from tests.test_settings import READ, start

# A page that sets all cookies of the shop. Sessions are stored in the cookie, so no database is needed.
SCRIPT = """
import json, django
django.setup()
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import path

def page(request):
    request.session["cart"] = 1
    messages.info(request, "Welcome")
    get_token(request)
    answer = HttpResponse()
    flags = {name.lower(): getattr(settings, f"LANGUAGE_COOKIE_{name}") for name in ("SECURE", "HTTPONLY", "SAMESITE")}
    answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, "de", **flags)
    return answer

settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("", page)]})
responses = []
for secure, headers in [(True, {}), (False, {}), (False, {"X-Forwarded-Proto": "https"})]:
    answer = Client(headers={"Host": "shop.example"} | headers).get("/", secure=secure)
    cookies = {name: [cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]]
               for name, cookie in answer.cookies.items()}
    responses.append({"status": answer.status_code, "headers": dict(answer.headers), "cookies": cookies})
print(json.dumps(responses))
"""


def get_responses(**environment: str) -> list[dict[str, Any]]:
    """Return the responses over HTTPS, over HTTP, and over HTTP with `X-Forwarded-Proto: https`."""
    code, output = start(SCRIPT, **environment)
    assert code == 0, output
    return json.loads(next(line for line in output.splitlines() if line.startswith("[{")))


@pytest.fixture(scope="module")
def responses() -> list[dict[str, Any]]:
    return get_responses()


@pytest.mark.slow
def test_cookies_have_the_host_prefix_and_are_secure(responses: list[dict[str, Any]]) -> None:
    cookies = responses[0]["cookies"]
    names = {"__Host-sessionid", "__Host-csrftoken", "__Host-messages", "__Host-django_language"}
    assert cookies == {name: [True, True, "Lax", "/", ""] for name in names}


@pytest.mark.slow
def test_https_response_has_hsts_header(responses: list[dict[str, Any]]) -> None:
    assert responses[0]["headers"]["Strict-Transport-Security"] == "max-age=3600"


@pytest.mark.slow
def test_hsts_is_raised_by_settings() -> None:
    [response, *_others] = get_responses(HSTS_SECONDS="31536000", HSTS_SUBDOMAINS="on", HSTS_PRELOAD="on")
    assert response["headers"]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_http_redirects_to_https_with_all_headers_and_no_cookie(responses: list[dict[str, Any]]) -> None:
    response = responses[1]
    assert (response["status"], response["headers"]["Location"]) == (301, "https://shop.example/")
    assert response["headers"]["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in response["headers"]
    assert not response["cookies"]


def test_forwarded_proto_without_trusted_proxies_is_ignored(responses: list[dict[str, Any]]) -> None:
    assert responses[2]["status"] == 301


@pytest.mark.slow
def test_forwarded_proto_of_a_trusted_proxy_is_used() -> None:
    assert [answer["status"] for answer in get_responses(TRUSTED_PROXIES="1")] == [200, 301, 200]


@pytest.mark.slow
def test_cookies_without_https_have_no_host_prefix() -> None:
    names = "(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.MESSAGES_COOKIE_NAME, s.SESSION_COOKIE_SECURE)"
    environment = {"SITE_URL": "http://127.0.0.1:8000", "STRIPE_SECRET_KEY": "sk_test_simulator", "STRIPE_API_BASE": ""}
    assert start(READ.format(names), **environment) == (0, "('sessionid', 'csrftoken', 'messages', False)\n")


@pytest.mark.slow
@pytest.mark.parametrize("hosts", ["*", "shop.example, *"])
def test_start_with_a_wildcard_host_fails(hosts: str) -> None:
    code, output = start(ALLOWED_HOSTS=hosts)
    assert code != 0
    assert "ALLOWED_HOSTS must list the shop's hosts" in output
