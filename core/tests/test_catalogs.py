"""Tests of the catalogs of translations: texts stay the same when the empty catalogs are left out."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext, trans_real

from core.rendering.catalogs import drop_empty_catalogs

TEXTS = ["Add to cart", "Login", "This field is required.", "No such text."]


@pytest.fixture(autouse=True)
def own_catalogs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(trans_real, "_translations", {})
    yield
    translation.deactivate()


def look_up() -> list[str]:
    found = []
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            found += [gettext(text) for text in TEXTS]
            found += [ngettext("%(count)d choice", "%(count)d choices", count) for count in (0, 1, 2)]
    return found


def depth_of(code: str) -> int:
    catalog: Any = trans_real.translation(code)
    depth = 0
    while catalog is not None:
        depth, catalog = depth + 1, catalog._fallback
    return depth


def test_texts_are_the_same_without_empty_catalogs() -> None:
    before = look_up()
    drop_empty_catalogs()
    assert look_up() == before


def test_a_text_is_looked_for_in_no_catalog_without_texts() -> None:
    assert depth_of("en-gb") > 1
    drop_empty_catalogs()
    assert (depth_of("en-gb"), depth_of("de")) == (1, 2)
