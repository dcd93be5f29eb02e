"""How long calls to Stripe may take: in a web request, in work that can be repeated later, and in the background."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from billing.answers import OutcomeUnknown

CONNECT_SECONDS, READ_SECONDS = 3.0, 8.0
REQUEST_SECONDS = 18.0  # for all calls of one web request together
LONG_READ_SECONDS = 15.0  # to read an answer that no shopper waits for
BRIEF_SECONDS = 3.0  # for a call that reconcile can repeat, while a shopper waits
MAX_CONFIRM_SECONDS = 20  # longer than a confirm call of a web request can take

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_has_long_timeouts: ContextVar[bool] = ContextVar("has_long_timeouts", default=False)


def start_time_limit() -> None:
    """Limit all further calls to Stripe in this request to REQUEST_SECONDS in total."""
    _deadline.set(time.monotonic() + REQUEST_SECONDS)


def clear_time_limit() -> None:
    """Remove the limit that start_time_limit has set."""
    _deadline.set(None)


@contextmanager
def long_timeouts() -> Iterator[None]:
    """Wait longer for each response, and retry once if none arrives. Used by reconcile and audit."""
    token = _has_long_timeouts.set(True)
    try:
        yield
    finally:
        _has_long_timeouts.reset(token)


def is_background() -> bool:
    """Return whether this is inside long_timeouts(), so that no shopper waits."""
    return _has_long_timeouts.get()


@contextmanager
def brief_timeouts() -> Iterator[None]:
    """Limit the calls in the block to BRIEF_SECONDS in total. Used for work that reconcile can finish later."""
    limit, deadline = time.monotonic() + BRIEF_SECONDS, _deadline.get()
    token = _deadline.set(limit if deadline is None else min(deadline, limit))
    try:
        yield
    finally:
        _deadline.reset(token)


def timeouts_of_next_call() -> tuple[float, float]:
    """Return the seconds to connect and to read. Raise OutcomeUnknown if no time is left for another call."""
    deadline = _deadline.get()
    if deadline is None:
        return CONNECT_SECONDS, LONG_READ_SECONDS if is_background() else READ_SECONDS
    remaining = deadline - time.monotonic()
    if remaining < 1:
        raise OutcomeUnknown("no time left for another call")
    return min(CONNECT_SECONDS, remaining), min(READ_SECONDS, remaining)
