"""Tests of docs/staff.md: every task has a picture that `make staff-pictures` takes."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.text import slugify
from PIL import Image

from tests.staff_pictures.taking import MAX_BYTES
from tests.staff_pictures.tasks import FOLDER, PICTURES, file_of

ROOT = Path(settings.BASE_DIR)
DOCUMENT = ROOT / "docs/staff.md"
SECTIONS = dict(re.findall(r"^## (.+)\n\n(.*(?:\n(?!## ).*)*)", DOCUMENT.read_text(), re.M))
PICTURE = re.compile(r"!\[(?P<alt>[^]]+)]\((?P<path>[^)]+)\)\n")


def test_script_takes_a_picture_of_each_task_in_order() -> None:
    assert list(PICTURES) == list(SECTIONS)


def test_contents_name_each_task_in_order() -> None:
    contents = re.findall(r"^- \[(.+)]\(#(.+)\)$", DOCUMENT.read_text(), re.M)
    assert contents == [(heading, slugify(heading)) for heading in SECTIONS]


@pytest.mark.parametrize("heading", SECTIONS)
def test_section_begins_with_its_picture_and_a_text_for_those_who_do_not_see_it(heading: str) -> None:
    picture = PICTURE.match(SECTIONS[heading])
    assert picture, "no picture below the heading"
    assert len(picture["alt"].split()) > 3
    assert (DOCUMENT.parent / picture["path"]).relative_to(ROOT) == Path(file_of(heading))


@pytest.mark.parametrize("heading", SECTIONS)
def test_picture_can_be_read_and_is_small(heading: str) -> None:
    path = ROOT / file_of(heading)
    with Image.open(path) as picture:
        assert (picture.format, path.stat().st_size <= MAX_BYTES) == ("WEBP", True)


def test_each_file_in_the_folder_is_used() -> None:
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == {Path(file_of(heading)).name for heading in SECTIONS}
