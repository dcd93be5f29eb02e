"""Absolute and canonical URLs, independent of the host and the query string of the request."""

import re
from typing import Any
from urllib.parse import urlencode, urljoin

from django.conf import settings

# Most paths of this site, to which only the host has to be added: no dot segments, and nothing that `urljoin` changes.
PLAIN_PATH = re.compile(r"(?:/[\w%~-][\w%~.-]*)+/?(?:\?[\w%=&+.-]+)?", re.ASCII)


def absolute(path: str) -> str:
    """Return the absolute URL of a path. Absolute URLs, such as those of another storage, are returned unchanged."""
    if PLAIN_PATH.fullmatch(path):
        return f"{settings.SITE_URL}{path}"
    return urljoin(f"{settings.SITE_URL}/", path)


def canonical(path: str, **query: Any) -> str:
    """Return the canonical URL of a page, without empty parameters and without page 1."""
    params = {name: value for name, value in query.items() if value and (name, value) != ("page", 1)}
    return absolute(path) + (f"?{urlencode(params)}" if params else "")
