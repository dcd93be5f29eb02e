"""Tests that the version and the list of changes agree."""

import re
from pathlib import Path

from django.conf import settings

from ecommerce import __version__

TITLE = re.compile(r"^## (?:Unreleased|(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\))$", re.MULTILINE)


def test_newest_released_changes_are_those_of_the_version() -> None:
    text = (Path(settings.BASE_DIR) / "CHANGELOG.md").read_text(encoding="utf-8")
    released = [number for number in TITLE.findall(text) if number]
    assert released[0] == __version__
    assert len(TITLE.findall(text)) == text.count("\n## ")
