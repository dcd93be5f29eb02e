"""Answers with shared pages: encodings, ETags, unchanged pages and HEAD.

Only these pages are compressed. A page with a CSRF token is not, because its length would show whether a guess that the
URL puts into the page repeats a part of the token (the BREACH attack).
"""

from collections.abc import Sequence
from functools import cached_property

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import ResponseHeaders
from django.utils.http import parse_etags

from core.page_cache import storage
from core.page_cache.compression import compress, join_gzip, negotiate
from core.page_cache.pages import Page, is_shareable, make_etag

OF_CONTENT = {"content-encoding", "content-language", "content-length", "content-type"}  # not sent without content
OF_ANSWER = {"cache-control", "content-encoding", "content-length", "etag", "expires"}  # depend on the visitor


class RenderedPage:
    """The content of a page that was rendered for one visitor."""

    encodings: tuple[str, ...] = ("br", "gzip")

    def __init__(self, body: bytes) -> None:
        self.body = body

    @cached_property
    def etag(self) -> str:
        return make_etag(self.body)

    def encode(self, encoding: str) -> bytes:
        """Return the content in this encoding."""
        return compress(self.body, encoding, is_sent_once=True) if encoding else self.body


class FilledPage:
    """The content of a shared page with the texts for one visitor."""

    def __init__(self, page: Page, texts: Sequence[bytes]) -> None:
        self.page, self.texts = page, texts
        self.is_plain = texts is page.texts or texts == page.texts
        self.encodings: tuple[str, ...] = ("br", "gzip") if self.is_plain else ("gzip",)

    @cached_property
    def body(self) -> bytes:
        return self.page.body(self.texts)

    @property
    def etag(self) -> str:
        return self.page.etag if self.is_plain else make_etag(self.body)

    def encode(self, encoding: str) -> bytes:
        """Return the content in this encoding."""
        if not encoding:
            return self.body
        return self.page.encode(encoding) if self.is_plain else join_gzip(self.page.deflated(), self.texts, self.body)


class SharedResponse(HttpResponse):
    """A response with a shared page. It gets its content, encoded, after all middleware has run: see `finish`."""

    def __init__(self, content: FilledPage, headers: ResponseHeaders) -> None:
        super().__init__()
        self.headers = CheckedHeaders(headers)
        self.shared_content = content


class CheckedHeaders(ResponseHeaders):
    """A copy of headers that were checked before, which Django would check one by one again."""

    def __init__(self, headers: ResponseHeaders) -> None:
        self._store = dict(headers._store)


def finish(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response as it is sent: encoded, without a body for HEAD, or 304 if the visitor has the page.

    Store a page that is new. Only visitors without a session get an ETag, because no cache may keep other pages.
    """
    content: FilledPage | RenderedPage = response.shared_content  # type: ignore[attr-defined]
    page = content.page if isinstance(content, FilledPage) else None
    if page and page.headers is None and not response.cookies:
        page.headers = _stored_headers(page, response)
        page.is_changed = True
    has_page = False
    if is_shareable(response):
        response.headers["ETag"] = content.etag
        has_page = _has_current(request, content.etag)
    answer = _unchanged(response) if has_page else _encode(request, response)
    if page and page.is_changed:
        storage.put(page)
    return answer


def _stored_headers(page: Page, response: HttpResponse) -> ResponseHeaders:
    """Return the headers that a visitor without a session gets, whose answer no middleware keeps out of caches."""
    of_view = {name: value for name, value in page.view_headers.items() if name.lower() in OF_ANSWER}
    return ResponseHeaders(of_view | {name: value for name, value in response.items() if name.lower() not in OF_ANSWER})


def _has_current(request: HttpRequest, etag: str) -> bool:
    """Return whether If-None-Match contains the ETag or `*`. Weak and strong tags count as equal (RFC 9110, 13.1.2)."""
    header = request.META.get("HTTP_IF_NONE_MATCH", "")
    if not header:
        return False
    tags = [tag.removeprefix("W/") for tag in parse_etags(header)]
    return "*" in tags or etag.removeprefix("W/") in tags


def _unchanged(response: HttpResponse) -> HttpResponse:
    """Return a 304 with the headers of the response except those about its content."""
    answer = HttpResponseNotModified()
    for name, value in response.items():
        if name.lower() not in OF_CONTENT:
            answer.headers[name] = value
    return answer


def _encode(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    content = response.shared_content  # type: ignore[attr-defined]
    encoding = negotiate(request.META.get("HTTP_ACCEPT_ENCODING", ""), content.encodings)
    body = content.encode(encoding)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Content-Length"] = str(len(body))
    response.content = b"" if request.method == "HEAD" else body
    return response
