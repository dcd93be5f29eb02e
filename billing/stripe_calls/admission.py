"""Which calls to Stripe may start, so that an outage at Stripe stops payments and not the whole shop.

A process makes calls for at most MAX_STEPS requests at the same time, and its other threads show pages. After
MAX_TIMEOUTS time-outs in a row, a circuit breaker pauses new calls for PAUSE_SECONDS and then lets one start. Further
calls start when it is answered.

A call that is not admitted raises NotCalled. A workflow that writes rows between its calls enters `admitted()` first,
so that it is refused before it writes anything or not at all.

Calls inside long_timeouts() are always admitted: reconcile and audit make one call at a time, in a process without
visitors, and a call that waits or fails there keeps nobody waiting.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from billing.answers import NotCalled, OutcomeUnknown
from billing.stripe_calls import time_limits

MAX_STEPS = 3  # fewer than half of the eight threads of a process
WAIT_SECONDS = 0.5
MAX_TIMEOUTS = 3
PAUSE_SECONDS = 5.0


class Slots:
    """A number of slots that requests take for their calls.

    As many requests can wait for a slot, for `wait_seconds`. All others are refused immediately, so that not all
    threads wait.
    """

    def __init__(self, size: int, wait_seconds: float) -> None:
        self._free, self._waiting = BoundedSemaphore(size), BoundedSemaphore(size)
        self._wait_seconds = wait_seconds

    def take(self) -> bool:
        """Take a slot. Return False if all slots stay taken."""
        if self._free.acquire(blocking=False):
            return True
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            return self._free.acquire(timeout=self._wait_seconds)
        finally:
            self._waiting.release()

    def give_back(self) -> None:
        """Give back a slot that `take` has taken."""
        self._free.release()


class CircuitBreaker:
    """Pauses calls while Stripe does not answer, and lets one start after each pause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._timeouts, self._paused_until = 0, 0.0

    def admit(self) -> bool:
        """Return whether a call may start. One that starts after a pause begins the next pause for all others."""
        with self._lock:
            if self._timeouts < MAX_TIMEOUTS:
                return True
            now = self._clock()
            if now < self._paused_until:
                return False
            self._paused_until = now + PAUSE_SECONDS
            return True

    @property
    def is_open(self) -> bool:
        """Whether only one call may start after each pause."""
        return self._timeouts >= MAX_TIMEOUTS

    def end_pause(self) -> None:
        """Let another call start at once, because the one that was to start after the pause was never made."""
        with self._lock:
            self._paused_until = 0.0

    def record(self, is_timeout: bool) -> None:
        """Count a time-out, or forget the earlier ones after any other outcome."""
        with self._lock:
            self._timeouts = self._timeouts + 1 if is_timeout else 0
            self._paused_until = self._clock() + PAUSE_SECONDS


@dataclass
class Step:
    """A block whose calls are admitted. `is_probe` is the one that starts after a pause."""

    is_probe: bool
    has_called: bool = False


slots, breaker = Slots(MAX_STEPS, WAIT_SECONDS), CircuitBreaker()
_step: ContextVar[Step | None] = ContextVar("step", default=None)


@contextmanager
def admitted() -> Iterator[None]:
    """Admit all calls in the block. Raise NotCalled before the block if they cannot be admitted.

    Inside another such block, do nothing, so that a step that has begun is not refused halfway.
    """
    if _step.get() or time_limits.is_background():
        yield
        return
    if not slots.take():
        raise NotCalled("too many calls to Stripe are running")
    try:
        step = Step(is_probe=breaker.is_open)
        if not breaker.admit():
            raise NotCalled("Stripe has not answered the last calls")
        token = _step.set(step)
        try:
            yield
        finally:
            _step.reset(token)
            if step.is_probe and not step.has_called:
                breaker.end_pause()
    finally:
        slots.give_back()


@contextmanager
def watching(seconds: float) -> Iterator[None]:
    """Tell the circuit breaker how the call in the block ends. A call without an answer for so long has timed out."""
    began, is_timeout = time.monotonic(), False
    if step := _step.get():
        step.has_called = True
    try:
        yield
    except OutcomeUnknown as error:
        is_timeout = not error.is_answered and time.monotonic() - began >= seconds
        raise
    finally:
        if not time_limits.is_background():
            breaker.record(is_timeout)
