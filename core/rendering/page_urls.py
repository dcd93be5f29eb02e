"""URLs of pages, for lists of many rows: `reverse` takes longer than the rest of a row."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.translation import get_language

SLUG = re.compile(r"[-a-zA-Z0-9_]+")  # what the path converter `slug` accepts
STAND_IN = "4000000000"  # a slug, and also a number
_base: ContextVar[tuple[str, object, str] | None] = ContextVar("url_base", default=None)


def page_url(view_name: str) -> str:
    """Return the URL of a page whose URL has no parameters. It is the same as that of `reverse`."""
    return _reverse(view_name, "", url_base())


def slug_url(view_name: str, slug: str) -> str:
    """Return the URL of a page whose URL has only a slug, or a number. It is the same as that of `reverse`."""
    if not SLUG.fullmatch(slug):
        return reverse(view_name, args=[slug])  # which raises NoReverseMatch
    before, _slug, after = _reverse(view_name, STAND_IN, url_base()).rpartition(STAND_IN)
    return f"{before}{slug}{after}"


def url_base() -> tuple[str, object, str]:
    """Return what all URLs depend on, the script prefix and the URL configuration, and the language of the shop."""
    return _base.get() or (get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF, settings.LANGUAGE_CODE)


@contextmanager
def keep_url_base() -> Iterator[None]:
    """Look up `url_base` only once in the block. This is for the duration of a request."""
    token = _base.set(url_base())
    try:
        yield
    finally:
        _base.reset(token)


def surroundings() -> tuple[object, ...]:
    """Return what all HTML depends on besides its values: the languages and the base of all URLs."""
    return get_language(), url_base()


def surroundings_of(context: Any) -> tuple[object, ...]:
    """Return the surroundings of the HTML of a template context. They are looked up only once for it.

    So no part that is kept may be in a block `{% language %}`, which renders its content in another language.
    """
    values: dict[str, Any] = context.__dict__
    if (found := values.get("surroundings")) is None:
        found = values["surroundings"] = surroundings()
    return found


@lru_cache(maxsize=256)
def _reverse(view_name: str, slug: str, base: tuple[str, object, str]) -> str:
    """Return the URL, and keep it for this `url_base`, which is the current one."""
    return reverse(view_name, args=[slug] if slug else None)
