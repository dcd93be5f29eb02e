"""Records the statements, commits and calls to Stripe of requests, and the lines of the shop that cause them."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.db import connection

WRITES = ("INSERT", "UPDATE", "DELETE")
CONTROL = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
TESTS = ("tests/", "conftest.py")
MAX_SQL_LENGTH = 100


@dataclass(frozen=True)
class Event:
    """A statement, a savepoint command, a commit or a call to Stripe, with the lines of the shop that caused it."""

    kind: str  # statement, savepoint, commit or call
    text: str
    where: str


@dataclass
class RequestCosts:
    """What one request did in the database, until its response was ready and afterwards."""

    name: str
    events: list[Event] = field(default_factory=list)
    after_response: list[Event] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in [*self.events, *self.after_response])

    @property
    def statements(self) -> int:
        """The number of statements that read or write rows."""
        return self.count("statement")

    @property
    def commits(self) -> int:
        """The number of transactions that were committed, including statements outside a transaction that write."""
        return self.count("commit")


class CostRecorder:
    """Records the events of each request that `record` runs."""

    def __init__(self) -> None:
        self.requests: list[RequestCosts] = []
        self._events: list[Event] = []

    def record(self, name: str, send: Callable[[], Any]) -> Any:
        """Send a request and record what it does. Return its response."""
        costs = RequestCosts(name)
        self.requests.append(costs)
        self._events = costs.events
        with self._watching(costs):
            return send()

    @contextmanager
    def _watching(self, costs: RequestCosts) -> Iterator[None]:
        commit, get_response = connection.commit, BaseHandler.get_response

        def watched_commit() -> None:
            commit()
            self._add("commit", "commit")

        def watched_response(handler: BaseHandler, request: Any) -> Any:
            response = get_response(handler, request)
            self._events = costs.after_response
            return response

        connection.commit, BaseHandler.get_response = watched_commit, watched_response
        try:
            with connection.execute_wrapper(self._execute):
                yield
        finally:
            del connection.commit
            BaseHandler.get_response = get_response

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        is_alone = not connection.in_atomic_block
        result = execute(sql, params, many, context)
        if sql.startswith(CONTROL):
            if not sql.startswith("BEGIN"):
                self._add("savepoint", sql)
            return result
        self._add("statement", _shorten(sql))
        if is_alone and sql.startswith(WRITES):
            self._add("commit", "commit")
        return result

    def add_call(self, name: str) -> None:
        """Record a call to Stripe. Fail if a transaction is open."""
        assert not connection.in_atomic_block
        self._add("call", name)

    def _add(self, kind: str, text: str) -> None:
        self._events.append(Event(kind, text, _find_caller()))

    @property
    def statements(self) -> int:
        return sum(request.statements for request in self.requests)

    @property
    def commits(self) -> int:
        return sum(request.commits for request in self.requests)

    def table(self) -> str:
        """Return all events as text, one line each, with a line for each request."""
        lines = []
        for request in self.requests:
            lines.append(_summary(request.name, [request]))
            lines += [_line(event) for event in request.events]
            lines += ["    after the response:"] * bool(request.after_response)
            lines += [_line(event) for event in request.after_response]
        lines += [_summary(request.name, [request]) for request in self.requests]
        return "\n".join([*lines, _summary("total", self.requests)])


def _summary(name: str, requests: list[RequestCosts]) -> str:
    counts = {kind: sum(request.count(kind) for request in requests) for kind in ("statement", "commit", "savepoint")}
    return f"{name}: " + ", ".join(f"{count} {kind}s" for kind, count in counts.items())


def _line(event: Event) -> str:
    return f"    {event.kind:9} {event.text:{MAX_SQL_LENGTH}}  {event.where}"


def _shorten(sql: str) -> str:
    """Return the beginning of the statement, without the columns of a SELECT or INSERT."""
    text = re.sub(r'^SELECT .*? FROM "', 'SELECT FROM "', sql.replace("\n", " "))
    text = re.sub(r'^(INSERT INTO "\w+") \(.*', r"\1", text)
    return text[:MAX_SQL_LENGTH]


def _find_caller() -> str:
    """Return the innermost lines of the shop on the call stack, without those of tests."""
    base, found = f"{settings.BASE_DIR}/", []
    frame = sys._getframe(1)
    while frame is not None and len(found) < 3:
        name = frame.f_code.co_filename
        if name.startswith(base) and not name.removeprefix(base).startswith(TESTS):
            found.append(f"{Path(name).relative_to(base)}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(found) or "Django"
