"""Makes the words of a text that the search stores and looks up.

A word is stored as it is written and as its stem, and neighboring words also joined: a text with "T-shirt" or "tea pot"
is found by "tshirt" and "teapot". In writing systems without spaces, each character and each pair of characters is
a word.
"""

import unicodedata
from collections.abc import Iterable
from hashlib import md5
from itertools import pairwise

from core.text.folding import Word, fold, signs, split, variants
from core.text.stems import stem

MAX_WORD_LENGTH = 64  # Longer words are cut. PostgreSQL does not store words of any length.
MAX_TEXT_LENGTH = 50_000  # characters of a text that are read
MAX_STORED_LENGTH = 200_000  # characters of stored words: PostgreSQL stores at most a megabyte of words per row
# Characters for private use begin the stored words that are no words, so that no text contains them.
SIGN, EXACT, SAME_LETTERS = "\ue000", "\ue001", "\ue002"


def words_of(text: str) -> str:
    """Return the words under which a text is found, separated by spaces."""
    found: dict[str, None] = {}
    for folded in variants(text[:MAX_TEXT_LENGTH]):
        words = list(split(folded))
        for word in words:
            for form in forms_of(word):
                found[form] = None
        for joined in joined_words(words):
            found[joined] = None
            found[stem(joined)] = None
    stored = " ".join(found)
    return stored if len(stored) <= MAX_STORED_LENGTH else stored[:MAX_STORED_LENGTH].rpartition(" ")[0]


def words_of_name(text: str) -> str:
    """Return the words under which a title or SKU is found, with a word for the whole text."""
    return " ".join(filter(None, (exact_word(text), same_letters_word(text), words_of(text))))


def words_of_title(text: str) -> str:
    """Return the words under which a title is found. A title is also found by the signs that it contains."""
    return " ".join([words_of_name(text), *map(sign_word, sorted(signs(text)))])


def forms_of(word: Word) -> list[str]:
    """Return the forms in which a word is stored."""
    if word.is_spaced:
        plain = cut(word.text)
        return [plain, stem(plain)]
    return [*word.text, *pairs_of(word)]


def pairs_of(word: Word) -> list[str]:
    """Return each two neighboring characters of a word."""
    return [first + second for first, second in pairwise(word.text)]


def joined_words(words: list[Word]) -> Iterable[str]:
    """Yield neighboring words as one word, and the parts of a word that contains more than two."""
    for first, second in pairwise(words):
        if joined := join(first, second):
            yield joined
    by_chunk: dict[int, list[str]] = {}
    for word in words:
        if word.is_spaced:
            by_chunk.setdefault(word.chunk, []).append(word.text)
    yield from (cut("".join(parts)) for parts in by_chunk.values() if len(parts) > 2)


def join(first: Word, second: Word) -> str:
    """Return two neighboring words as one word. Return an empty string if only one of them is spaced."""
    if first.is_spaced and second.is_spaced:
        return cut(first.text + second.text)
    return "" if first.is_spaced or second.is_spaced else first.text[-1] + second.text[0]


def cut(word: str) -> str:
    return word[:MAX_WORD_LENGTH]


def sign_word(sign: str) -> str:
    """Return the word that is stored for a sign."""
    return f"{SIGN}{ord(sign):x}"


def exact_word(text: str) -> str:
    """Return the word that is stored for a whole text. Upper and lower case, and widths, are the same."""
    return EXACT + _digest(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))


def same_letters_word(text: str) -> str:
    """Return the word that is stored for all letters and digits of a text. Return an empty string if it has none."""
    letters = "".join(word.text for word in split(fold(text)))
    return SAME_LETTERS + _digest(letters) if letters else ""


def _digest(text: str) -> str:
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
