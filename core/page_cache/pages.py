"""Stored pages: the literal parts, the placeholders between them, and the versions of what they show."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.utils import timezone

from core.page_cache import placeholders
from core.page_cache.compression import compress, deflate_segment
from core.page_cache.placeholders import Placeholder
from core.page_cache.requests import SharedRequest

LONGEST_LIFE = 3600  # seconds; only a limit for what no version and no `expires_at` covers


@dataclass
class Page:
    """A page that can be stored. It contains nothing of a visitor."""

    key: str
    full_path: str  # with the parameters that the view declares, which is what the stored texts were made for
    versions: dict[str, int]
    expires: float  # a Unix time
    literals: list[bytes]  # one more than placeholders
    placeholders: list[Placeholder]
    texts: list[bytes]  # what is filled in for a visitor without a session
    view_headers: ResponseHeaders  # those of the view
    headers: ResponseHeaders | None = None  # of the whole answer to a visitor without a session, when it is known
    encoded: dict[str, bytes] = field(default_factory=dict)  # the page with `texts`, by encoding
    segments: list[bytes] = field(default_factory=list)  # the deflated literals
    etag: str = ""
    ready: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # headers of whole answers, by encoding
    is_changed: bool = True  # whether it differs from what is stored

    def is_current(self, versions: dict[str, int]) -> bool:
        """Return whether nothing has changed since the page was made. `versions` are the versions now."""
        return self.versions == versions and timezone.now().timestamp() < self.expires

    def body(self, texts: Sequence[bytes]) -> bytes:
        """Return the page with these texts in its placeholders."""
        pieces = [self.literals[0]]
        for text, literal in zip(texts, self.literals[1:], strict=True):
            pieces += (text, literal)
        return b"".join(pieces)

    def encode(self, encoding: str) -> bytes:
        """Return the compressed page for a visitor without a session. It is kept."""
        if encoding not in self.encoded:
            self.encoded[encoding] = compress(self.body(self.texts), encoding)
            self.is_changed = True
        return self.encoded[encoding]

    def body_in(self, encoding: str) -> bytes:
        """Return the page for a visitor without a session, in this encoding or uncompressed."""
        return self.encode(encoding) if encoding else self.body(self.texts)

    def deflated(self) -> list[bytes]:
        """Return the deflated literals. They are kept."""
        if not self.segments:
            self.segments = [deflate_segment(literal) for literal in self.literals]
            self.is_changed = True
        return self.segments


def make_page(key: str, request: SharedRequest, response: HttpResponse) -> Page | None:
    """Return the page that this response shows, or None if it cannot be shared."""
    if not is_shareable(response) or request.was_changed or not request.versions:
        return None
    pieces = re.split(rb"\[%s:(\d+)\]" % request.mark.encode(), response.content)
    found = [request.placeholders[int(number)] for number in pieces[1::2]]
    request.is_recording = False
    texts = placeholders.fill_for_new_visitor(request, found)
    latest = timezone.now().timestamp() + LONGEST_LIFE
    page = Page(
        key=key,
        full_path=request.get_full_path(),
        versions=request.versions,
        expires=min(latest, request.expires.timestamp()) if request.expires else latest,
        literals=pieces[0::2],
        placeholders=found,
        texts=texts,
        view_headers=response.headers,
    )
    page.etag = make_etag(page.body(texts))
    return page


def is_shareable(response: HttpResponse) -> bool:
    """Return whether a response is a page that sets no cookie and is not private."""
    control = response.headers.get("Cache-Control", "")
    return response.status_code == 200 and not (response.cookies or "private" in control or "no-store" in control)


def make_etag(body: bytes) -> str:
    """Return a weak ETag, because it is the same for all encodings of the page."""
    return f'W/"{sha256(body).hexdigest()[:32]}"'
