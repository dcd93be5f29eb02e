"""System checks that read rows. `migrate` runs them before it has made the tables and columns that they read."""

from collections.abc import Callable, Iterable, Sequence

from django.core.checks import CheckMessage
from django.db import OperationalError, ProgrammingError


def check_rows(databases: Sequence[str] | None, check: Callable[[str], Iterable[CheckMessage]]) -> list[CheckMessage]:
    """Return the messages of `check` for each of these databases. One that is not migrated yet has none."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        try:
            messages += check(alias)
        except (OperationalError, ProgrammingError):
            continue
    return messages
