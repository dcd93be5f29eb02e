"""Locks that belong to a connection, so that the database releases them when a process dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from django.db import connection


@contextmanager
def try_lock(name: str) -> Iterator[bool]:
    """Try to take the lock of this name, without waiting, and yield whether this connection has it now.

    Only PostgreSQL has such locks (its documentation: advisory locks). Elsewhere, always yield True.
    """
    if connection.vendor != "postgresql":
        yield True
        return
    key = crc32(name.encode())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        is_taken = bool(cursor.fetchone()[0])
    try:
        yield is_taken
    finally:
        if is_taken and connection.connection is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def lock_until_commit(*names: str) -> None:
    """Wait for the locks of these names, which the current transaction keeps until it ends.

    Rows that are inserted under the same lock are committed in the order of their primary keys. On SQLite, a
    transaction that writes is alone anyway.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for key in sorted({crc32(name.encode()) for name in names}):  # in one order, so that none wait for each other
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
