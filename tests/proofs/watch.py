"""The shop's audit after every step of thousands: a check is made again once a row that it looks at has changed."""

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from orders.bookkeeping.audit import CHECKS, Finding
from tests.makers import make_standard_delivery

READ = re.compile(r'(?:FROM|JOIN) "(\w+)"')
LEFT_OUT = {"orders_order": "WHERE status <> 'open'"}  # a cart's mirror, which promises nothing
KEPT = {"contenttypes", "auth"}
Rows = dict[str, list[Any]]


class Watch:
    """Knows which tables each check reads, and what was in them when it found nothing."""

    def __init__(self) -> None:
        self._reads: dict[Any, set[str]] = {}
        self._healthy: dict[Any, Rows] = {}
        self._reading: set[str] = set()

    def _listen(self, execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        self._reading.update(READ.findall(sql))
        return execute(sql, *more)

    def findings(self) -> list[Finding]:
        """What the audit of our rows finds."""
        rows = self._rows()
        return [finding for check in CHECKS if self._is_due(check, rows) for finding in self._make(check, rows)]

    def _is_due(self, check: Any, rows: Rows) -> bool:
        healthy = self._healthy.get(check)
        return healthy is None or any(rows.get(table) != healthy.get(table) for table in self._reads[check])

    def _make(self, check: Any, rows: Rows) -> list[Finding]:
        self._reading = set()
        with connection.execute_wrapper(self._listen):
            found = list(check())
        self._reads[check] = self._reads.get(check, set()) | self._reading
        if not found:
            self._healthy[check] = rows
        return found

    def note_health(self) -> None:
        """The whole audit was made a moment ago, and found nothing."""
        self._healthy = dict.fromkeys(self._reads, self._rows())

    def _rows(self) -> Rows:
        with connection.cursor() as cursor:
            return {table: self._table(cursor, table) for table in sorted(set().union(*self._reads.values()))}

    def _table(self, cursor: Any, table: str) -> list[Any]:
        cursor.execute(f'SELECT * FROM "{table}" {LEFT_OUT.get(table, "")}')  # noqa: S608 - a name from the audit
        return sorted(cursor.fetchall(), key=repr)


def wipe() -> None:
    """Delete every row, in any order: the database looks at references at the end. Delivery is as in a new shop."""
    with transaction.atomic():
        for model in apps.get_models(include_auto_created=True):
            if model._meta.app_label not in KEPT and model._meta.managed:
                model._base_manager.all()._raw_delete(connection.alias)
    make_standard_delivery()
