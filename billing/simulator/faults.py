"""Faults on request: what a network or a bad day at Stripe does to an answer."""

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
        "key_in_use",
    }
)


@dataclass
class Fault:
    """One kind of trouble for calls of a path; `times` uses are left, 0 means until cleared."""

    path: str
    kind: str
    method: str = "POST"
    times: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a kind nobody would act on."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown kind of fault: {self.kind}. Known: {', '.join(sorted(KINDS))}.")
        if self.times < 0 or self.seconds < 0:
            raise ValueError("A fault's times and seconds cannot be negative.")


class Faults:
    """The faults in force, in the order they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._rate, self._kinds, self._dice = 0.0, [""], random.Random()  # noqa: S311 - chance, no secret

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(fault)

    def storm(self, rate: float, kinds: Sequence[str], seed: int) -> None:
        """From now on this part of all calls (0.1 is one in ten) is hit, each by one of these kinds."""
        with self._lock:
            self._rate, self._kinds = rate, [Fault("*", kind).kind for kind in kinds]
            self._dice.seed(seed)

    def clear(self) -> None:
        """Lift all faults."""
        with self._lock:
            self._faults.clear()
            self._rate = 0.0

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call, one use of it spent."""
        with self._lock:
            for fault in self._faults:
                if fault.method in (method, "*") and fnmatchcase(path, fault.path):
                    if fault.times == 1:
                        self._faults.remove(fault)
                    elif fault.times > 1:
                        fault.times -= 1
                    return fault
            if self._dice.random() < self._rate:
                return Fault(path, self._dice.choice(self._kinds), method)
        return None
