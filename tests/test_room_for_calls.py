"""Calls of a request must not map and unmap memory, however deep they are: `ecommerce.wsgi.with_room_for_calls`."""

import resource
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ecommerce.wsgi import application, with_room_for_calls

DEPTHS = range(0, 160, 2)  # more frames than a block of 16 KB holds
CALLS = 300


def below(depth: int, function: Callable[[], Any]) -> Any:
    """Call the function below this many other calls."""
    return below(depth - 1, function) if depth else function()


def leaf() -> None:
    """Need some frames, as the filter of a template does."""
    sum(number for number in (1, 2))


def page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    for _call in range(CALLS):
        leaf()
    return []


def page_faults(function: Callable[[dict[str, Any], Any], Iterable[bytes]]) -> int:
    """Return how often a call of this page touched memory that was not there, at the worst depth."""
    found = []
    for depth in DEPTHS:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        below(depth, lambda: function({}, None))
        found.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
    return max(found)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="describes the frames of CPython")
def test_calls_at_any_depth_find_room_in_one_block() -> None:
    assert page_faults(with_room_for_calls(page)) < CALLS / 3


def test_the_shop_gives_room_to_the_calls_of_a_request() -> None:
    assert application.__code__.co_stacksize == with_room_for_calls(page).__code__.co_stacksize
