"""The shop under https, started as in production: cookies, redirects, and whose word about https counts."""

import json
from typing import Any

import pytest

from ecommerce.tests.test_settings import READ, start

# A page that sets every cookie the shop can set; sessions in the cookie itself, so that no database is needed.
ASK = """
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
    kept = {word.lower(): getattr(settings, f"LANGUAGE_COOKIE_{word}") for word in ("SECURE", "HTTPONLY", "SAMESITE")}
    answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, "de", **kept)
    return answer

settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("", page)]})
said = []
for secure, headers in [(True, {}), (False, {}), (False, {"X-Forwarded-Proto": "https"})]:
    answer = Client(headers={"Host": "shop.example"} | headers).get("/", secure=secure)
    cookies = {name: [cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]]
               for name, cookie in answer.cookies.items()}
    said.append({"status": answer.status_code, "headers": dict(answer.headers), "cookies": cookies})
print(json.dumps(said))
"""


def ask(**environment: str) -> list[dict[str, Any]]:
    """The answers to a request by https, by http, and by http that a header calls https."""
    code, said = start(ASK, **environment)
    assert code == 0, said
    return json.loads(next(line for line in said.splitlines() if line.startswith("[{")))


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    return ask()


def test_cookies_are_of_this_host_over_https_alone(answers: list[dict[str, Any]]) -> None:
    cookies = answers[0]["cookies"]
    names = {"__Host-sessionid", "__Host-csrftoken", "__Host-messages", "__Host-django_language"}
    assert cookies == {name: [True, True, "Lax", "/", ""] for name in names}


def test_https_is_asked_for_the_next_time_too(answers: list[dict[str, Any]]) -> None:
    assert answers[0]["headers"]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_http_is_sent_to_https_with_all_headers_and_no_cookie(answers: list[dict[str, Any]]) -> None:
    plain = answers[1]
    assert (plain["status"], plain["headers"]["Location"]) == (301, "https://shop.example/")
    assert plain["headers"]["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in plain["headers"]
    assert not plain["cookies"]


def test_word_of_a_stranger_about_https_is_not_believed(answers: list[dict[str, Any]]) -> None:
    assert answers[2]["status"] == 301


def test_word_of_our_proxy_about_https_is_believed() -> None:
    assert [answer["status"] for answer in ask(TRUSTED_PROXIES="1")] == [200, 301, 200]


def test_cookies_on_a_laptop_have_plain_names() -> None:
    names = "(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.MESSAGES_COOKIE_NAME, s.SESSION_COOKIE_SECURE)"
    laptop = {"SITE_URL": "http://127.0.0.1:8000", "STRIPE_SECRET_KEY": "sk_test_simulator", "STRIPE_API_BASE": ""}
    assert start(READ.format(names), **laptop) == (0, "('sessionid', 'csrftoken', 'messages', False)\n")


@pytest.mark.parametrize("hosts", ["*", "shop.example, *"])
def test_start_for_any_host_is_refused(hosts: str) -> None:
    code, said = start(ALLOWED_HOSTS=hosts)
    assert code != 0
    assert "ALLOWED_HOSTS must list the shop's hosts" in said
