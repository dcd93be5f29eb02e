"""Storage of pages: in the memory of this process, and with Redis also in the cache `pages`, which processes share.

A cache server that fails costs time and never a page. It does not count, so a page there is stored in one of a fixed
number of slots and replaces the page that was in it. Pages on a server are signed: what anything else wrote there is
never unpickled or shown.
"""

import hmac
import logging
import pickle
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import caches
from django.utils.crypto import constant_time_compare

from core.page_cache.bounded_cache import BoundedCache
from core.page_cache.keys import digest_of
from core.page_cache.pages import Page

log = logging.getLogger(__name__)
ALIAS = "pages"
KEEP_SECONDS = 3600
FIRST_REQUEST_SECONDS = 60  # how long the first request of a rare page counts
SIGNATURE_BYTES = 32
PAUSE_SECONDS = 5  # after an error; the settings of Redis limit how long one question takes
MEMORY: BoundedCache[Page] = BoundedCache(settings.PAGE_CACHE_ENTRIES)
Answer = TypeVar("Answer")
_first_requests: BoundedCache[float] = BoundedCache(256)  # on the clock time.monotonic, by the digest of a key
_pause = {"until": 0.0}  # on the clock time.monotonic


def get(key: str) -> Page | None:
    """Return the page that this process keeps under this key, or None."""
    return MEMORY.get(key)


def get_from_server(key: str) -> Page | None:
    """Return the page that the cache server has under this key, or None."""
    if not settings.PAGE_CACHE_SLOTS:
        return None
    page = _ask(lambda cache: _unpack(cache.get(_slot(key))))
    return page if isinstance(page, Page) and page.key == key else None


def keep(page: Page) -> None:
    """Keep a page of the server in this process."""
    MEMORY.add(page.key, page)


def put(page: Page) -> None:
    """Store the page."""
    page.is_changed = False
    keep(page)
    if settings.PAGE_CACHE_SLOTS:
        _ask(lambda cache: cache.set(_slot(page.key), _pack(page), KEEP_SECONDS))


def clear() -> None:
    """Drop the pages and the requests that this process keeps."""
    MEMORY.clear()
    _first_requests.clear()


def is_second_request(key: str) -> bool:
    """Return whether this process was asked for this key within a minute before."""
    digest, now = digest_of(key), time.monotonic()
    first = _first_requests.get(digest)
    _first_requests.add(digest, now)
    return first is not None and now - first < FIRST_REQUEST_SECONDS


def _pack(page: Page) -> bytes:
    """Return the bytes of a page after their signature."""
    content = pickle.dumps(page)
    return _sign(content) + content


def _unpack(stored: object) -> object:
    """Return the page, or None if there is none or the signature of its bytes is wrong."""
    if not isinstance(stored, bytes) or not constant_time_compare(
        stored[:SIGNATURE_BYTES], _sign(stored[SIGNATURE_BYTES:])
    ):
        return None
    return pickle.loads(stored[SIGNATURE_BYTES:])  # noqa: S301 - signed


def _sign(content: bytes) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"core.page_cache" + content, "sha256")


def _slot(key: str) -> str:
    return f"slot:{int(digest_of(key), 16) % settings.PAGE_CACHE_SLOTS}"


def _ask(question: Callable[[Any], Answer]) -> Answer | None:
    """Return the answer of the cache. After an error, do not ask it for some seconds."""
    if time.monotonic() < _pause["until"]:
        return None
    try:
        return question(caches[ALIAS])
    except Exception as error:  # of the network, of the server, or of content that cannot be read
        _pause["until"] = time.monotonic() + PAUSE_SECONDS
        log.warning("The page cache failed and is not used for %d seconds: %s", PAUSE_SECONDS, error)
        return None
