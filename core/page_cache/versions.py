"""Versions of what pages show. They are rows, so they move in the transaction of the change."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection

from core.models import PageVersion

SITE, PRODUCTS = "site", "products"
_collected: ContextVar[set[str] | None] = ContextVar("collected_touches", default=None)


def touch(*names: str) -> None:
    """Move these versions in the current transaction, with one statement."""
    collected = _collected.get()
    if collected is not None:
        collected.update(names)
    elif names:
        rows = [PageVersion(name=name, value=secrets.randbits(62) + 1) for name in sorted(set(names))]
        PageVersion.objects.bulk_create(rows, update_conflicts=True, unique_fields=["name"], update_fields=["value"])


@contextmanager
def collect_touches() -> Iterator[None]:
    """Move the versions touched in this block with one statement at its end. An exception discards them."""
    if _collected.get() is not None:
        yield
        return
    token = _collected.set(set())
    try:
        yield
        names = _collected.get() or set()
    finally:
        _collected.reset(token)
    touch(*names)


def read_versions(names: Iterable[str]) -> dict[str, int]:
    """Return the current version of each name, in one query. A missing row counts as 0."""
    wanted = dict.fromkeys(names, 0)
    if wanted:
        marks = ", ".join(["%s"] * len(wanted))
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT name, value FROM core_pageversion WHERE name IN ({marks})", list(wanted))  # noqa: S608
            wanted.update(cursor.fetchall())
    return wanted
