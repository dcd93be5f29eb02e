"""Addresses as others see them: whole, in one form, whatever host or query a request came with."""

from typing import Any
from urllib.parse import urlencode, urljoin

from django.conf import settings


def absolute(path: str) -> str:
    """The whole address of a path of this site; one that is whole already (another storage's) stays."""
    return urljoin(f"{settings.SITE_URL}/", path)


def canonical(path: str, **query: Any) -> str:
    """The one address under which a page should be known; parameters without a value and page 1 are left out."""
    wanted = {name: value for name, value in query.items() if value and (name, value) != ("page", 1)}
    return absolute(path) + (f"?{urlencode(wanted)}" if wanted else "")
