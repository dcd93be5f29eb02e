"""An audit for tests with thousands of steps: it repeats a check only if a row that the check reads has changed."""

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from orders.bookkeeping.audit import CHECKS, AuditFinding
from tests.makers import make_standard_delivery

READ = re.compile(r'(?:FROM|JOIN) "(\w+)"')
LEFT_OUT = {"orders_order": "WHERE status <> 'open'"}  # an open order only mirrors a cart
KEPT = {"contenttypes", "auth"}
Rows = dict[str, list[Any]]


class IncrementalAudit:
    """The tables that each check reads, and their rows when the check last found nothing."""

    def __init__(self) -> None:
        self._reads: dict[Any, set[str]] = {}
        self._healthy: dict[Any, Rows] = {}
        self._tables_read: set[str] = set()

    def _record_tables(self, execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        self._tables_read.update(READ.findall(sql))
        return execute(sql, *more)

    def findings(self) -> list[AuditFinding]:
        """Return the audit findings in the database rows."""
        rows = self._rows()
        return [finding for check in CHECKS if self._is_due(check, rows) for finding in self._run(check, rows)]

    def _is_due(self, check: Any, rows: Rows) -> bool:
        healthy = self._healthy.get(check)
        return healthy is None or any(rows.get(table) != healthy.get(table) for table in self._reads[check])

    def _run(self, check: Any, rows: Rows) -> list[AuditFinding]:
        self._tables_read = set()
        with connection.execute_wrapper(self._record_tables):
            found = list(check())
        self._reads[check] = self._reads.get(check, set()) | self._tables_read
        if not found:
            self._healthy[check] = rows
        return found

    def mark_healthy(self) -> None:
        """Remember the current rows as healthy, after a whole audit that found nothing."""
        self._healthy = dict.fromkeys(self._reads, self._rows())

    def _rows(self) -> Rows:
        with connection.cursor() as cursor:
            return {table: self._table(cursor, table) for table in sorted(set().union(*self._reads.values()))}

    def _table(self, cursor: Any, table: str) -> list[Any]:
        cursor.execute(f'SELECT * FROM "{table}" {LEFT_OUT.get(table, "")}')  # noqa: S608 - a name from the audit
        return sorted(cursor.fetchall(), key=repr)


def delete_all_rows() -> None:
    """Delete every row and create the standard delivery of a new shop.

    Models can be deleted in any sequence, because the database checks foreign keys at the end of the transaction.
    """
    with transaction.atomic():
        for model in apps.get_models(include_auto_created=True):
            if model._meta.app_label not in KEPT and model._meta.managed:
                model._base_manager.all()._raw_delete(connection.alias)
    make_standard_delivery()
