"""The shop's audit after every step of thousands: a check is made again once a table that it reads was written to."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from orders.audit import CHECKS, Finding

WRITE = re.compile(r'^(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
READ = re.compile(r'(?:FROM|JOIN) "(\w+)"')
KEPT = {"contenttypes", "auth"}


class Watch:
    """Knows what was written since each check was made."""

    def __init__(self) -> None:
        self._reads: dict[Any, set[str]] = {}
        self._written: dict[Any, set[str]] = {check: {"everything"} for check in CHECKS}
        self._reading: set[str] = set()

    def _listen(self, execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        if written := WRITE.match(sql):
            for tables in self._written.values():
                tables.add(written[1])
        else:
            self._reading.update(READ.findall(sql))
        return execute(sql, *more)

    @contextmanager
    def listening(self) -> Iterator["Watch"]:
        """Statements are heard inside."""
        with connection.execute_wrapper(self._listen):
            yield self

    def forget(self) -> None:
        """All checks are to be made again: another shop, or another time."""
        for tables in self._written.values():
            tables.add("everything")

    def findings(self) -> list[Finding]:
        """What the audit of our rows finds."""
        return [finding for check in CHECKS if self._is_due(check) for finding in self._make(check)]

    def _is_due(self, check: Any) -> bool:
        return "everything" in self._written[check] or bool(self._written[check] & self._reads[check])

    def _make(self, check: Any) -> list[Finding]:
        self._reading.clear()
        found = list(check())
        self._reads[check] = self._reads.get(check, set()) | self._reading
        if not found:  # what is found is looked for again and again
            self._written[check].clear()
        return found


def wipe() -> None:
    """Delete every row, in any order: the database looks at references at the end."""
    with transaction.atomic():
        for model in apps.get_models(include_auto_created=True):
            if model._meta.app_label not in KEPT and model._meta.managed:
                model._base_manager.all()._raw_delete(connection.alias)
