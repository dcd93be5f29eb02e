"""Process exits at chosen points. The shop has no hooks for them: a child process wraps the call before it acts."""

import os
import pydoc
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tests.proofs.processes import KILLED_EXIT_CODE


@dataclass(frozen=True)
class FailPoint:
    """A point `before` or `after` a call (dotted name), a statement (SQL pattern) or the commit of a statement."""

    when: str
    what: str
    target: str

    def __str__(self) -> str:
        return f"{self.when} {self.what} {self.target}"

    def arm(self) -> None:
        """Make this process exit with the code KILLED_EXIT_CODE when it reaches this point."""
        {"call": self._wrap_call, "statement": self._wrap_statement, "commit": self._wrap_commit}[self.what]()

    def _reached(self, when: str) -> None:
        if when == self.when:
            os._exit(KILLED_EXIT_CODE)

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._reached("before")
            try:
                return call(*args, **kwargs)
            finally:  # a declined card raises, but it is a response too
                self._reached("after")

        return wrapped

    def _wrap_call(self) -> None:
        owner_name, _dot, name = self.target.rpartition(".")
        owner_object = pydoc.locate(owner_name)
        setattr(owner_object, name, self._around(getattr(owner_object, name)))

    def _wrap_statement(self) -> None:
        def watch(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
            run = self._around(execute) if self._matches(sql, params) else execute
            return run(sql, params, *more)

        connection.execute_wrappers.append(watch)

    def _wrap_commit(self) -> None:
        """Identify the commit by the statement that it commits, so that a test does not need to count commits."""
        commit = connection.commit

        def watch(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
            if self._matches(sql, params):
                connection.commit = self._around(commit)
            return execute(sql, params, *more)

        connection.execute_wrappers.append(watch)

    def _matches(self, sql: str, params: Any) -> bool:
        return bool(re.search(self.target, f"{sql} {' '.join(map(str, params or ()))}"))
