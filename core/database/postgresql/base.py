"""The connection to PostgreSQL. Django loads this module for the engine `core.database.postgresql`."""

from collections.abc import Callable
from select import POLLIN, poll
from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg.errors import _WaitTimeout

from core.database.limits import limits, shorter_answer_limit
from core.database.postgresql.silence import SILENCE

WAIT_INTERVAL = 0.1  # how often psycopg looks for Ctrl-C


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection with limits (core.database.limits), whose check before each request takes no question to the server.

    A server that ends a connection says so, and so does the system when a server no longer answers (settings of
    `keepalives` in ecommerce.environment). So a connection on which nothing has arrived is usable.
    """

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters with the limits of this thread. What the URL of the database sets wins."""
        params = super().get_connection_params()
        options = f"{limits().options()} {params.get('options', '')}".strip()
        return {"connect_timeout": limits().connect} | params | {"options": options}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that closes itself when the server is silent for too long."""
        with SILENCE.ask():
            connection = super().get_new_connection(conn_params)
        connection.wait = _limited(connection, limits().answer)
        return connection

    def is_usable(self) -> bool:
        """Return whether the connection works. Ask the server if an error occurred or if something has arrived."""
        if self.connection is not None and SILENCE.is_on:
            return False
        if self.connection is not None and not self.errors_occurred and not self._has_arrived():
            return True
        return bool(super().is_usable())

    def _has_arrived(self) -> bool:
        if self.connection.closed:
            return True
        waiting = poll()
        waiting.register(self.connection.fileno(), POLLIN)
        return bool(waiting.poll(0))


def _limited(connection: Any, seconds: float) -> Callable[..., Any]:
    """Return the connection's function that waits for answers, with a limit.

    psycopg has no such setting. Every question to the server passes through this function.
    """
    wait = connection.wait

    def wait_for_answer(steps: Any, interval: float = WAIT_INTERVAL, timeout: float | None = None) -> Any:
        limit = timeout or shorter_answer_limit() or seconds
        try:
            return wait(steps, interval, limit)
        except _WaitTimeout:
            connection.pgconn.finish()  # so that nothing waits for this server again, such as a rollback
            SILENCE.begin()
            raise OperationalError(f"The database has not answered for {limit:g} seconds.") from None

    return wait_for_answer
