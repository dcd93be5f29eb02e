"""The record of what a proof tried and found. Each test writes one line of JSON; the results table reads them."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stripe_simulator.server import Simulator
from tests.proofs import consistency
from tests.proofs.processes import ProcessGroup
from tests.proofs.results_table import PROBLEM_CATEGORIES

SCALE = os.environ.get("SCALE") or "quick"
Number = TypeVar("Number")


def scaled(quick: Number, small: Number, full: Number) -> Number:
    """Return the value for this run: `quick` in `make test`, `small` or `full` in `make prove`."""
    return {"quick": quick, "small": small, "full": full}[SCALE]


@dataclass
class ProofReport:
    """Counts for one row of the results table. The `report` fixture fails the test if problems were found."""

    name: str
    try_count: int = 0
    found: dict[str, list[str]] = field(default_factory=lambda: {figure: [] for figure in PROBLEM_CATEGORIES})
    controls: dict[str, bool] = field(default_factory=dict)

    def count_try(self, *responses: Any, times: int = 1) -> None:
        """Count one try (or `times`) and check the shop's responses to it."""
        self.try_count += times
        self.check_responses(*responses)

    def check_responses(self, *responses: Any) -> None:
        """Check that no response has a status of 500 or above, without counting a try."""
        for response in responses:
            self.expect(response.status_code < 500, "server_errors", f"a response with status {response.status_code}")

    def expect(self, condition: bool, figure: str, message: str) -> None:
        """Record `message` as a problem of this category unless `condition` is true."""
        if not condition:
            self.found[figure].append(message)

    def check_consistency(self, simulator: Simulator) -> None:
        """Compare all rows with Stripe's data, by the proofs' independent checks and by the shop's audit."""
        for figure, text in consistency.all_problems(simulator):
            self.expect(False, figure, text)

    def check_processes(self, group: ProcessGroup) -> None:
        """Record each exception in a child process as a server error."""
        for error in group.errors:
            self.expect(False, "server_errors", error)

    def record_control(self, name: str, caught: bool) -> None:
        """Record whether the damage was noticed while the guard called `name` was disabled."""
        self.controls[name] = caught

    def problems(self) -> list[str]:
        """Return a text for every problem found and every control that was not caught."""
        found = [f"{PROBLEM_CATEGORIES[figure]}: {text}" for figure, texts in self.found.items() for text in texts]
        return found + [f"control not caught: {name}" for name, caught in self.controls.items() if not caught]

    def write(self, path: str) -> None:
        """Append this test's line of JSON to the file.

        The line is short enough for one write call, so lines of other processes do not mix with it.
        """
        caught = Counter(self.controls.values())
        counts = {figure: len(texts) for figure, texts in self.found.items()}
        line = {"proof": self.name, "tried": self.try_count, **counts, "caught": caught[True], "missed": caught[False]}
        with open(path, "a", encoding="utf-8") as results:
            results.write(json.dumps(line) + "\n")
