"""Tests for the tag for parts of pages that are the same for all visitors."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Template
from django.utils import translation


def template() -> Template:
    content = "{{ shown }} {% translate 'Cart' %}"
    return Template("{% load fragments i18n %}{% fragment key part unless search %}" + content + "{% endfragment %}")


def render(page: Template, shown: str, language: str = "en-gb", **values: Any) -> str:
    with translation.override(language):
        return page.render(Context({"shown": shown, **values}))


def test_fragment_is_rendered_once_for_the_same_values() -> None:
    page = template()
    assert render(page, "first", key="a", part=1) == "first Cart"
    assert render(page, "second", key="a", part=1) == "first Cart"


def test_fragment_is_rendered_again_for_other_values_languages_and_templates() -> None:
    page = template()
    render(page, "first", key="a", part=1)
    assert render(page, "second", key="b", part=1) == "second Cart"
    assert render(page, "third", key="a", part=2) == "third Cart"
    assert render(page, "fourth", "de", key="a", part=1) == "fourth Warenkorb"
    assert render(template(), "fifth", key="a", part=1) == "fifth Cart"


def test_fragment_with_a_true_value_after_unless_is_not_stored() -> None:
    page, values = template(), {"key": "a", "part": 1}
    assert [render(page, text, search=text, **values) for text in ("one", "two")] == ["one Cart", "two Cart"]
    assert [render(page, text, search="", **values) for text in ("three", "four")] == ["three Cart", "three Cart"]


def test_fragment_without_one_of_its_values_is_not_stored() -> None:
    page = template()
    assert [render(page, text, key="a") for text in ("one", "two")] == ["one Cart", "two Cart"]


def test_no_part_that_is_kept_is_in_a_block_with_another_language() -> None:
    """`surroundings_of` looks up the language once for a context."""
    texts = [path.read_text() for path in Path(settings.BASE_DIR, "templates").rglob("*.*")]
    blocks = [block for text in texts for block in re.findall(r"{% language .*?{% endlanguage %}", text, re.DOTALL)]
    assert blocks
    assert not [block for block in blocks if re.search("{% (fragment|part|include)", block)]
