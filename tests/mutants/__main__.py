"""Try mutants of the code that handles money, and print what the tests noticed. `make mutate` calls this module.

SCALE=full tries all mutants instead of the sample. PART=2/6 tries the second of six parts. Outcomes are stored, so that
the next run only tries what is missing or changed.
"""

import argparse
import os
import re
import signal
import sys
from pathlib import Path

from tests import stripe_mock
from tests.mutants.coverage import MOST_TESTS, Measured, measure, tests_of
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.places import ROOT, mutated_modules, read
from tests.mutants.results import SURVIVORS, Report, Store, known_survivors, print_report, row_of
from tests.mutants.sampling import SIZE, draw
from tests.mutants.trial import Outcome, Task, Trials, preload

FOLDER = Path(os.environ.get("VAR_DIR") or ROOT / "var") / "mutants"
START_SECONDS = 30.0  # for starting the tests on a busy machine; after three times the usual duration a test hangs


def part_of(mutants: list[Mutant], part: str) -> list[Mutant]:
    """Return one part of a list. `part` is a number and the number of parts, such as "2/6"."""
    found = re.fullmatch(r"([1-9]\d?)/([1-9]\d?)", part or "1/1")
    if not found or int(found[1]) > int(found[2]):
        sys.exit(f"PART={part} is not a part such as 2/6.")
    return mutants[int(found[1]) - 1 :: int(found[2])]


def task_of(mutant: Mutant, code: str, measured: Measured, most: int | None) -> Task:
    tests = tests_of(mutant.path, mutant.function, measured)[:most]
    return Task(mutant, code, tests, START_SECONDS + 3 * sum(measured[test]["seconds"] for test in tests))


def try_all(tasks: list[Task], store: Store, jobs: int) -> dict[str, Outcome]:
    """Return the outcomes of all tasks. Try those that are not stored."""
    outcomes = {task.mutant.key: outcome for task in tasks if (outcome := store.get(task))}
    left = [task for task in tasks if task.mutant.key not in outcomes]
    for task in [task for task in left if not task.tests]:
        left.remove(task)
        outcomes[task.mutant.key] = Outcome("survived")
    total, done = len(left), 0

    def report(task: Task, outcome: Outcome) -> None:
        nonlocal done
        done += 1
        store.add(task, outcome)
        outcomes[task.mutant.key] = outcome
        where = f"{task.mutant.path}:{task.mutant.line} {task.mutant.operator}"
        sys.stdout.write(f"[{done}/{total}] {outcome.result} after {outcome.seconds:.0f} s: {where} {outcome.test}\n")
        sys.stdout.flush()

    if left:
        preload()
        check_control(left[0])
        Trials(jobs).run(left, report)
    return outcomes


def check_control(task: Task) -> None:
    """Run some tests of a task on the unchanged code. Exit if one fails, because then no result would mean anything."""
    unchanged = Task(task.mutant, read(task.mutant.path), task.tests[:20], 10 * task.seconds)
    results: list[Outcome] = []
    Trials(1).run([unchanged], lambda _, outcome: results.append(outcome))
    if results[0].result != "survived":
        sys.exit(f"{results[0].output}\nThe unchanged code fails its tests: {results[0].test}")


def main(arguments: list[str]) -> bool:
    """Try the sample, a part of the sample or all mutants. Return whether the result is good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("modules", nargs="*", help="only these modules, such as billing/limits.py")
    options = parser.parse_args(arguments)
    scale = os.environ.get("SCALE") or "sample"
    if scale not in ("sample", "full"):
        sys.exit(f"SCALE={scale} is not one of sample and full.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    sources = {path: read(path) for path in mutated_modules()}
    everything = [mutant for path, source in sources.items() for mutant in mutants_of(path, source)]
    mutants = part_of(draw(everything, sources, None if scale == "full" else SIZE), os.environ.get("PART", ""))
    mutants = [mutant for mutant in mutants if not options.modules or mutant.path in options.modules]
    measured = measure(FOLDER / "coverage.json", options.jobs)
    known = known_survivors(SURVIVORS.read_text(encoding="utf-8"))
    tasks = []
    for mutant in mutants:
        source = sources[mutant.path]
        most = MOST_TESTS if row_of(mutant, source) in known else None
        tasks.append(task_of(mutant, mutant.code(source), measured, most))
    if url := stripe_mock.server():
        os.environ["STRIPE_MOCK_URL"] = url
    outcomes = try_all(tasks, Store(FOLDER / "results.jsonl"), options.jobs)
    rows = [(mutant, row_of(mutant, sources[mutant.path]), outcomes[mutant.key]) for mutant in mutants]
    return print_report(Report(rows, known))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that `Trials` ends its processes
    sys.exit(not main(sys.argv[1:]))
