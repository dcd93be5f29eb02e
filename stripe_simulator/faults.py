"""Injected faults that simulate network failures and outages at Stripe."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

KINDS = frozenset(
    {
        "drop_before",
        "drop_after",
        "delay",
        "rate_limit",
        "error_500",
        "error_500_stored",
        "html",
        "empty",
        "other_json",
        "other_object",
        "key_in_use",
    }
)


@dataclass
class Fault:
    """A fault for calls whose path matches a pattern.

    `times` is the number of uses left; 0 means until the faults are cleared. `seconds` is the length of a delay.
    """

    path: str
    kind: str
    method: str = "POST"
    times: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind, or if `times` or `seconds` is negative."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown kind of fault: {self.kind}. Known: {', '.join(sorted(KINDS))}.")
        if self.times < 0 or self.seconds < 0:
            raise ValueError("A fault's times and seconds cannot be negative.")


class Faults:
    """The active faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._rate, self._kinds, self._random = 0.0, [""], random.Random()  # noqa: S311 - not for security

    def add(self, fault: Fault) -> None:
        """Activate a fault."""
        with self._lock:
            self._faults.append(fault)

    def add_random_faults(self, rate: float, kinds: Sequence[str], seed: int) -> None:
        """Make calls fail at random at this rate (0.1 is one in ten), with one of these kinds each, until `clear`.

        The same seed gives the same sequence. Raise ValueError for an unknown kind.
        """
        with self._lock:
            self._rate, self._kinds = rate, [Fault("*", kind).kind for kind in kinds]
            self._random.seed(seed)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()
            self._rate = 0.0

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for this call and count its use. Return None if no fault applies."""
        with self._lock:
            for fault in self._faults:
                if fault.method in (method, "*") and fnmatchcase(path, fault.path):
                    if fault.times == 1:
                        self._faults.remove(fault)
                    elif fault.times > 1:
                        fault.times -= 1
                    return fault
            if self._random.random() < self._rate:
                return Fault(path, self._random.choice(self._kinds), method)
        return None
