"""Reading and moving the versions of what pages show.

A change moves the versions that cover it, in its own transaction. What is kept for later requests is kept under
versions that were read before its rows, and used only while they are the current ones. See
docs/decisions/page-versions.md.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.db.models import Subquery

from core.page_cache.models import SITE, PageVersion
from core.page_cache.row_changes import RowChanges

__all__ = [
    "SITE", "SITE_VERSION", "Touches", "collect_touches", "current_values", "is_collecting", "note_site_version",
    "read_versions", "remember_versions", "touch",
]  # fmt: skip

SITE_VERSION = Subquery(PageVersion.objects.filter(name=SITE).values("value"))  # for the query of another row
MAX_NAMES = 400  # If a transaction moves more versions, SITE moves instead of those of single products and categories.


class Touches:
    """The versions that a transaction moves: those with these names, and those that its changes of rows decide.

    `follow_ups` are functions to call before the versions move, each once with everything that was added for it. They
    write columns that depend on several rows.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.rows = RowChanges()
        self.follow_ups: defaultdict[Callable[[set[Any]], None], set[Any]] = defaultdict(set)

    def write(self) -> None:
        """Move the versions. Do nothing if the transaction will be rolled back."""
        if transaction.get_rollback():
            return
        for follow_up, changes in self.follow_ups.items():
            follow_up(changes)
        names = self.names | self._names_of_rows()
        if len(names) > MAX_NAMES:
            names = {name for name in names if ":" not in name} | {SITE}
        if names:
            PageVersion.objects.move(names)
            _known.set(None)  # The new values may be rolled back.

    def _names_of_rows(self) -> set[str]:
        """Return the names that the changed rows decide.

        The lock orders the transactions: this one sees the categories and variants that all earlier ones stored, and
        all later ones see what this one stored.
        """
        changes = self.rows.changes()
        if not changes:
            return self.rows.names(changes)
        PageVersion.objects.lock()
        return self.rows.names(changes)


_open: ContextVar[Touches | None] = ContextVar("open_touches", default=None)
_known: ContextVar[dict[str, int] | None] = ContextVar("known_versions", default=None)


@contextmanager
def collect_touches() -> Iterator[Touches]:
    """Open a transaction, or join the open one, and move all versions that change in the block at its end.

    Blocks can be nested; the outermost one moves the versions, and an exception discards them. A transaction that
    changes several products needs a block around all of them, because versions come last in the order of locks.
    """
    if (touches := _open.get()) is not None:
        yield touches
        return
    with transaction.atomic(savepoint=False):
        touches = Touches()
        token = _open.set(touches)
        try:
            yield touches
        finally:
            _open.reset(token)
        touches.write()


def touch(*names: str) -> None:
    """Move these versions in the current transaction."""
    with collect_touches() as touches:
        touches.names.update(names)


def is_collecting() -> bool:
    """Whether rows may have changed whose versions have not moved yet. Results read now must not be kept."""
    return _open.get() is not None


def read_versions(names: Iterable[str]) -> dict[str, int]:
    """Return the current values of these versions, 0 for one without a row, in one query.

    Within `remember_versions`, versions that have been read before need no query.
    """
    known = _known.get()
    found = {} if known is None else known
    names = list(dict.fromkeys(names))
    if missing := [name for name in names if name not in found]:
        found |= _query(missing)
    return {name: found[name] for name in names}


def current_values(names: Sequence[str]) -> tuple[int, ...]:
    """Return the current values of these versions, in this order, as `read_versions` does."""
    known = _known.get() or {}
    found = read_versions(names) if any(name not in known for name in names) else known
    return tuple([found[name] for name in names])


def note_site_version(row: Any) -> None:
    """Note the version SITE if it was read with this row, as `site_version`. Within `remember_versions`, it is used."""
    known = _known.get()
    if known is not None and hasattr(row, "site_version"):
        known.setdefault(SITE, row.site_version or 0)


@contextmanager
def remember_versions() -> Iterator[None]:
    """Read each version only once in the block, until the block moves one. This is for the duration of a request."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def _query(names: list[str]) -> dict[str, int]:
    """Read versions. Every request for a page does, so this avoids the time that the ORM takes to make a query."""
    table, places = PageVersion._meta.db_table, ", ".join(["%s"] * len(names))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name, value FROM {table} WHERE name IN ({places})", names)  # noqa: S608
        return dict.fromkeys(names, 0) | dict(cursor.fetchall())
