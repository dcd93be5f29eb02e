"""Abuse with raw bytes: invalid requests, and requests that two programs can interpret in different ways."""

import re

import pytest

from tests.proofs.abuse_server import AbuseServer
from tests.proofs.hostile_client import NO_RESPONSE

pytestmark = pytest.mark.slow
PAGE, UPDATE, WEBHOOK = b"GET / HTTP/1.1", b"POST /cart/update/ HTTP/1.1", b"POST /billing/webhook/ HTTP/1.1"
CHUNKED, END = b"Transfer-Encoding: chunked", b"0\r\n\r\n"


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """Return a request to the shop's host with additional headers."""
    return b"\r\n".join([line, b"Host: 127.0.0.1", b"Connection: close", *headers, b"", body])


REQUESTS: dict[str, bytes] = {
    "nothing": b"",
    "line breaks": b"\r\n" * 50,
    "random bytes": bytes(range(256)) * 10,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": request(b"GET / HTTP/9.9"),
    "no version": request(b"GET / HTTP/"),
    "no host": b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": request(PAGE, b"Host: evil.example"),
    "absolute URL": request(b"GET http://evil.example/ HTTP/1.1"),
    "asterisk": request(b"OPTIONS * HTTP/1.1"),
    "CONNECT": request(b"CONNECT evil.example:443 HTTP/1.1"),
    "no slash": request(b"GET products HTTP/1.1"),
    "space in the URL": request(b"GET /a b HTTP/1.1"),
    "raw bytes in the URL": request(b"GET /\xff\xfe\x00 HTTP/1.1"),
    "only line feeds": request(PAGE).replace(b"\r", b""),
    "very long method": request(b"G" * 9000 + b" / HTTP/1.1"),
    "very long URL": request(b"GET /" + b"a" * 100_000 + b" HTTP/1.1"),
    "very long header": request(PAGE, b"X: " + b"a" * 100_000),
    "5,000 headers": request(PAGE, *[b"X-A: b"] * 5000),
    "huge cookies": request(PAGE, b"Cookie: " + b"a=b; " * 20_000),
    "many cookies": request(PAGE, b"Cookie: " + b"a=b;" * 1900),
    "header without a colon": request(PAGE, b"X-A"),
    "header with a space": request(PAGE, b"X-A : b"),
    "header folded": request(PAGE, b"X-A: b", b" c"),
    "header of NULs": request(PAGE, b"X-A: \x00\x00"),
    "header with underscores": request(b"GET /admin/ HTTP/1.1", b"REMOTE_USER: boss@example.org"),
    "invalid length": request(WEBHOOK, b"Content-Length: abc", body=b"{}"),
    "negative length": request(WEBHOOK, b"Content-Length: -5", body=b"{}"),
    "two lengths": request(WEBHOOK, b"Content-Length: 2", b"Content-Length: 9", body=b"{}"),
    "length beyond the body": request(WEBHOOK, b"Content-Length: 500", body=b"{}"),
    "truncated form": request(UPDATE, b"Sec-Fetch-Site: same-origin", b"Content-Length: 500", body=b"product_id="),
    "invalid chunk size": request(UPDATE, CHUNKED, body=b"zz\r\n{}\r\n"),
    "chunk without end": request(UPDATE, CHUNKED, body=b"5\r\nab"),
    "very long chunk size": request(UPDATE, CHUNKED, body=b"f" * 9000),
    "chunked webhook": request(WEBHOOK, CHUNKED, body=b"2\r\n{}\r\n" + END),
    "length and chunks": request(UPDATE, b"Content-Length: 4", CHUNKED, body=END + request(b"GET /admin/ HTTP/1.1")),
    "chunked twice": request(UPDATE, b"Transfer-Encoding: chunked, chunked", body=END),
    "chunked, then not": request(UPDATE, CHUNKED, b"Transfer-Encoding: identity", body=END),
    "chunked by another name": request(UPDATE, b"Transfer-Encoding: \x0bchunked", body=END),
    "unknown expectation": request(UPDATE, b"Expect: the-worst", b"Content-Length: 0"),
    "upgrade": request(PAGE, b"Upgrade: websocket"),
}
ALLOWED_STATUSES = {NO_RESPONSE, 200, 302, 400, 403, 404, 405, 411, 413, 414, 417, 431}


@pytest.mark.parametrize("name", REQUESTS)
def test_invalid_request_gets_one_response_and_changes_nothing(shop: AbuseServer, name: str) -> None:
    visitor = shop.visitor()
    with shop.assert_unchanged():
        response = visitor.send_raw(REQUESTS[name])
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", response, re.MULTILINE)] or [
        NO_RESPONSE
    ]
    assert set(statuses) <= ALLOWED_STATUSES, response[:300]
    assert len(statuses) == 1, "a second request was hidden in the first"
    assert visitor.get("/health/").status == 200


def test_unknown_transfer_coding_is_rejected_by_the_server(shop: AbuseServer) -> None:
    """Check the only 5xx response: RFC 9112, section 6.1 requires 501, and gunicorn sends it before the shop runs."""
    with shop.assert_unchanged():
        response = shop.visitor().send_raw(request(UPDATE, b"Transfer-Encoding: klingon, chunked", body=END))
    assert response.startswith((b"HTTP/1.1 501", b"HTTP/1.1 400"))
