"""The letters of words, and how many of them differ. Suggestions for misspelled words compare letters."""

from collections.abc import Iterable
from itertools import combinations, groupby
from unicodedata import category

from core.text.folding import fold

MIN_LETTERS, MAX_LETTERS = 3, 30  # Shorter words are similar to too many others. Longer ones have too many keys.
MIN_FOR_TWO, MAX_FOR_TWO = 6, 16  # Words with this many letters can have two errors.


def split_text(text: str) -> list[tuple[bool, str]]:
    """Split a text into its words and what is between them. The first item tells whether the second one is a word.

    Words are as they are written. They consist of letters, marks, digits and invisible characters.
    """
    return [(is_word, "".join(signs)) for is_word, signs in groupby(text, _belongs_to_word)]


def _belongs_to_word(sign: str) -> bool:
    kind = category(sign)
    return kind[0] in "LMN" or kind == "Cf"


def letters_of(word: str) -> str:
    """Return the letters of a word as they are compared, or an empty string if the word cannot be corrected.

    Korean syllables are split into their letters.
    """
    letters = fold(word)
    return letters if letters.isalpha() and MIN_LETTERS <= len(letters) <= MAX_LETTERS else ""


def keys_of(letters: str) -> set[str]:
    """Return the letters of a word, and what remains without one of them. Words are stored under these keys."""
    return {letters} | {letters[:index] + letters[index + 1 :] for index in range(len(letters))}


def typed_keys_of(letters: str) -> set[str]:
    """Return the keys under which words can be stored that are similar to a typed word.

    If the word is long enough to have two errors, these include what remains without two of its letters.
    """
    keys = keys_of(letters)
    if not MIN_FOR_TWO <= len(letters) <= MAX_FOR_TWO:
        return keys
    places = combinations(range(len(letters)), 2)
    return keys | {letters[:first] + letters[first + 1 : second] + letters[second + 1 :] for first, second in places}


def words_with_letters(texts: Iterable[str]) -> dict[str, str]:
    """Return the words of the texts that can correct others, in lowercase, with their letters."""
    words = {part.lower() for text in texts for is_word, part in split_text(text) if is_word}
    return {word: letters for word in words if len(word) <= MAX_LETTERS and (letters := letters_of(word))}


def max_errors(letters: str) -> int:
    return 2 if len(letters) >= MIN_FOR_TWO else 1


def count_errors(typed: str, right: str) -> int:
    """Return how many letters must be added, removed, replaced or exchanged with the next one."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for row, sign in enumerate(typed, start=1):
        current = [row]
        for column, wanted in enumerate(right, start=1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (sign != wanted))
            if row > 1 and column > 1 and (sign, typed[row - 2]) == (right[column - 2], wanted):
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1]
