"""Storage of pages: in the memory of this process, and with Redis also in the cache `pages`, which processes share.

A cache server that fails costs a moment and never a page (core.resilience.redis_cache). It does not count, so a page
there is stored in one of a fixed number of slots and replaces the page that was in it. Pages on a server are signed:
what anything else wrote there is never unpickled or shown.
"""

import hmac
import logging
import pickle
import time

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
MEMORY: BoundedCache[Page] = BoundedCache(settings.PAGE_CACHE_ENTRIES)
_first_requests: BoundedCache[float] = BoundedCache(256)  # on the clock time.monotonic, by the digest of a key


def get(key: str) -> Page | None:
    """Return the page that this process keeps under this key, or None."""
    return MEMORY.get(key)


def get_from_server(key: str) -> Page | None:
    """Return the page that the cache server has under this key, or None."""
    if not settings.PAGE_CACHE_SLOTS:
        return None
    page = _unpack(caches[ALIAS].get(_slot(key)))
    return page if isinstance(page, Page) and page.key == key else None


def keep(page: Page) -> None:
    """Keep a page of the server in this process."""
    MEMORY.add(page.key, page)


def put(page: Page) -> None:
    """Store the page."""
    page.is_changed = False
    keep(page)
    if settings.PAGE_CACHE_SLOTS:
        caches[ALIAS].set(_slot(page.key), _pack(page), KEEP_SECONDS)


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
    try:
        return pickle.loads(stored[SIGNATURE_BYTES:])  # noqa: S301 - signed
    except Exception as error:  # unpickling what another release has stored raises errors of all types
        log.warning("A stored page cannot be read: %s", error)
        return None


def _sign(content: bytes) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"core.page_cache" + content, "sha256")


def _slot(key: str) -> str:
    return f"slot:{int(digest_of(key), 16) % settings.PAGE_CACHE_SLOTS}"
