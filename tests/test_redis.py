"""Tests for a shared cache, CACHE_URL=redis://... as documented in .env.example, with a real Redis that also fails."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.test import Client
from redis import Redis

from conftest import skip_unless_ci
from core.page_cache import storage
from core.resilience import redis_cache
from core.resilience.breaker import Breaker
from ecommerce.environment import cache_of, page_cache_of
from tests.makers import add_to_cart, make_product
from tests.redis_server import NO_REDIS, RedisServer, running_server
from tests.test_settings import start

pytestmark = pytest.mark.slow
SCRIPT = """
import django
django.setup()
from django.core.cache import cache
cache.set("menu", ["Mugs"], 60)
print(cache.get("menu"), cache.get_or_set("count", lambda: 7), cache.get("nothing"))
"""
FAILURES = {"stopped": RedisServer.stop, "frozen": RedisServer.freeze}
failing = pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
# A page takes less than this. Redis' own limit without ours is five seconds.
PAGE_SECONDS = 1.0


@pytest.fixture
def server(settings: Any) -> Iterator[RedisServer]:
    """Return a Redis server that the shop uses for the cache and for pages."""
    with running_server() as redis:
        if redis is None:
            skip_unless_ci(NO_REDIS)
        assert redis
        default = cache_of(redis.url)
        settings.CACHES = {"default": default, "pages": page_cache_of(default)}
        settings.PAGE_CACHE, settings.PAGE_CACHE_SLOTS = True, 100
        storage.clear()
        yield redis


def test_redis_cache_returns_stored_values(redis_url: str) -> None:
    assert start(SCRIPT, CACHE_URL=redis_url) == (0, "['Mugs'] 7 None\n")


def shown_pages(client: Client) -> dict[str, str]:
    """Return the pages that a visitor with a cart sees, and fail if one is not there in time."""
    pages = {}
    for path in ("/", "/products/", "/products/teal-mug/", "/cart/", "/cart/checkout/"):
        storage.MEMORY.clear()  # as in a process that has to ask Redis
        begin = time.monotonic()
        response = client.get(path, follow=True)
        assert (response.status_code, time.monotonic() - begin < PAGE_SECONDS) == (200, True), path
        pages[path] = response.text
    return pages


@failing
@pytest.mark.django_db
def test_pages_are_complete_while_redis_fails(
    client: Client, server: RedisServer, fail: Callable[[RedisServer], None]
) -> None:
    add_to_cart(client, make_product(title="Teal mug", stock=5), 2)
    before = shown_pages(client)
    with Redis.from_url(server.url) as redis:
        assert redis.dbsize() > 0  # the pages were stored there
    fail(server)
    during = shown_pages(client)
    assert ["data-cart-items>2<" in page for page in during.values()] == [True] * len(before)
    assert ["Teal mug" in page for page in during.values()] == ["Teal mug" in page for page in before.values()]


@failing
@pytest.mark.django_db
def test_change_is_shown_while_redis_fails_and_after_it_works_again(
    client: Client, server: RedisServer, fail: Callable[[RedisServer], None]
) -> None:
    product = make_product(title="Teal mug", stock=5)
    client.get("/products/teal-mug/")
    fail(server)
    product.title = "Blue mug"
    product.save()
    for _time in range(2):
        storage.MEMORY.clear()
        assert "Blue mug" in client.get("/products/teal-mug/").text


@failing
@pytest.mark.django_db
def test_probes_answer_while_redis_fails(
    client: Client, server: RedisServer, fail: Callable[[RedisServer], None]
) -> None:
    assert client.get("/readyz").json()["cache"]["is_late"] is False
    fail(server)
    begin = time.monotonic()
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"], client.get("/healthz").text) == (200, "degraded", "ok")
    assert response.json()["cache"]["is_late"] is True
    assert time.monotonic() - begin < PAGE_SECONDS


@failing
def test_all_calls_are_misses_and_only_the_first_one_waits(
    server: RedisServer, fail: Callable[[RedisServer], None], caplog: pytest.LogCaptureFixture
) -> None:
    cache.set("menu", ["Mugs"])
    fail(server)
    begin = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert (cache.get("menu"), cache.get("menu", "none"), caches["pages"].get("menu")) == (None, "none", None)
        assert (cache.get_many(["menu"]), cache.has_key("menu"), "menu" in cache) == ({}, False, False)
        assert (cache.add("menu", 1), cache.touch("menu"), cache.delete("menu"), cache.clear()) == (False,) * 4
        cache.set("menu", ["Bowls"])
        cache.set_many({"menu": 1}, 5)
        cache.delete_many(["menu"])
        assert cache.get_or_set("menu", lambda: 7) == 7
        with pytest.raises(ValueError, match="not found"):
            cache.incr("menu")
    assert time.monotonic() - begin < 2 * redis_cache.SECONDS
    assert caplog.text.count("The cache failed") == 1


def test_redis_is_asked_again_after_a_pause(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("menu", ["Mugs"])
    server.freeze()
    assert cache.get("menu") is None
    server.thaw()
    assert cache.get("menu") is None  # during the pause
    later = time.monotonic() + redis_cache.PAUSE_SECONDS
    monkeypatch.setattr("core.resilience.breaker.time.monotonic", lambda: later)
    assert cache.get("menu") == ["Mugs"]


def test_breaker_lets_one_call_through_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker, now = Breaker(5), time.monotonic()
    assert (breaker.allows(), breaker.allows()) == (True, True)
    breaker.failed()
    assert breaker.allows() is False
    monkeypatch.setattr("core.resilience.breaker.time.monotonic", lambda: now + 6)
    assert (breaker.allows(), breaker.allows()) == (True, False)
    breaker.succeeded()
    assert (breaker.allows(), breaker.allows()) == (True, True)


def test_content_that_cannot_be_read_is_a_miss(server: RedisServer) -> None:
    cache._cache.get_client().set(cache.make_key("menu"), b"\x80garbage")
    assert (cache.get("menu"), cache.get("menu", 7)) == (None, 7)
    cache.set("menu", ["Mugs"])
    assert cache.get("menu") == ["Mugs"]
