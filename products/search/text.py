"""Turns a search text into the words to look for."""

import unicodedata
from dataclasses import dataclass

from core.text.folding import Word, fold, signs, split, variants
from core.text.stems import stem
from core.text.words import cut, join, pairs_of, sign_word

MAX_TEXT_LENGTH = 200  # characters of a search text that are used


@dataclass(frozen=True)
class Term:
    """One thing that a product must contain: one of the `words`, or a word that begins with one of the `prefixes`.

    `is_common` tells the database that very many products contain it.
    """

    words: frozenset[str]
    prefixes: frozenset[str] = frozenset()
    is_common: bool = False

    @property
    def complete(self) -> "Term":
        """The term without its prefixes."""
        return Term(self.words)


def split_words(text: str) -> list[str]:
    """Return the words of a text, in lowercase and without accents."""
    return [unicodedata.normalize("NFC", word.text) for word in split(fold(text[:MAX_TEXT_LENGTH]))]


def consists_of_words(text: str) -> bool:
    """Check whether a text contains only words that the search uses.

    If so, the products that it finds contain everything in the text.
    """
    return bool(split_words(text)) and len(text) <= MAX_TEXT_LENGTH and text.isprintable() and "-" not in fold(text)


def terms_of(text: str) -> list[Term]:
    """Return what a product must contain to match a text. The last word can be incomplete.

    Signs are only used if the text contains no words.
    """
    text = text[:MAX_TEXT_LENGTH]
    spellings = [list(split(folded)) for folded in variants(text)]
    terms = [term for number in range(len(spellings[0])) for term in _terms_at(spellings, number, len(text) > 2)]
    if not terms:
        found = signs(text.rstrip(" -")) or signs(text)
        terms = [Term(frozenset([sign_word(sign)])) for sign in sorted(found)]
    return list(dict.fromkeys(terms))


def _terms_at(spellings: list[list[Word]], number: int, is_long: bool) -> list[Term]:
    """Return the terms for one word. There are several if it is from a writing system without spaces."""
    word = spellings[0][number]
    if not word.is_spaced:
        return [Term(frozenset([pair])) for pair in pairs_of(word) or [word.text]]
    words: set[str] = set()
    prefixes: set[str] = set()
    for spelling in spellings:
        plain = cut(spelling[number].text)
        with_previous = join(*spelling[number - 1 : number + 1]) if number else ""
        with_next = join(*spelling[number : number + 2]) if number + 1 < len(spelling) else ""
        words |= {stem(form) for form in (plain, with_previous, with_next) if form}
        if number == len(spelling) - 1:
            prefixes |= {with_previous, plain if _is_prefix(plain, with_previous, is_long) else ""}
        elif number == len(spelling) - 2:
            prefixes.add(with_next)
    return [Term(frozenset(words), frozenset(prefixes - {""}))]


def _is_prefix(word: str, with_previous: str, is_long: bool) -> bool:
    """Check whether the last word can be incomplete on its own.

    Too many products have a word that begins with a certain letter. A single letter is therefore only looked up
    together with the word before it, or if it follows signs or a writing system without spaces.
    """
    return len(word) > 1 or (is_long and not with_previous)
