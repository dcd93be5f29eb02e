"""Full-text search in the title, SKU and description of products."""

from core.text.words import words_of
from products.search.engine import MAX_RESULTS, find_ids
from products.search.suggestions import suggest
from products.search.text import MAX_TEXT_LENGTH, consists_of_words, split_words

__all__ = ["MAX_RESULTS", "MAX_TEXT_LENGTH", "consists_of_words", "find_ids", "split_words", "suggest", "words_of"]
