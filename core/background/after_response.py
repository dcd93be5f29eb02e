"""Work that no visitor has to wait for. It runs in the same process, after the response has been sent."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)
Work = Callable[[], object]
_collected: ContextVar[list[Work] | None] = ContextVar("collected", default=None)


def run_after_response(work: Work) -> None:
    """Run this work after the response to the current request, or immediately if there is no request.

    A process that is killed loses the work. A row must therefore say that it is due, so that reconcile does it.
    """
    collected = _collected.get()
    if collected is None:
        work()
    else:
        collected.append(work)


@contextmanager
def collect_work() -> Iterator[list[Work]]:
    """Collect the work of the block, a request, instead of running it immediately."""
    collected: list[Work] = []
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


def run_all(works: Iterable[Work]) -> None:
    """Run the work. An error is only logged, because no visitor waits for the result."""
    for work in works:
        try:
            work()
        except Exception:
            logger.exception("work after a response failed")
