"""Deaths at chosen instants. The shop knows nothing of them: a child wraps what it is about to cross, then acts."""

import os
import pydoc
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tests.proofs.child import DEATH


@dataclass(frozen=True)
class FailPoint:
    """`before` or `after` a call (dotted name), a statement, or the commit of a statement (a pattern of its SQL)."""

    when: str
    what: str
    target: str

    def __str__(self) -> str:
        return f"{self.when} {self.what} {self.target}"

    def arm(self) -> None:
        """From now on this process dies when it gets there."""
        {"call": self._wrap_call, "statement": self._watch, "commit": self._wrap_commit}[self.what]()

    def _reached(self, when: str) -> None:
        if when == self.when:
            os._exit(DEATH)

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._reached("before")
            try:
                return call(*args, **kwargs)
            finally:  # a decline is an answer too
                self._reached("after")

        return wrapped

    def _wrap_call(self) -> None:
        owner, _dot, name = self.target.rpartition(".")
        place = pydoc.locate(owner)
        setattr(place, name, self._around(getattr(place, name)))

    def _watch(self) -> None:
        def watch(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
            run = self._around(execute) if self._matches(sql, params) else execute
            return run(sql, params, *more)

        connection.execute_wrappers.append(watch)

    def _wrap_commit(self) -> None:
        """Commits are found by what they commit, so that nobody need count them."""
        commit = connection.commit

        def watch(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
            if self._matches(sql, params):
                connection.commit = self._around(commit)
            return execute(sql, params, *more)

        connection.execute_wrappers.append(watch)

    def _matches(self, sql: str, params: Any) -> bool:
        return bool(re.search(self.target, f"{sql} {' '.join(map(str, params or ()))}"))
