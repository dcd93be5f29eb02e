"""The stored outcomes of mutants, the list of known survivors, and the results table."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.coverage import digest
from tests.mutants.mutations import Mutant
from tests.mutants.places import ROOT, group_of
from tests.mutants.trial import Outcome, Task

SURVIVORS = ROOT / "docs" / "mutants.md"
LEAST_PERCENT = 90
EQUIVALENT = "Equivalent mutants"
Row = tuple[str, str, str, str]  # module, function, line before, line after


class Store:
    """A file with one line per outcome, so that an interrupted run continues where it ended.

    An outcome is valid until the module changes. A killed mutant also depends on the module of the test that failed,
    a survivor on the modules of all its tests.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.stored = {line["mutant"]: line for line in map(json.loads, lines)}

    def get(self, task: Task) -> Outcome | None:
        """Return the stored outcome, or None if nothing is stored for this code and these tests."""
        line = self.stored.get(task.mutant.key)
        if line is None or any(not (ROOT / path).exists() for path in line["modules"]):
            return None
        outcome = Outcome(line["result"], line["test"], line["seconds"])
        modules = _modules(task, outcome)
        return outcome if modules == line["modules"] and digest(modules, task.code) == line["digest"] else None

    def add(self, task: Task, outcome: Outcome) -> None:
        modules = _modules(task, outcome)
        line = {"mutant": task.mutant.key, "modules": modules, "digest": digest(modules, task.code)}
        line |= {"result": outcome.result, "test": outcome.test, "seconds": round(outcome.seconds, 1)}
        self.stored[task.mutant.key] = line
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _modules(task: Task, outcome: Outcome) -> list[str]:
    """Return the modules that an outcome depends on."""
    tests = [outcome.test] if outcome.test else task.tests
    return sorted({task.mutant.path, *(test.split("::")[0] for test in tests)})


def known_survivors(text: str) -> dict[Row, str]:
    """Return the rows of the tables in docs/mutants.md, each with the heading of its section."""
    rows, heading = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:]
        cells = [cell.strip().strip("`").replace(r"\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and cells[0].endswith(".py"):
            rows[cells[0], cells[1], cells[2], cells[3]] = heading
    return rows


def row_of(mutant: Mutant, source: str) -> Row:
    """Return the row of a mutant in docs/mutants.md, which does not change when other lines change."""
    before, after = mutant.change(source)
    return mutant.path, mutant.function or "(import)", before, after or "(removed)"


def render_row(row: Row, reason: str = "?") -> str:
    cells = [row[0], row[1], *(f"`{text.replace('|', chr(92) + '|')}`" for text in row[2:]), reason]
    return f"| {' | '.join(cells)} |"


class Report:
    """The results of a run. `is_good` says whether enough are killed and every survivor is known."""

    def __init__(self, outcomes: Iterable[tuple[Mutant, Row, Outcome]], known: dict[Row, str]) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.unknown: list[tuple[Mutant, Row]] = []
        self.needless: list[Row] = []
        for mutant, row, outcome in outcomes:
            result = outcome.result
            if result == "survived" and known.get(row) == EQUIVALENT:
                result = "equivalent"
            elif result == "survived" and row not in known:
                self.unknown.append((mutant, row))
            elif result != "survived" and row in known:
                self.needless.append(row)
            for group in (group_of(mutant.path), "all"):
                self.counts.setdefault(group, Counter())[result] += 1

    def percent(self, group: str = "all") -> float:
        """Return the percentage of killed mutants, without the equivalent ones. A mutant that hangs is killed."""
        count = self.counts.get(group, Counter())
        tried = count.total() - count["equivalent"]
        return 100 * (count["killed"] + count["timed out"]) / tried if tried else 100.0

    @property
    def is_good(self) -> bool:
        return self.percent() >= LEAST_PERCENT and not self.unknown

    def render(self) -> str:
        """Return the results table as Markdown, with the survivors that docs/mutants.md does not list."""
        names = ["killed", "timed out", "survived", "equivalent"]
        lines = [f"| modules | mutants | {' | '.join(names)} | killed % |", "|---|" + "---:|" * (len(names) + 2)]
        for group in sorted(self.counts, key=lambda name: (name == "all", name)):
            count = self.counts[group]
            numbers = [count.total(), *(count[name] for name in names), f"{self.percent(group):.1f}"]
            lines.append(f"| {group} | {' | '.join(map(str, numbers))} |")
        if self.unknown:
            lines += ["", f"{len(self.unknown)} survivors are not in docs/mutants.md:", ""]
            lines += [
                f"{mutant.path}:{mutant.line} {mutant.operator}\n{render_row(row)}" for mutant, row in self.unknown
            ]
        if self.needless:
            lines += ["", "These rows of docs/mutants.md can go, because a test kills the mutant:", ""]
            lines += [render_row(row) for row in self.needless]
        return "\n".join(lines)


def print_report(report: Report) -> bool:
    """Print the results table. Return whether the result is good."""
    verdict = (
        "Good: enough mutants are killed and every survivor is known." if report.is_good else "NOT GOOD, see above."
    )
    sys.stdout.write(f"\n{report.render()}\n\n{verdict}\n")
    return report.is_good
