"""Tests for the search for a guest on pages."""

import pytest

from tests.guests import contains


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Visa ending in 4242", True), ("<td>…4242</td>", True), ("token=9f4242be", False), ("total=142420", False)],
)
def test_digits_are_found_only_as_a_whole_number(text: str, expected: bool) -> None:
    assert contains(text, "4242") is expected


def test_other_traces_are_found_inside_words() -> None:
    assert contains("mailto:gia.guest@example.org", "gia.guest@example.org")
