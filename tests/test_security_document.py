"""Tests that docs/security.md names an existing test for each promise, and docs/asvs.md for each requirement."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROW = re.compile(r"^\| (?P<promise>[^|]+) \| `(?P<path>[^`:]+)::(?P<name>\w+)` \| (?P<numbers>[^|]*) \|$")
NUMBERS = re.compile(r"–|\d{1,2}\.\d{1,2}\.\d{1,2}(, \d{1,2}\.\d{1,2}\.\d{1,2})*")
LINES = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
HEADS = ("| promise ", "|---")
REQUIREMENT = re.compile(
    r"^\| (?P<number>[\d.]+) \| [^|]+ \| (?P<state>met|operator|partly|none) \| [^|]+ "
    r"\| (?:–|`(?P<path>[^`:]+)::(?P<name>\w+)`) \|$"
)
# The numbers of level 1 in ASVS 5.0.0, by section.
LEVEL_1 = {
    "1.2": 5, "1.3": 2, "1.5": 1, "2.1": 1, "2.2": 2, "2.3": 1, "3.2": 2, "3.3": 1, "3.4": 2, "3.5": 3, "4.1": 1,
    "4.4": 1, "5.2": 2, "5.3": 2, "6.1": 1, "6.2": 8, "6.3": 2, "6.4": 2, "7.2": 4, "7.4": 2, "8.1": 1, "8.2": 2,
    "8.3": 1, "9.1": 3, "9.2": 1, "10.4": 5, "11.3": 2, "11.4": 1, "12.1": 1, "12.2": 2, "13.4": 1, "14.2": 1,
    "14.3": 1, "15.1": 1, "15.2": 1, "15.3": 1,
}  # fmt: skip


def find_tests(path: str) -> set[str]:
    """Return the names of the tests in a file, or an empty set if the file does not exist."""
    file = ROOT / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def promises() -> list[re.Match[str]]:
    return [row for row in map(ROW.match, LINES) if row]


def test_document_makes_at_least_25_promises() -> None:
    assert len({row["promise"] for row in promises()}) >= 25


def test_rows_have_a_promise_a_test_and_asvs_numbers() -> None:
    rows = [line for line in LINES if line.startswith("|") and not line.startswith(HEADS)]
    assert [line for line in rows if not ROW.match(line)] == []
    assert [row["numbers"] for row in promises() if not NUMBERS.fullmatch(row["numbers"])] == []


@pytest.mark.parametrize("row", promises(), ids=lambda row: row["name"])
def test_test_of_a_promise_exists(row: re.Match[str]) -> None:
    assert row["name"] in find_tests(row["path"])


def requirements() -> list[re.Match[str]]:
    lines = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if re.match(r"\| \d", line)]
    assert [line for line in rows if not REQUIREMENT.match(line)] == []
    return [row for row in map(REQUIREMENT.match, rows) if row]


def test_each_requirement_of_level_1_has_one_row() -> None:
    expected = [f"{section}.{number + 1}" for section, count in LEVEL_1.items() for number in range(count)]
    assert len(expected) == 70
    assert [row["number"] for row in requirements()] == expected


def test_tests_of_requirements_exist_and_what_is_met_has_one() -> None:
    rows = requirements()
    assert [row["number"] for row in rows if row["name"] and row["name"] not in find_tests(row["path"])] == []
    # Whether something is documented is no behavior that a test could see.
    assert {row["number"] for row in rows if row["state"] == "met" and not row["name"]} == {"15.1.1"}


def test_missing_test_or_file_is_detected() -> None:
    assert "test_nothing" not in find_tests("tests/test_security_document.py")
    assert find_tests("tests/test_nowhere.py") == set()
