"""Tests of `make mutate`: which mutants it draws, how it tries them, and what it reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import limits
from carts.models import Cart
from core.database.prepared import PreparedQuery
from tests.mutants import coverage
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.places import ROOT, mutated_modules
from tests.mutants.results import EQUIVALENT, SURVIVORS, Report, Store, known_survivors, render_row, row_of
from tests.mutants.sampling import draw, shares
from tests.mutants.trial import Outcome, Task

SMALL = "def half(amount):\n    return amount / 2 if amount > 0 else 0\n"
LARGE = "".join(f"def add_{n}(amount):\n    return amount + {n} if amount >= {n} else amount * 2\n\n" for n in range(4))
SOURCES = {"carts/pricing/small.py": SMALL, "carts/pricing/large.py": LARGE}
WITHOUT_BEHAVIOR = """
from dataclasses import dataclass

Reader = Callable[[int | None], bool]

@dataclass(frozen=True)
class Value:
    amount: int | None

class Titled(Protocol):
    @property
    def title(self) -> str: ...

class Card(models.Model):
    stripe_id = models.CharField(max_length=120, unique=True)
    profile = models.ForeignKey(Profile, models.CASCADE, null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(active=True) | Q(default=False), name="x")]
        indexes = [models.Index(fields=["stripe_id"], condition=Q(active=True), name="y")]

def read(value: Value | None, *, limit: int | None) -> int | str:
    logger.error("code %s", 404, exc_info=True)
    return value
"""
MUTANT = mutants_of("carts/pricing/small.py", SMALL)[0]


def drawn(sources: dict[str, str], size: int | None = 12) -> list[Mutant]:
    return draw([mutant for path in sources for mutant in mutants_of(path, sources[path])], sources, size, least=4)


def test_sample_contains_mutants_of_every_module() -> None:
    sample = drawn(SOURCES)
    assert len(sample) == len(set(sample)) == 12
    assert sum(mutant.path.endswith("small.py") for mutant in sample) >= 4


def test_sample_is_the_same_when_lines_move() -> None:
    moved = SOURCES | {"carts/pricing/small.py": f'"""A module."""\n\n\n{SMALL}'}
    assert [mutant.key for mutant in drawn(moved)] == [mutant.key for mutant in drawn(SOURCES)]


def test_all_mutants_are_valid_and_change_the_code() -> None:
    sample = drawn(SOURCES, size=None)
    changes = {(mutant.path, mutant.function, *mutant.change(SOURCES[mutant.path])) for mutant in sample}
    assert len(sample) > 30
    assert len(changes) == len(sample)
    assert all(before != after for _, _, before, after in changes)


def test_mutants_that_mean_the_same_are_drawn_once() -> None:
    source = "def is_open(order):\n    return 1 if not order.paid == True else 2\n"
    found = [
        mutant for mutant in drawn({"carts/pricing/small.py": source}, None) if mutant.operator != "NumberReplacer"
    ]
    conditions = {mutant.change(source)[1].split(" if ")[1] for mutant in found}
    assert len(found) == len(conditions) == 2


def test_decorated_functions_are_mutated() -> None:
    source = "@transaction.atomic\ndef pay(amount):\n    return amount > 0\n"
    changes = {mutant.change(source) for mutant in mutants_of("billing/cards.py", source)}
    assert {("@transaction.atomic", ""), ("return amount > 0", "return amount >= 0")} <= changes


def test_code_without_behavior_has_no_mutants() -> None:
    assert mutants_of("billing/answers.py", WITHOUT_BEHAVIOR) == []


def test_tests_that_import_the_mutated_module_come_first() -> None:
    tests = ["tests/test_totals.py::test_a", "carts/tests/test_views.py::test_b", "orders/tests/test_views.py::test_c"]
    measured = {name: {"seconds": 1, "places": ["carts/pricing/totals.py::add_up"]} for name in reversed(tests)}
    assert coverage.tests_of("carts/pricing/totals.py", "add_up", measured) == tests


@pytest.mark.django_db
def test_each_test_that_needs_a_prepared_query_executes_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    query = PreparedQuery(lambda cart: made.append(cart) or Cart.objects.filter(pk=cart), cart=int)
    monkeypatch.setattr(limits, "TOTALS", query)
    for _test in range(2):
        coverage.forget_prepared_queries(["billing/limits.py"])
        for _request in range(2):
            query.rows(cart=1)
    assert len(made) == 2


def test_function_that_no_test_executes_has_the_tests_of_its_module() -> None:
    tests = ["orders/tests/test_runs.py::test_a", "carts/tests/test_views.py::test_b"]
    places = {tests[0]: [], tests[1]: ["orders/bookkeeping/tasks.py::"], "tests/test_seo.py::test_c": []}
    measured = {name: {"seconds": 1, "places": executed} for name, executed in places.items()}
    assert coverage.tests_of("orders/bookkeeping/tasks.py", "unused", measured) == tests


@pytest.mark.slow
@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 400)), st.integers(0, 400), st.integers(0, 6))
def test_shares_of_the_sample_add_up(counts: dict[str, int], size: int, least: int) -> None:
    share = shares(counts, size, least)
    assert all(min(least, counts[path]) <= share[path] <= counts[path] for path in counts)
    base = sum(min(least, count) for count in counts.values())
    assert sum(share.values()) == min(max(size, base), sum(counts.values()))


def report(results: list[str], known: dict[str, str]) -> Report:
    """Return the report of mutants named by their number, of which some are known survivors."""
    rows = [("billing/cards.py", "pay", str(number), "x") for number in range(len(results))]
    outcomes = [(MUTANT, row, Outcome(result)) for row, result in zip(rows, results, strict=True)]
    return Report(outcomes, {row: known[row[2]] for row in rows if row[2] in known})


def test_survivor_that_is_not_listed_is_reported() -> None:
    result = report(["survived"] + ["killed"] * 19, {})
    assert result.percent() == 95
    assert not result.is_good
    assert "| billing/cards.py | pay | `0` | `x` | ? |" in result.render()


def test_listed_survivor_is_accepted() -> None:
    result = report(["survived"] + ["killed"] * 17 + ["timed out"] * 2, {"0": "Other survivors"})
    assert result.is_good
    assert "| all | 20 | 17 | 2 | 1 | 0 | 95.0 |" in result.render()


def test_too_many_survivors_are_not_good() -> None:
    assert not report(["survived", "killed"], {"0": "Other survivors"}).is_good


def test_equivalent_mutants_do_not_count() -> None:
    result = report(["survived", "killed"], {"0": EQUIVALENT})
    assert result.is_good
    assert result.percent() == 100


def test_row_of_a_killed_mutant_is_reported() -> None:
    assert "can go" in report(["killed"], {"0": EQUIVALENT}).render()


def test_row_of_a_survivor_can_be_read_again() -> None:
    row = ("billing/cards.py", "(import)", "x = Q(a=1) | Q(b=2)", "x = Q(a=1) & Q(b=2)")
    text = f"## {EQUIVALENT}\n\n{render_row(row, 'Both are empty.')}\n"
    assert known_survivors(text) == {row: EQUIVALENT}


def test_row_of_every_mutant_can_be_read_again() -> None:
    source = SMALL + "\n\nclass Sum:\n    @property\n    def rows(self):\n        return Q(a=1) | Q(b=2)\n"
    for mutant in mutants_of(MUTANT.path, source):
        row = row_of(mutant, source)
        assert known_survivors(f"## {EQUIVALENT}\n{render_row(row)}") == {row: EQUIVALENT}


def test_row_does_not_contain_the_line_number() -> None:
    moved = f"\n\n{SMALL}"
    assert row_of(mutants_of(MUTANT.path, moved)[0], moved) == row_of(MUTANT, SMALL)


def test_every_listed_survivor_is_a_line_of_its_module() -> None:
    for path, _, before, _ in known_survivors(SURVIVORS.read_text(encoding="utf-8")):
        source = " ".join((ROOT / path).read_text(encoding="utf-8").split())
        assert " ".join(before.split()) in source


def test_every_group_has_modules() -> None:
    assert {path.rsplit("/", 1)[0] for path in mutated_modules()} == {
        "billing",
        "billing/models",
        "billing/stripe_calls",
        "carts/pricing",
        "orders/bookkeeping",
        "orders/workflow",
        "orders/workflow/erasure",
    }


def task(code: str) -> Task:
    mutant = mutants_of("billing/limits.py", (ROOT / "billing/limits.py").read_text(encoding="utf-8"))[0]
    return Task(mutant, code, ["billing/tests/test_limits.py::test_limit"], 30)


@pytest.mark.slow
def test_stored_outcome_is_used_for_the_same_code(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    Store(path).add(task("a = 1"), Outcome("killed", "billing/tests/test_limits.py::test_limit", 1.0))
    assert Store(path).get(task("a = 1")) == Outcome("killed", "billing/tests/test_limits.py::test_limit", 1.0)
    assert Store(path).get(task("a = 2")) is None


def test_stored_outcome_is_void_without_its_test_module(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    Store(path).add(task("a = 1"), Outcome("survived"))
    line = json.loads(path.read_text())
    path.write_text(json.dumps(line | {"modules": ["billing/limits.py", "billing/tests/test_removed.py"]}))
    assert Store(path).get(task("a = 1")) is None


TRY_PLANTED = """
import sys
from tests.mutants.mutations import mutants_of
from tests.mutants.places import read
from tests.mutants.trial import Task, Trials, preload

path, test = sys.argv[1:]
source = read(path)
codes = {
    "unchanged": source,
    "wrong": source.replace("discount is None or not", "discount is None or"),
    "hangs": "while True: pass\\n",
}
tasks = [Task(mutants_of(path, source)[0], code, [test], 5 if name == "hangs" else 90) for name, code in codes.items()]
preload()
names = {task.code: name for name, task in zip(codes, tasks, strict=True)}
Trials(1).run(tasks, lambda task, outcome: print(names[task.code], outcome.result, outcome.test.split("::")[-1]))
"""


@pytest.mark.slow
def test_trial_tells_surviving_killed_and_hanging_mutants_apart() -> None:
    test = "test_code_lowers_the_total_and_has_a_remove_button"
    arguments = ["carts/pricing/discount_codes.py", f"carts/tests/test_discount_codes.py::{test}"]
    command = [sys.executable, "-c", TRY_PLANTED, *arguments]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.splitlines() == ["unchanged survived ", f"wrong killed {test}", "hangs timed out "]
