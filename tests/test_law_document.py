"""Tests that docs/law.md has a row for each duty that `manage.py lawful` checks, and names existing tests."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from core.pages.facts import FACTS
from ecommerce.law.duties import DUTIES
from ecommerce.law.duty import Duty
from tests.test_security_document import find_tests

ROOT = Path(settings.BASE_DIR)
DUTY_TABLE = (ROOT / "docs" / "law.md").read_text(encoding="utf-8").partition("## Duties")[2].partition("\n## ")[0]
ROWS = {
    row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in DUTY_TABLE.splitlines()) if row[0][:1] == "L"
}
TEST = re.compile(r"`(?P<path>[^`:]+)::(?P<name>\w+)`")
OPENING = (ROOT / "docs" / "opening.md").read_text(encoding="utf-8")


def test_document_has_the_duties_of_the_code_in_the_same_order() -> None:
    assert [*ROWS] == [duty.id for duty in DUTIES]


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.id)
def test_row_of_a_duty_has_its_regions_and_sources(duty: Duty) -> None:
    _title, sources, regions, _how, _tests = ROWS[duty.id]
    assert set(regions.split(", ")) == {str(region) for region in duty.regions}
    assert sources.startswith(duty.law.partition(" (")[0])


@pytest.mark.parametrize("number", ROWS)
def test_tests_of_a_duty_exist_and_one_runs_in_each_language(number: str) -> None:
    named = [(match["path"], match["name"]) for match in TEST.finditer(ROWS[number][-1])]
    assert [name for path, name in named if name not in find_tests(path)] == []
    assert "tests/test_law.py" in [path for path, _name in named]


def test_every_test_of_the_duties_is_named() -> None:
    named = {match["name"] for row in ROWS.values() for match in TEST.finditer(row[-1])}
    assert find_tests("tests/test_law.py") - named == set()


@pytest.mark.parametrize("name", ["law.md", "opening.md"])
def test_documents_say_that_they_are_no_legal_advice(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert "**not legal advice**" in text[:600]


def test_placeholders_in_the_document_exist() -> None:
    assert set(re.findall(r"`\{(\w+)\}`", OPENING)) <= set(FACTS)
