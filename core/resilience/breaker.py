"""A circuit breaker: after a failure, do not ask a server for some seconds."""

import time
from threading import Lock


class Breaker:
    """Decides whether to ask a server. It is shared by all threads of a process.

    After a failure it refuses all calls for `pause` seconds. Then it lets one call through, whose result decides.
    """

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self._until: float | None = None  # on the clock time.monotonic; None if the last call succeeded
        self._lock = Lock()

    def allows(self) -> bool:
        """Return whether to ask the server now."""
        if self._until is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._until is not None and now < self._until:
                return False
            self._until = now + self.pause  # all others wait for the result of this call
            return True

    def succeeded(self) -> None:
        """Note that the server has answered."""
        self._until = None

    def failed(self) -> None:
        """Note that the server has not answered, and begin a pause."""
        self._until = time.monotonic() + self.pause
