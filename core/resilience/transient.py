"""Errors that say that a database or a disk cannot do something now. The same request can succeed later."""

import errno
import sqlite3
from collections.abc import Iterator

from django.db import InterfaceError

# The classes of SQLSTATE codes: connection, rollback of a deadlock or of concurrent transactions, resources (a full
# disk among them), a lock that was not granted, a limit or the operator, and errors of the system.
STATES = {"08", "40", "53", "55", "57", "58"}
READ_ONLY_STATE = "25006"  # a standby after a failover
SQLITE_CODES = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
PRIMARY_CODE = 0xFF  # the bits of an extended code of SQLite that contain the primary one
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def is_transient(error: BaseException | None) -> bool:
    """Return whether an error, or one that led to it, is transient."""
    return any(_is_transient(cause) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return (getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE) in SQLITE_CODES
    if isinstance(error, InterfaceError):  # Django's, for a connection that was lost in a transaction
        return True
    if hasattr(error, "sqlstate"):
        return _is_transient_in_postgresql(error)
    return isinstance(error, OSError) and error.errno in NO_SPACE


def _is_transient_in_postgresql(error: BaseException) -> bool:
    from psycopg import OperationalError  # a shop on SQLite does not load it

    state = getattr(error, "sqlstate", None)
    if state is None:  # noticed by the client, such as a refused or lost connection
        return isinstance(error, OperationalError)
    return state[:2] in STATES or state == READ_ONLY_STATE
