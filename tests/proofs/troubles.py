"""Troubles in one process: the next call or commit at a chosen boundary kills, as far as the code above can tell."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection

from billing import gateway

CALLS = ("create_customer", "create_source", "create_intent", "confirm_intent", "retrieve_intent", "cancel_intent")
CALLS += ("create_refund", "list_refunds", "list_intents")
MAIL, COMMIT = "mail", "commit"
BOUNDARIES = (*CALLS, MAIL, COMMIT)


class Death(BaseException):
    """The process is gone: no handler of errors may catch this."""


class Doom:
    """At most one death to come: just before or after the nth time that anybody reaches a boundary."""

    def __init__(self) -> None:
        self.boundary, self.when, self.times = "", "", 0
        self.deaths = 0
        self.died_at_mail = False

    def await_(self, boundary: str, when: str, times: int = 1) -> None:
        """From now on death waits there."""
        self.boundary, self.when, self.times = boundary, when, times

    def lift(self) -> None:
        """It does not come."""
        self.boundary = ""

    @property
    def is_near(self) -> bool:
        """Whether it is still to come."""
        return bool(self.boundary)

    def _reached(self, boundary: str, when: str) -> bool:
        if (boundary, when) != (self.boundary, self.when):
            return False
        self.times -= 1
        if self.times > 0:
            return False
        self.boundary, self.deaths = "", self.deaths + 1
        self.died_at_mail = self.died_at_mail or boundary == MAIL
        return True

    def _around(self, boundary: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self._reached(boundary, "before"):
                raise Death
            result = call(*args, **kwargs)
            if self._reached(boundary, "after"):
                raise Death
            return result

        return wrapped

    def _commit(self, commit: Callable[[], None]) -> Callable[[], None]:
        def wrapped() -> None:
            if self._reached(COMMIT, "before"):
                connection.rollback()  # what the database does with a connection that breaks off
                raise Death
            commit()
            if self._reached(COMMIT, "after"):
                connection.run_on_commit.clear()
                raise Death

        return wrapped

    @contextmanager
    def waiting(self, patch: pytest.MonkeyPatch) -> Iterator["Doom"]:
        """The boundaries are watched inside."""
        with patch.context() as inside:
            for name in CALLS:
                inside.setattr(gateway, name, self._around(name, getattr(gateway, name)))
            inside.setattr(EmailMessage, "send", self._around(MAIL, EmailMessage.send))
            inside.setattr(connection, "commit", self._commit(connection.commit))
            yield self
