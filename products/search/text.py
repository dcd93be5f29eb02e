"""Turns a search text into the words to look for."""

import unicodedata
from dataclasses import dataclass

from core.text.folding import Word, fold, signs, split, variants
from core.text.stems import stem
from core.text.words import cut, join, pairs_of, sign_word

MAX_TEXT_LENGTH = 200  # characters of a search text that are used


@dataclass(frozen=True)
class Term:
    """One thing that a product must contain: one of the `words`, or a word that begins with one of the `prefixes`."""

    words: frozenset[str]
    prefixes: frozenset[str] = frozenset()

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
    terms = [term for number in range(len(spellings[0])) for term in _terms_at(spellings, number)]
    if not terms:
        terms = [Term(frozenset([sign_word(sign)])) for sign in sorted(signs(text))]
    return list(dict.fromkeys(terms))


def _terms_at(spellings: list[list[Word]], number: int) -> list[Term]:
    """Return the terms for one word. There are several if it is from a writing system without spaces."""
    word = spellings[0][number]
    if not word.is_spaced:
        return [Term(frozenset([pair])) for pair in pairs_of(word) or [word.text]]
    words: set[str] = set()
    prefixes: set[str] = set()
    for spelling in spellings:
        plain, is_last = cut(spelling[number].text), number == len(spelling) - 1
        with_next = "" if is_last else join(*spelling[number : number + 2])
        with_previous = join(*spelling[number - 1 : number + 1]) if number else ""
        joined = {with_next, with_previous} - {""}
        words |= {stem(form) for form in (plain, *joined)}
        if is_last:
            # Too many products have a word that begins with a single letter.
            prefixes |= {with_previous} if with_previous and len(plain) == 1 else {plain, with_previous}
        elif number == len(spelling) - 2 and with_next:
            prefixes.add(with_next)
    return [Term(frozenset(words), frozenset(prefixes - {""}))]
