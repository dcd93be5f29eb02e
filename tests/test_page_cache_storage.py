"""Tests for the storage of pages: it is bounded, and a cache that fails costs time but never a page."""

import pickle
import threading
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test import Client

from core.page_cache import storage
from core.page_cache.versions import touch
from ecommerce.environment import cache_of, page_cache_of
from products.models import Product
from tests.makers import add_to_cart, make_product
from tests.test_settings import start
from tests.visitors import count_queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("page_cache"), pytest.mark.slow]
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture
def use(settings: Any) -> Any:
    """Return a function that uses this cache as the server of the page cache. The process forgets its own pages."""

    def replace(config: dict[str, Any], slots: int = 100) -> Any:
        storage.clear()
        settings.CACHES = settings.CACHES | {"pages": config}
        settings.PAGE_CACHE_SLOTS = slots
        return caches["pages"]

    return replace


class GarbageCache(LocMemCache):
    """A cache that returns values that were never stored."""

    garbage: Any = None

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self.garbage


@pytest.mark.parametrize("garbage", [b"\x80garbage", "text", 7, {"key": 1}, ["page"], Exception("page")])
def test_garbage_from_the_cache_is_not_served(
    client: Client, use: Any, garbage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = client.get("/products/").content
    use({"BACKEND": f"{__name__}.GarbageCache"})
    monkeypatch.setattr(GarbageCache, "garbage", garbage)
    assert client.get("/products/").content == expected


def test_page_of_another_key_is_not_served(client: Client, use: Any) -> None:
    mug, bowl = make_product(title="Teal mug"), make_product(title="Bowl")
    use({"BACKEND": LOCMEM, "LOCATION": "one-slot"}, slots=1)
    for product in (mug, bowl, mug):
        for _time in range(2):
            storage.clear()
            assert product.title in client.get(product.get_absolute_url()).text


def test_page_that_was_altered_on_the_server_is_not_served(client: Client, use: Any) -> None:
    pages = use({"BACKEND": LOCMEM, "LOCATION": "server"}, slots=1)
    expected = client.get("/products/").content
    stored = pages.get("slot:0")
    assert b"All products" in stored
    for altered in (
        stored.replace(b"All products", b"All PRODUCTS"),
        pickle.dumps("page"),
        stored[:-1],
        b"",
        stored[32:],
    ):
        pages.set("slot:0", altered)
        storage.clear()
        assert client.get("/products/").content == expected


def test_hostile_urls_leave_the_memory_within_its_bound(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    product = make_product()
    cache.set("another", 1)
    monkeypatch.setattr(storage.MEMORY, "size", 30)
    for number in range(60):
        client.get(f"/products/?spy={number}")
        [client.get(f"/products/?price_from={number}") for _time in range(2)]
        client.get(f"/products/?q=word{number}")
        client.get(f"{product.get_absolute_url()}?{number}")
        client.get("/products/", headers={"Host": f"{number}.evil.example"})
    assert len(storage.MEMORY) == 30
    assert cache.get("another") == 1


def test_search_that_strangers_make_pushes_no_page_out(client: Client) -> None:
    client.get("/products/")
    for number in range(300):
        storage.is_second_request(f"key {number}")
    with count_queries() as statements:
        client.get("/products/")
    assert len(statements) == 1


@pytest.fixture
def redis_pages(redis_url: str, use: Any) -> Any:
    """Keep pages in a Redis with five slots."""
    pages = use(page_cache_of(cache_of(redis_url)), 5)
    pages.clear()
    return pages


def test_redis_keeps_pages_in_a_fixed_number_of_slots(client: Client, redis_pages: Any) -> None:
    for product in [make_product() for _ in range(20)]:
        assert client.get(product.get_absolute_url()).text == client.get(product.get_absolute_url()).text
    keys = redis_pages._cache.get_client().keys("*")
    assert 1 < len(keys) <= 5


def test_processes_of_one_release_share_their_pages() -> None:
    code = "import django; django.setup(); from core.page_cache.keys import fingerprint; print(fingerprint())"
    shared = [start(code, CACHE_URL="redis://127.0.0.1:6379/1") for _process in range(2)]
    assert shared[0] == shared[1]
    assert start(code, CACHE_URL="redis://127.0.0.1:6379/1", SITE_NAME="Another name") != shared[0]


def test_page_of_another_process_is_found_in_redis(client: Client, redis_pages: Any) -> None:
    with count_queries() as first:
        client.get("/products/")
    storage.clear()  # as in another process
    with count_queries() as second:
        client.get("/products/")
    assert (len(first) > 1, len(second)) == (True, 1)
    redis_pages.clear()
    with count_queries() as third:  # this process keeps what it has found
        client.get("/products/")
    assert len(third) == 1


def test_page_that_another_process_has_made_again_is_found_in_redis(client: Client, redis_pages: Any) -> None:
    client.get("/products/")
    old = storage.MEMORY.values()[0]
    touch("products")
    client.get("/products/")
    storage.keep(old)  # as in a process that has not seen the page since
    with count_queries() as statements:
        client.get("/products/")
    assert len(statements) == 1
    assert storage.MEMORY.values()[0] is not old


@pytest.mark.parametrize("garbage", [b"\x80\x05garbage", pickle.dumps(storage._sign(b"garbage") + b"garbage")])
def test_bytes_that_cannot_be_unpickled_are_not_served(client: Client, redis_pages: Any, garbage: bytes) -> None:
    expected = client.get("/products/").content
    server = redis_pages._cache.get_client()
    [key] = server.keys("*")
    server.set(key, garbage)
    storage.clear()
    assert client.get("/products/").content == expected


def test_page_in_redis_is_current(client: Client, redis_pages: Any) -> None:
    mug = make_product(title="Teal mug")
    for price in range(20, 25):
        Product.objects.filter(pk=mug.pk).update(price=price)
        touch("product:teal-mug")
        for _time in range(2):
            storage.clear()
            assert f"£{price}.00" in client.get("/products/teal-mug/").text


@pytest.mark.django_db(transaction=True)
def test_visitors_at_the_same_time_get_their_own_pages() -> None:
    """Let visitors with carts of different sizes and different languages request the same pages in parallel."""
    products = [make_product(title=f"Mug {number}", stock=50) for number in range(3)]
    wrong: list[str] = []

    def visit(number: int) -> None:
        try:
            client, quantity = Client(), number + 3
            language = "de" if number % 2 else "en-gb"
            client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
            add_to_cart(client, products[number % 3], quantity)
            client.get("/cart/")
            for turn in range(12):
                product = products[turn % 3]
                touch(f"product:{product.slug}") if turn % 5 == number % 5 else None
                for page in ("/products/", product.get_absolute_url()):
                    text = client.get(f"{page}?visitor={number}").text
                    _note(
                        wrong,
                        text,
                        number,
                        quantity,
                        language,
                        products[number % 3] == product and page != "/products/",
                    )
        finally:
            connection.close()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert wrong == []


def _note(wrong: list[str], text: str, number: int, quantity: int, language: str, is_own: bool) -> None:
    expected = [f"data-cart-items>{quantity}<", f'<html lang="{language}">', f"?visitor={number}"]
    if is_own:
        expected.append(f'value="{quantity}"')
    wrong += [f"{number}: {piece} is missing" for piece in expected if piece not in text]
    if text.count("?visitor=") != text.count(f'?visitor={number}"'):
        wrong.append(f"{number}: shows the URL of another visitor")
