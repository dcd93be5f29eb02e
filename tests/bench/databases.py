"""The database of a run: a file in its folder, or a new database on a PostgreSQL server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


@contextmanager
def new_database(folder: Path, server_url: str, name: str) -> Iterator[str]:
    """Yield the URL of an empty database, and delete it afterwards. The given database itself is not used."""
    if not server_url:
        yield f"sqlite:///{folder / name}.sqlite3"
        return
    database = f"bench_{os.getpid()}_{name}"
    _execute(server_url, f"CREATE DATABASE {database}")
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))
    finally:
        _execute(server_url, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]
