"""Tests for typed text in receipts: it has no links and stays readable."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.workflow.withdrawals.plain_text import clean, clean_line, without_links

LINK = re.compile(r"\w[.\u3002][^\W\d]|\w:\S*[^\W\d]|[/\\][/\\]|@\S|www\.\S|\d+\.\d+\.\d+\.\d")
PIECES = st.sampled_from(
    ["http", "https", ":", "//", "www", ".", "evil", "example", "com", "@", "\\", "1", "12", " ", "\uff0e", "\u3002",
     "\uff61", "\uff1a", "\uff0f", "\uff20", "\u2024", "\u2488", "mailto", "tel", "\u200d", "\u00ad", "\n", "пример"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("https://evil.example/x", "https: / /evil. example/x"),
        ("www.evil.example", "www. evil. example"),
        ("evil\uff0eexample", "evil. example"),
        ("例え。テスト", "例え。 テスト"),
        ("mailto:a@evil.example", "mailto: a@ evil. example"),
        ("tel:0123", "tel: 0123"),
        ("0:0A", "0: 0A"),
        ("//evil.example", "/ /evil. example"),
        ("192.0.2.1", "192. 0. 2. 1"),
        ("2 mugs at 9.50, bought on 1.11.2026 at 12:30.", "2 mugs at 9.50, bought on 1.11.2026 at 12:30."),
        ("One mug. And/or the bowl: blue", "One mug. And/or the bowl: blue"),
    ],
)
def test_text_has_no_link_and_stays_readable(typed: str, shown: str) -> None:
    assert without_links(typed) == shown


@given(text=st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_no_text_has_a_link(text: str) -> None:
    shown = without_links(clean(text))
    assert not LINK.search(shown), shown
    assert without_links(shown) == shown


@given(text=st.lists(PIECES).map("".join))
def test_words_are_kept(text: str) -> None:
    def words(value: str) -> list[str]:
        return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", value))

    assert "".join(words(without_links(text))) == "".join(words(text))


@given(text=st.text())
def test_cleaned_text_prints(text: str) -> None:
    for cleaned in (clean(text), clean_line(text)):
        assert all(one.isprintable() or one in "\n\u200c\u200d" for one in cleaned)
        assert clean(cleaned) == cleaned
    assert "\n" not in clean_line(text)
