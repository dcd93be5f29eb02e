"""Tests of translations in a server: texts are the same, and each thread has its own language."""

from collections.abc import Iterator
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext, trans_real

from core.rendering.catalogs import drop_empty_catalogs, use_thread_local
from tests.threads import run_in_threads

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


def test_each_thread_has_its_own_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trans_real, "_active", trans_real._active)
    use_thread_local()
    both_active = Barrier(2)

    def look_up_in(code: str) -> str:
        with translation.override(code):
            both_active.wait(10)
            return f"{translation.get_language()} {gettext('Login')}"

    found = run_in_threads(lambda: look_up_in("de"), lambda: look_up_in("en-gb"))
    assert found == ["de Anmelden", "en-gb Login"]
    assert translation.get_language() == settings.LANGUAGE_CODE


def test_a_text_is_looked_for_in_no_catalog_without_texts() -> None:
    assert depth_of("en-gb") > 1
    drop_empty_catalogs()
    assert (depth_of("en-gb"), depth_of("de")) == (1, 2)
