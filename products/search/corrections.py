"""Corrections of misspelled words in a search text, by similar words of titles."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import product

from core.text.letters import count_errors, letters_of, max_errors, split_text
from products.models import Product, ProductQuerySet
from products.models.category import CategoryTree
from products.models.spelling import Spelling
from products.search.categories import find_categories
from products.search.engine import have_matches
from products.search.text import split_words, terms_of

MAX_WORDS = 8  # Longer texts are not corrected.
MAX_UNKNOWN = 3  # Texts with more unknown words are not corrected.
MAX_SIMILAR = 4  # similar words to try for each unknown word
MAX_TRIES = 12  # corrected texts to try


class Corrections:
    """The unknown words of a search text, and the texts that replace them with similar words.

    Unknown words are in no product on sale and in no title of the categories. Each method takes one query.
    """

    def __init__(self, text: str, categories: CategoryTree) -> None:
        self._parts, self._categories = split_text(text), categories

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The words that no product on sale contains, as they were typed. Empty if there are more than MAX_WORDS."""
        words = list(dict.fromkeys(part for is_word, part in self._parts if is_word and split_words(part)))
        if len(words) > MAX_WORDS:
            return ()
        found = found_texts(Product.objects.active(), words)
        return tuple(word for word in words if word not in found)

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The missing words that are not in the title of a category either."""
        return tuple(word for word in self.missing if not find_categories(self._categories, word))

    @cached_property
    def similar(self) -> dict[str, list[str]]:
        """The most similar words of titles for each unknown word, the best first."""
        typed = {word: letters for word in self.unknown[:MAX_UNKNOWN] if (letters := letters_of(word))}
        stored = {letters_of(word): word for word in sorted(Spelling.objects.similar_words(typed.values()))}
        return {word: [stored[found] for found in _closest(letters, stored)] for word, letters in typed.items()}

    def best(self, products: ProductQuerySet) -> str:
        """Return the best text that finds some of the products with all words corrected, or an empty string."""
        choices = [self.similar.get(word, []) for word in self.unknown]
        if not choices or not all(choices):
            return ""
        # product() yields the last word's choices first, so sort by the sum of the ranks.
        ranked = sorted(product(*(enumerate(words) for words in choices)), key=lambda tried: sum(n for n, _ in tried))
        texts = [self._replace([word for _rank, word in tried]) for tried in ranked[:MAX_TRIES]]
        found = found_texts(products, texts)
        return next((text for text in texts if text in found), "")

    def single_words(self, products: ProductQuerySet) -> tuple[str, ...]:
        """Return the best word for each unknown word that finds some of the products."""
        found = found_texts(products, [word for words in self.similar.values() for word in words])
        best = [next((word for word in words if word in found), "") for words in self.similar.values()]
        return tuple(dict.fromkeys(filter(None, best)))

    def _replace(self, words: Iterable[str]) -> str:
        corrected = dict(zip(self.unknown, words, strict=True))
        return "".join(corrected.get(part, part) for _is_word, part in self._parts)


def found_texts(products: ProductQuerySet, texts: Sequence[str]) -> set[str]:
    """Return those of the texts that find some of the products, in one query. Each must contain a word."""
    found = have_matches(products, [terms_of(text) for text in texts])
    return {text for text, is_found in zip(texts, found, strict=True) if is_found}


def _closest(typed: str, known: Iterable[str]) -> list[str]:
    """Return the known words with the fewest errors. Words with the same first letter come first."""
    errors = {letters: count_errors(typed, letters) for letters in known}
    close = [letters for letters, number in errors.items() if 0 < number <= max_errors(typed)]
    return sorted(close, key=lambda letters: (errors[letters], letters[0] != typed[0], letters))[:MAX_SIMILAR]
