"""Folds text of all writing systems for the search, and splits it into words.

Indexed text and searched text go through the same functions. They do not depend on the database or on its locale.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

# Letters that Unicode does not decompose, and variants that people type in place of each other.
LETTERS = {
    "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "ł": "l", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k",
    "ı": "i", "ə": "e", "ى": "ي", "ی": "ي", "ک": "ك", "ہ": "ه", "ة": "ه",
    "ـ": "",  # the Arabic tatweel, which only stretches a word
    "\u115f": "", "\u1160": "",  # invisible fillers, which Unicode lists as letters
    "ʹ": "-", "ʺ": "-", "ʻ": "-", "ʼ": "-", "ʽ": "-", "ˈ": "-",  # apostrophes that Unicode lists as letters
}  # fmt: skip
# Tibetan letters below another one, which Unicode lists as marks.
LETTERS |= {chr(code): chr(code - 0x50) for code in range(0xF90, 0xFB9)}
UMLAUTS = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa",
})  # fmt: skip
# Writing systems that put no space between words: Thai, Lao, Tibetan, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham,
# Balinese, Han, kana, Bopomofo, Yi, Javanese, Tai Viet, cuneiform, hieroglyphs, Tangut and Nushu.
UNSPACED = (
    "\u0e00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u2fff\u3005-\u312f\u31a0-\ua4cf"
    "\ua980-\ua9ff\uaa60-\uaadf\uf900-\ufaff\U00012000-\U0001345f\U00017000-\U00018dff\U0001aff0-\U0001b2ff"
    "\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
UNSPACED_START = re.compile(f"[{UNSPACED}]")


class Word(NamedTuple):
    """A word of folded text.

    Words with the same `chunk` are separated only by punctuation. In writing systems without spaces, a word is a whole
    run of characters, and `is_spaced` is false.
    """

    text: str
    chunk: int
    is_spaced: bool


class _Folding(dict[int, str]):
    """A table for `str.translate` that fills itself. Folding does not depend on the neighbors of a character."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    if character in LETTERS:
        return LETTERS[character]
    category = unicodedata.category(character)
    if category[0] == "M" or category in ("Cf", "Cs"):
        return ""
    if category[0] == "Z" or category == "Cc":
        return " "
    if category[0] not in "LN":  # before the decomposition, which would turn ™ into the letters tm
        return "-"
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(_fold_part(part) for part in decomposed)


def _fold_part(character: str) -> str:
    """Return the folded form of one character of a decomposed letter or digit."""
    if character in LETTERS:
        return LETTERS[character]
    category, digit = unicodedata.category(character), unicodedata.digit(character, None)
    if category[0] in "LN":
        return character if digit is None else str(digit)
    return "" if category[0] == "M" or category == "Cf" else "-" if character.strip() else " "


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return text for comparison: lowercase letters without marks and ASCII digits, "-" for signs, and spaces."""
    return text.translate(_FOLDING)


def variants(text: str) -> list[str]:
    """Return the folded text, and also with ae, oe and ue in place of umlauts if it contains some."""
    composed = unicodedata.normalize("NFC", text)
    expanded = composed.translate(UMLAUTS)
    return [fold(composed)] if expanded == composed else [fold(composed), fold(expanded)]


def split(folded: str) -> Iterator[Word]:
    """Yield the words of folded text. The variants of a text have the same number of words."""
    for number, chunk in enumerate(folded.split()):
        for part in filter(None, chunk.split("-")):
            if part.isascii():  # the frequent case, in which the patterns find nothing
                yield Word(part, number, True)
                continue
            for run in RUN.findall(part):
                yield Word(run, number, is_spaced=not UNSPACED_START.match(run))


def signs(text: str) -> set[str]:
    """Return the signs of a text, such as emoji. Marks count only before all other characters of a part."""
    found: set[str] = set()
    for chunk in text.split():
        found.update(filter(_is_sign, chunk))
        visible = (character for character in chunk if unicodedata.category(character) != "Cf")
        found.update(takewhile(_is_mark, visible))
    return found


@lru_cache(1000)
def _is_sign(character: str) -> bool:
    """Check whether a visible character is in no word. Some letters are in none, such as the Arabic tatweel."""
    category = unicodedata.category(character)
    is_visible = category[0] not in "MZ" and category not in ("Cc", "Cf", "Cs")
    return is_visible and not fold(character).strip(" -")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
