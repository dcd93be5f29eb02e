"""Tests for the parts of the page cache that need no database: keys, compression and what is stored."""

import gzip
import zlib
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost
from django.http import HttpResponse
from django.test import RequestFactory

from core.page_cache.compression import compress, deflate_segment, join_gzip, negotiate
from core.page_cache.keys import make_key
from core.page_cache.pages import make_page
from core.page_cache.requests import SharedRequest, to_arguments
from core.page_cache.storage import _slot

BOTH = ("br", "gzip")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ""),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.9", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("GZIP ; q=0.5", "gzip"),
        ("*", "br"),
        ("*;q=0.1, br;q=0", "gzip"),
        ("identity, gzip;q=0.5", ""),
        ("gzip;q=0, br;q=0.000", ""),
        ("br;q=2, gzip;q=nan, deflate", ""),
        ("br;level=1", ""),
        ("gzip," * 100, ""),
    ],
)
def test_encoding_is_negotiated(header: str, expected: str) -> None:
    assert negotiate(header, BOTH) == expected


def test_gzip_of_a_filled_page_is_the_page() -> None:
    literals, texts = [b"<p>" * 500, b"", b"</p>" * 900], [b"1", b"x" * 70_000]
    body = literals[0] + texts[0] + literals[1] + texts[1] + literals[2]
    assert gzip.decompress(join_gzip([deflate_segment(text) for text in literals], texts, body)) == body


def test_text_of_a_visitor_is_not_compressed_with_the_page() -> None:
    literals = [b"attacker controlled: secret-AAAA", b""]
    segments = [deflate_segment(text) for text in literals]
    lengths = {len(join_gzip(segments, [text], literals[0] + text)) for text in (b"secret-AAAA", b"secret-QZXW")}
    assert len(lengths) == 1


@pytest.mark.parametrize("encoding", BOTH)
def test_compressed_page_has_no_time(encoding: str) -> None:
    assert compress(b"<p>" * 100, encoding) == compress(b"<p>" * 100, encoding)


def shared_request(path: str = "/products/", **query: str) -> SharedRequest:
    request = SharedRequest(RequestFactory().get(path), query)
    request.start([], {})
    request.versions = {"site": 1}
    return request


def test_shared_request_has_nothing_of_its_visitor() -> None:
    visitor = RequestFactory().get("/products/?q=mug&spy=1", headers={"Cookie": "sessionid=abc", "User-Agent": "Spy"})
    request = SharedRequest(visitor, {"q": "mug"})
    assert (request.COOKIES, request.session.session_key, request.user.is_authenticated) == ({}, None, False)
    assert request.get_full_path() == "/products/?q=mug"
    assert set(request.META) == {"HTTP_HOST", "QUERY_STRING"}


def test_page_that_looks_like_a_placeholder_is_literal() -> None:
    request = shared_request()
    page = make_page("key", request, HttpResponse("[0] [mark:0] <b>"))
    assert page is not None
    assert (page.literals, page.placeholders) == ([b"[0] [mark:0] <b>"], [])


@pytest.mark.parametrize(
    "change",
    [
        lambda response, request: response.set_cookie("a", "b"),
        lambda response, request: response.headers.__setitem__("Cache-Control", "private"),
        lambda response, request: response.headers.__setitem__("Cache-Control", "max-age=0, no-store"),
        lambda response, request: setattr(response, "status_code", 404),
        lambda response, request: request.session.update({"cart_id": 1}),
        lambda response, request: request.META.update(CSRF_COOKIE="token"),
        lambda response, request: request.versions.clear(),
    ],
)
def test_page_that_is_not_for_everyone_is_not_shared(change: Any) -> None:
    request, response = shared_request(), HttpResponse("page")
    assert make_page("key", request, response)
    change(response, request)
    assert make_page("key", request, response) is None


def test_key_depends_on_host_scheme_language_and_settings(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["shop.example", "www.shop.example"]

    def key(host: str = "shop.example", language: str = "de", **extra: Any) -> str:
        return make_key(RequestFactory().get("/products/", headers={"Host": host}, **extra), {}, language)

    keys = {key(), key("www.shop.example"), key(language="en-gb"), key(secure=True)}
    settings.SITE_NAME = "Another name"
    assert len(keys | {key()}) == 5
    assert key("SHOP.example") == key()
    with pytest.raises(DisallowedHost):
        key("evil.example")


def test_pages_on_a_server_that_does_not_count_are_bounded(settings: Any) -> None:
    settings.PAGE_CACHE_SLOTS = 7
    assert len({_slot(f"key {number}") for number in range(1000)}) == 7


def test_argument_of_a_snippet_is_small() -> None:
    assert to_arguments({"product_id": 3, "is_sold_out": True, "title": "Mug", "none": None})
    with pytest.raises(TypeError, match="lines"):
        to_arguments({"lines": [1, 2]})


def test_deflated_segments_do_not_refer_to_each_other() -> None:
    segment = deflate_segment(b"the same words")
    assert zlib.decompressobj(-15).decompress(segment) == b"the same words"
