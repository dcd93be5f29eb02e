"""Tests that docs/security.md names an existing test for each promise."""

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


def test_missing_test_or_file_is_detected() -> None:
    assert "test_nothing" not in find_tests("tests/test_security_document.py")
    assert find_tests("tests/test_nowhere.py") == set()
