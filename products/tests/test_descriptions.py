"""Tests for splitting descriptions of products at their titles."""

import pytest
from django.test import Client

from products.descriptions import MAX_FACT, MAX_FACTS, MAX_TITLE, Section, parse_description
from products.models import Product
from tests.makers import make_product


def test_paragraphs_below_a_title_are_a_section() -> None:
    lead, sections = parse_description("A mug.\n\nFor tea.\n\nDetails:\n350 ml\nStoneware\n\nCare:\nWash it.")
    assert lead == "A mug.\n\nFor tea."
    assert sections == [Section("Details", "350 ml\nStoneware"), Section("Care", "Wash it.")]


def test_paragraph_without_a_title_belongs_to_the_section_above() -> None:
    assert parse_description("Care:\nWash it.\n\nDry it.") == ("", [Section("Care", "Wash it.\n\nDry it.")])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A mug.",
        "One word of advice:",  # a title without a text
        f"{'x' * MAX_TITLE}:\nA sentence that ends with a colon.",
        "A mug.\nNote: wash it.",
    ],
)
def test_text_without_titles_is_shown_as_it_is(text: str) -> None:
    assert parse_description(text) == (text, [])


def facts(text: str) -> list[str]:
    return parse_description(text).facts


def test_short_lines_of_the_first_section_are_facts() -> None:
    assert facts("A mug.\n\nDetails:\nStoneware\n350 ml\n\nCare:\nWash it.\nDry it.") == ["Stoneware", "350 ml"]


@pytest.mark.parametrize(
    "details",
    [
        "",
        "Details:\nStoneware",  # one line is the beginning of a text
        "Details:\nStoneware\n\n350 ml",
        f"Details:\nStoneware\n{'x' * (MAX_FACT + 1)}",
        "Details:" + "\n350 ml" * (MAX_FACTS + 1),
    ],
)
def test_other_text_has_no_facts(details: str) -> None:
    assert facts(f"A mug.\n\n{details}") == []


def test_page_shows_the_facts_below_the_title(client: Client, db: None) -> None:
    url = make_product(description="A mug.\n\nDetails:\nStone & clay\n350 ml").get_absolute_url()
    assert ">Stone &amp; clay · 350 ml</p>" in client.get(url).content.decode()


def test_line_ends_of_browsers_are_understood() -> None:
    assert parse_description("A mug.\r\n\r\nCare:\r\nWash it.") == ("A mug.", [Section("Care", "Wash it.")])


def test_summary_for_search_engines_has_no_sections() -> None:
    assert Product(title="Mug", description="A mug.\n\nCare:\nWash it.").summary == "A mug."
    assert Product(title="Mug", description="Care:\nWash it.").summary == "Mug"
