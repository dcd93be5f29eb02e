"""A PostgreSQL database for the proofs: the one in the environment, or a temporary server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres_server import running_postgres


@contextmanager
def database_url() -> Iterator[str | None]:
    """Yield the URL of a PostgreSQL database, or None.

    Use PROVE_DATABASE_URL, or else DATABASE_URL if it is set to PostgreSQL, or else start a server for this run.
    """
    configured_url = os.environ.get("PROVE_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
    if configured_url.startswith("postgres"):
        yield configured_url
        return
    with running_postgres() as server:
        yield server.url if server else None
