"""Simulated crashes in one process: an exception that no handler catches, at a chosen call or commit."""

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


class SimulatedCrash(BaseException):
    """A simulated crash. It is a BaseException, so that error handlers do not catch it."""


class CrashSchedule:
    """At most one scheduled crash: just before or after the nth time that the code reaches a boundary."""

    def __init__(self) -> None:
        self.boundary, self.when, self.times = "", "", 0
        self.crash_count = 0
        self.crashed_at_email = False

    def schedule(self, boundary: str, when: str, times: int = 1) -> None:
        """Schedule a crash for the nth time (`times`) that the code reaches this boundary."""
        self.boundary, self.when, self.times = boundary, when, times

    def cancel(self) -> None:
        """Cancel the scheduled crash."""
        self.boundary = ""

    @property
    def is_pending(self) -> bool:
        """Whether a crash is scheduled."""
        return bool(self.boundary)

    def _reached(self, boundary: str, when: str) -> bool:
        if (boundary, when) != (self.boundary, self.when):
            return False
        self.times -= 1
        if self.times > 0:
            return False
        self.boundary, self.crash_count = "", self.crash_count + 1
        self.crashed_at_email = self.crashed_at_email or boundary == MAIL
        return True

    def _around(self, boundary: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self._reached(boundary, "before"):
                raise SimulatedCrash
            result = call(*args, **kwargs)
            if self._reached(boundary, "after"):
                raise SimulatedCrash
            return result

        return wrapped

    def _commit(self, commit: Callable[[], None]) -> Callable[[], None]:
        def wrapped() -> None:
            if self._reached(COMMIT, "before"):
                connection.rollback()  # as the database does when a connection breaks
                raise SimulatedCrash
            commit()
            if self._reached(COMMIT, "after"):
                connection.run_on_commit.clear()
                raise SimulatedCrash

        return wrapped

    @contextmanager
    def waiting(self, patch: pytest.MonkeyPatch) -> Iterator["CrashSchedule"]:
        """Watch the boundaries inside the context."""
        with patch.context() as inside:
            for name in CALLS:
                inside.setattr(gateway, name, self._around(name, getattr(gateway, name)))
            inside.setattr(EmailMessage, "send", self._around(MAIL, EmailMessage.send))
            inside.setattr(connection, "commit", self._commit(connection.commit))
            yield self
