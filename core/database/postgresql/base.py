"""The connection to PostgreSQL. Django loads this module for the engine `core.database.postgresql`."""

from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose check before each request takes no question to the server.

    A server that ends a connection says so, and so does the system when a server no longer answers (settings of
    `keepalives` in ecommerce.environment). So a connection on which nothing has arrived is usable.
    """

    def is_usable(self) -> bool:
        """Return whether the connection works. Ask the server if an error occurred or if something has arrived."""
        if self.connection is not None and not self.errors_occurred and not self._has_arrived():
            return True
        return bool(super().is_usable())

    def _has_arrived(self) -> bool:
        if self.connection.closed:
            return True
        waiting = poll()
        waiting.register(self.connection.fileno(), POLLIN)
        return bool(waiting.poll(0))
