"""SQLite's files next to the database, which readers need too.

The last connection that closes deletes them, and the next one creates them again, which a full disk prevents. So each
server keeps a connection open for as long as it runs.
"""

import sqlite3
from contextlib import suppress
from threading import Lock
from typing import Any

from django.db.backends.signals import connection_created

_kept: dict[str, sqlite3.Connection] = {}
_lock = Lock()
DISPATCH_UID = "core.database.sqlite_files"


def keep_files() -> None:
    """Let this process keep the files of each database that it opens from now on. Servers call this."""
    connection_created.connect(_keep_files_of, dispatch_uid=DISPATCH_UID)


def _keep_files_of(connection: Any, **kwargs: Any) -> None:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or name in _kept or connection.is_in_memory_db():
        return
    with _lock, suppress(sqlite3.Error):
        kept = sqlite3.connect(name, check_same_thread=False)
        kept.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the files; no transaction stays open
        _kept.setdefault(name, kept)
