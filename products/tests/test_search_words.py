"""Tests of the words that are stored and searched: each title, word and prefix finds itself in any writing system."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.text.stems import stem
from core.text.words import MAX_STORED_LENGTH, MAX_WORD_LENGTH, exact_word, words_of, words_of_title
from products.search.text import Term, consists_of_words, split_words, terms_of
from tests.writing_systems import WRITING_SYSTEMS, prefixes_of, titles_of, visible_words


def is_found(title: str, text: str) -> bool:
    """Check whether a search would find this title, like the databases do."""
    stored = words_of_title(title).split(" ")

    def contains(term: Term) -> bool:
        begins = any(word.startswith(prefix) for prefix in term.prefixes for word in stored)
        return begins or not term.words.isdisjoint(stored)

    terms = terms_of(text)
    return exact_word(text) in stored or (bool(terms) and all(map(contains, terms)))


def check_title(title: str) -> None:
    """Check that a title is found by itself, by its words and by its prefixes."""
    missing = [text for text in (title, *visible_words(title), *prefixes_of(title)) if not is_found(title, text)]
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("system", WRITING_SYSTEMS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_title_is_found_by_itself_its_words_and_its_prefixes(system: str, data: st.DataObject) -> None:
    check_title(data.draw(titles_of(system).map(lambda title: title[:150].strip())))


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=150))
def test_any_title_is_found_by_itself_and_its_prefixes(title: str) -> None:
    assert [text for text in (title, *prefixes_of(title)) if not is_found(title, text)] == []


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Gizmo™ lamp", "gizmo lamp"), ("Gizmo™ lamp", "Gizmo™"), ("Watering can", "can"), ("Ceramics", "cerami"),
        ("Ceramic vase", "ceramics"), ("Mug", "mugs"), ("MC-101", "mc101"), ("MC101", "mc-101"), ("MC-101-B", "101b"),
        ("MC-101-B", "mc101b"), ("T-shirt", "tshirt"), ("Tshirt", "t-shirt"), ("T-shirts", "tshirt"),
        ("Teapot", "tea pot"), ("Tea pot", "teapot"), ("Tea pots", "teapot"), ("Tea light", "tea l"),
        ("Straße", "strasse"), ("Strasse", "straße"), ("STRASSE", "Straße"), ("Müller", "muller"),
        ("Müller", "mueller"), ("Mueller", "Müller"), ("MU\u0308LLER", "mueller"), ("Smørrebrød", "smorrebrod"),
        ("머그컵 세트", "머그컵"), ("머그컵 세트", "머그컵세트"), ("한국 머그컵", "하"),
        ("陶器のマグカップ", "マグカップ"), ("绿茶", "茶"), ("İstanbul ışık", "istanbul isik"), ("ΟΔΟΣ", "οδος"),
        ("שָׁלוֹם", "שלום"), ("كـــتاب", "كتاب"),
        ("ﻛﺘﺎﺏ", "كتاب"), ("क्\u200dष", "क्ष"), ("ﾏｸﾞ", "マグ"), ("Ｍｕｇ", "mug"), ("٣ كتب", "3"), ("10 m²", "m2"),
        ("oﬃce", "office"), ("co\u00adoperate", "cooperate"), ("Women’s hat", "womens"), ("🍵", "🍵"), ("★ sale", "★"),
        ("🎁🎀", "🎁🎀-"),
        ("Tassen", "Tasse"), ("Schüsseln", "Schüssel"), ("Glazed bowl", "glaze"),
    ],
)  # fmt: skip
def test_text_finds_a_title_that_is_written_differently(title: str, text: str) -> None:
    assert is_found(title, text)


@pytest.mark.parametrize(
    ("title", "text"),
    [("Mug", "--"), ("Teal mug", "light"), ("Mug", "m"), ("Mug", "cup mug"), ("Stoneware mug", "stone mug")],
)
def test_text_does_not_find_other_titles(title: str, text: str) -> None:
    assert not is_found(title, text)


def test_words_of_a_long_text_are_limited() -> None:
    text = " ".join(f"{number}{'ü' * 20}" for number in range(10_000))
    stored = words_of(text)
    assert MAX_STORED_LENGTH - 300 < len(stored) <= MAX_STORED_LENGTH
    assert max(map(len, words_of("ﷺ" * 150 + "x" * 150).split())) == MAX_WORD_LENGTH


@pytest.mark.parametrize("words", ["mug mugs", "box boxes", "cookie cookies", "candy candies", "glaze glazed glazing"])
def test_forms_of_a_word_have_one_stem(words: str) -> None:
    assert len({stem(word) for word in words.split()}) == 1


@pytest.mark.parametrize("word", ["string", "red", "glass", "bus", "water", "кружки"])
def test_word_without_an_ending_is_its_own_stem(word: str) -> None:
    assert stem(word) == word


def test_split_words_returns_readable_words() -> None:
    assert split_words("MC-101: 한국, café") == ["mc", "101", "한국", "cafe"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Café mug", True), ("陶器", True), ("mug!", False), ("", False), ("a\u202eb", False), ("x" * 201, False)],
)
def test_consists_of_words(text: str, expected: bool) -> None:
    assert consists_of_words(text) is expected
