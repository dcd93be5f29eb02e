"""Runs steps of a test at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def run_in_threads(*steps: Callable[[], Any]) -> list[Any]:
    """Call each step in a thread with a separate database connection. Return the results in the order of the steps."""

    def run(step: Callable[[], Any]) -> Any:
        try:
            return step()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(run, steps))
