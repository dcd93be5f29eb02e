"""How long the shop waits for PostgreSQL: to connect, for a lock, for a statement, and for any answer at all.

Requests wait only shortly, because each of them occupies a thread. Commands such as `migrate` and `reconcile` may take
longer. The server ends what waits too long for a lock or computes too long. A server that is frozen cannot do that, and
its system still acknowledges what we send, so the connection itself gives up a little later.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.signals import request_started


@dataclass(frozen=True)
class Limits:
    """Limits in seconds."""

    connect: int
    lock: int
    statement: int
    idle_transaction: int = 0  # 0: no limit

    @property
    def answer(self) -> int:
        """Return how long the server may be silent. It is longer than all limits that the server applies."""
        return self.statement + 5

    def options(self) -> str:
        """Return the server's limits as an option of the connection, so that they take no statement."""
        seconds = {
            "lock_timeout": self.lock,
            "statement_timeout": self.statement,
            "idle_in_transaction_session_timeout": self.idle_transaction,
        }
        return " ".join(f"-c {name}={value}s" for name, value in seconds.items())


COMMANDS = Limits(connect=10, lock=60, statement=3600)
_thread = threading.local()
_answer_seconds: ContextVar[float | None] = ContextVar("answer_seconds", default=None)


def note_request(**kwargs: Any) -> None:
    """Note that this thread serves requests. Its connections have the limits of requests from now on."""
    _thread.serves_requests = True


request_started.connect(note_request, dispatch_uid="core.database.limits")


def limits() -> Limits:
    """Return the limits for a new connection of this thread."""
    if not getattr(_thread, "serves_requests", False):
        return COMMANDS
    seconds = settings.DATABASE_SECONDS
    # The last one frees the locks of a process that was suspended or cut off in the middle of a request.
    return Limits(connect=2, lock=max(1, seconds // 2), statement=seconds, idle_transaction=60)


@contextmanager
def answer_within(seconds: float) -> Iterator[None]:
    """Wait for no answer in the block longer than this. The connection is lost otherwise."""
    token = _answer_seconds.set(seconds)
    try:
        yield
    finally:
        _answer_seconds.reset(token)


def shorter_answer_limit() -> float | None:
    """Return the limit of the current `answer_within` block, or None outside one."""
    return _answer_seconds.get()
