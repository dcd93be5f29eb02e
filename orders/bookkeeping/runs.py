"""Runs of background work: one at a time if possible, for a limited time, and recorded when all is done.

It is safe to run several in parallel, so the lock only avoids work that is done twice.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from django.utils import timezone

from core.background.models import last_began, record_begin, record_finish
from core.database.locks import try_lock

RUN_SECONDS = 300.0  # a run stops after so long, and the next one goes on
STEP_SECONDS = RUN_SECONDS / 4  # a step stops after so long, so that one that waits for Stripe does not use up the run
OVERDUE = timedelta(minutes=6)  # a run that began earlier is stuck, so another one works beside it
Row = TypeVar("Row")


@dataclass
class Run:
    """A run that works until `deadline`. `is_cut` says that it left work for the next one."""

    name: str
    deadline: float = field(default_factory=lambda: time.monotonic() + RUN_SECONDS)
    step_deadline: float = float("inf")
    is_cut: bool = False

    @property
    def has_time(self) -> bool:
        """Whether more work may begin."""
        return self.has_time_until(self.deadline)

    def has_time_until(self, deadline: float) -> bool:
        """Return whether it is not yet `deadline`. If it is, remember that work was left."""
        is_over = time.monotonic() > deadline
        self.is_cut = self.is_cut or is_over
        return not is_over


_current: ContextVar[Run | None] = ContextVar("run", default=None)


@contextmanager
def begin(name: str) -> Iterator[Run | None]:
    """Begin a run of this kind, and yield it. Yield None if another one is at work.

    Without an exception, a run that was not cut is recorded as finished.
    """
    with try_lock(name) as is_alone:
        began = last_began(name)
        if not is_alone and began and began > timezone.now() - OVERDUE:
            yield None
            return
        if is_alone:
            record_begin(name)
        run = Run(name)
        token = _current.set(run)
        try:
            yield run
        finally:
            _current.reset(token)
        if not run.is_cut:
            record_finish(name)


def while_time(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows until the time of the current run, or of its step, is over. Outside a run, yield all."""
    run = _current.get()
    for row in rows:
        if run is not None and not run.has_time_until(min(run.deadline, run.step_deadline)):
            return
        yield row


def has_time() -> bool:
    """Return whether the current run may begin more work. Outside a run, return True."""
    run = _current.get()
    return run is None or run.has_time


def do_all(steps: Iterable[tuple[str, Callable[[], int]]]) -> dict[str, int]:
    """Do the steps, by label, until the time of the current run is over. Return what each returned.

    Each step has a part of the time. It ends its loops with `while_time`.
    """
    run, done = _current.get(), {}
    for label, step in steps:
        if run is not None:
            if not run.has_time:
                break
            run.step_deadline = time.monotonic() + STEP_SECONDS
        done[label] = step()
    if run is not None:
        run.step_deadline = float("inf")
    return done
