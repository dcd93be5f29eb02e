"""Storage of pages in the cache `pages`. A cache that fails costs time and never a page.

Process memory drops the pages that were not used for longest. A server such as Redis does not count, so a page there is
stored in one of a fixed number of slots and replaces the page that was in it. Pages on a server are signed: what
anything else wrote there is never unpickled or shown.
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

from core.page_cache.keys import digest_of
from core.page_cache.pages import Page

log = logging.getLogger(__name__)
ALIAS = "pages"
KEEP_SECONDS = 3600
FIRST_REQUESTS, FIRST_REQUEST_SECONDS = 256, 60  # rare pages that were requested once, and for how long that counts
SIGNATURE_BYTES = 32
PAUSE_SECONDS = 5  # after an error; the settings of Redis limit how long one question takes
Answer = TypeVar("Answer")
_pause = {"until": 0.0}  # on the clock time.monotonic


def get(key: str) -> Page | None:
    """Return the page that is stored under this key, or None."""
    page = _ask(lambda cache: _unpack(cache.get(_slot(digest_of(key)))))
    return page if isinstance(page, Page) and page.key == key else None


def put(page: Page) -> None:
    """Store the page."""
    page.is_changed = False
    _ask(lambda cache: cache.set(_slot(digest_of(page.key)), _pack(page), KEEP_SECONDS))


def is_second_request(key: str) -> bool:
    """Return whether this key was asked for within a minute before. Only a fixed number of keys is remembered."""
    digest = digest_of(key)
    place = f"first:{int(digest, 16) % FIRST_REQUESTS}"
    if _ask(lambda cache: cache.get(place)) == digest:
        return True
    _ask(lambda cache: cache.set(place, digest, FIRST_REQUEST_SECONDS))
    return False


def _pack(page: Page) -> Page | bytes:
    """Return what is stored for a page: itself, or on a server its bytes after their signature."""
    if not settings.PAGE_CACHE_SLOTS:
        return page
    content = pickle.dumps(page)
    return _sign(content) + content


def _unpack(stored: object) -> object:
    """Return the page, or None if the signature of its bytes is wrong."""
    if not settings.PAGE_CACHE_SLOTS:
        return stored
    if not isinstance(stored, bytes) or not constant_time_compare(
        stored[:SIGNATURE_BYTES], _sign(stored[SIGNATURE_BYTES:])
    ):
        return None
    return pickle.loads(stored[SIGNATURE_BYTES:])  # noqa: S301 - signed


def _sign(content: bytes) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"core.page_cache" + content, "sha256")


def _slot(digest: str) -> str:
    slots = settings.PAGE_CACHE_SLOTS
    return f"slot:{int(digest, 16) % slots}" if slots else digest


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
