"""Full-text search in the title, SKU and description of products."""

from core.text.words import words_of
from products.search.engine import MAX_RESULTS, filter_by_text, find_ids, find_ids_now
from products.search.partial import find_partial_ids
from products.search.results import Results, find, matching_categories
from products.search.suggestions import Suggestions, suggest
from products.search.text import MAX_TEXT_LENGTH, consists_of_words, split_words

__all__ = [
    "MAX_RESULTS",
    "MAX_TEXT_LENGTH",
    "Results",
    "Suggestions",
    "consists_of_words",
    "filter_by_text",
    "find",
    "find_ids",
    "find_ids_now",
    "find_partial_ids",
    "matching_categories",
    "split_words",
    "suggest",
    "words_of",
]
