"""What a proof tried and found, one line of JSON a test, from which the table is made."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stripe_simulator.server import Simulator
from tests.proofs import books
from tests.proofs.child import Crowd
from tests.proofs.table import FIGURES

SCALE = os.environ.get("SCALE") or "quick"
Number = TypeVar("Number")


def scaled(quick: Number, small: Number, full: Number) -> Number:
    """The value for this run: `quick` in `make test`, `small` or `full` in `make prove`."""
    return {"quick": quick, "small": small, "full": full}[SCALE]


@dataclass
class Ledger:
    """Counts for one line of the table; fails its test in the end if anything was found."""

    name: str
    tries: int = 0
    found: dict[str, list[str]] = field(default_factory=lambda: {figure: [] for figure in FIGURES})
    controls: dict[str, bool] = field(default_factory=dict)

    def tried(self, *answers: Any, times: int = 1) -> None:
        """One more try (or `times`), and what the shop answered to it."""
        self.tries += times
        self.answered(*answers)

    def answered(self, *answers: Any) -> None:
        """What the shop answered on the way, which is no try of its own."""
        for answer in answers:
            self.expect(answer.status_code < 500, "server_errors", f"an answer of {answer.status_code}")

    def expect(self, is_so: bool, figure: str, otherwise: str) -> None:
        """Note `otherwise` as found under `figure` unless it is so."""
        if not is_so:
            self.found[figure].append(otherwise)

    def check_books(self, simulator: Simulator) -> None:
        """Judge all rows against Stripe's, by the proofs' own look and by the shop's audit."""
        for figure, text in books.findings(simulator):
            self.expect(False, figure, text)

    def check_crowd(self, crowd: Crowd) -> None:
        """What no child may meet: an exception is an answer of 500."""
        for error in crowd.errors:
            self.expect(False, "server_errors", error)

    def control(self, name: str, caught: bool) -> None:
        """Without the guard called `name`, was the damage noticed?"""
        self.controls[name] = caught

    def problems(self) -> list[str]:
        """Everything found and every control that was missed, in words."""
        found = [f"{FIGURES[figure]}: {text}" for figure, texts in self.found.items() for text in texts]
        return found + [f"control not caught: {name}" for name, caught in self.controls.items() if not caught]

    def write(self, path: str) -> None:
        """Append this test's line; short enough to be written at once, whatever other processes write."""
        caught = Counter(self.controls.values())
        counts = {figure: len(texts) for figure, texts in self.found.items()}
        line = {"proof": self.name, "tried": self.tries, **counts, "caught": caught[True], "missed": caught[False]}
        with open(path, "a", encoding="utf-8") as results:
            results.write(json.dumps(line) + "\n")
