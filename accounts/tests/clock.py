"""A clock that tests move, for code that asks timezone.now, also where it was imported by name."""

from datetime import datetime, timedelta
from typing import Any

import axes.handlers.proxy
import pytest
from django.utils import timezone


class Clock:
    """The present time of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = timezone.now()
        monkeypatch.setattr(timezone, "now", self.read)
        monkeypatch.setattr(axes.handlers.proxy, "now", self.read)

    def read(self) -> datetime:
        return self.now

    def wait(self, **time: Any) -> None:
        """Let this much time pass."""
        self.now += timedelta(**time)
