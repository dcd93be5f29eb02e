"""A server that does not answer. One thread at a time asks it then, so that the others can answer their visitors."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from psycopg import OperationalError
from psycopg.errors import ConnectionTimeout

TURN_SECONDS = 0.5  # how long the others wait for a server that may just have recovered


class Silence:
    """Whether the server was silent when it was last asked by this process."""

    def __init__(self) -> None:
        self.is_on = False
        self._asking = Lock()

    def begin(self) -> None:
        """Note that the server is silent. Each thread replaces its connection before it asks again."""
        self.is_on = True

    @contextmanager
    def ask(self) -> Iterator[None]:
        """Connect to the server in the block. Raise OperationalError if it is silent and another thread is asking."""
        has_turn = self._asking.acquire(timeout=TURN_SECONDS if self.is_on else 0)
        try:
            if self.is_on and not has_turn:
                raise OperationalError("The database does not answer another thread either.")
            yield
            self.is_on = False
        except ConnectionTimeout:
            self.begin()
            raise
        finally:
            if has_turn:
                self._asking.release()


SILENCE = Silence()
