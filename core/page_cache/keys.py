"""Keys of shared pages: everything on which a page depends except what its versions and placeholders cover."""

import os
import secrets
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.http import urlencode

RELEASE_FILES = (".py", ".html", ".mo", ".txt")
NO_RELEASE_FOLDERS = {"var", "tests", "node_modules"}


def make_key(request: HttpRequest, query: Mapping[str, str], language: str) -> str:
    """Return the key of the page at this URL, of which only these parameters count.

    Raise DisallowedHost if the host is not one of settings.ALLOWED_HOSTS.
    """
    host, parameters = request.get_host().lower(), urlencode(query) if query else ""
    return f"{request.scheme}://{host}{request.path}?{parameters} {language} {fingerprint()}"


def digest_of(key: str) -> str:
    """Return a short name for a key. Entries contain the whole key, so two keys with one digest do no harm."""
    return sha256(key.encode()).hexdigest()[:32]


@cache
def fingerprint() -> str:
    """Return a hash of all settings and of the release, because pages show them and no version covers them."""
    values = [f"{name}={_text(getattr(settings, name))}" for name in sorted(dir(settings)) if name.isupper()]
    return sha256("\n".join([_release(), *values]).encode()).hexdigest()[:16]


def _text(setting: Any) -> str:
    """Return a text for the value of a setting, which is the same in all processes."""
    return repr(sorted(setting) if isinstance(setting, set | frozenset) else setting)


def _release() -> str:
    """Return a hash of the files of this release. If pages stay in this process, any value will do."""
    if not settings.PAGE_CACHE_SLOTS:
        return secrets.token_hex(8)
    digest = sha256()
    for path in _release_files():
        digest.update(f"{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _release_files() -> Iterator[Path]:
    """Yield the code, templates, translations and pinned packages of the shop, and the names of its static files."""
    for folder, folders, names in os.walk(settings.BASE_DIR):
        folders[:] = sorted(name for name in folders if name not in NO_RELEASE_FOLDERS and not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(names) if name.endswith(RELEASE_FILES))
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists():
        yield manifest


@receiver(setting_changed, dispatch_uid="page_cache_fingerprint")
def forget_fingerprint(**kwargs: Any) -> None:
    """Compute the fingerprint again, so that pages that were made before the change are not found any more."""
    fingerprint.cache_clear()
