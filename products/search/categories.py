"""Categories whose titles match a search text."""

from core.text.letters import count_errors, letters_of, max_errors
from products.models import Category
from products.models.category import CategoryTree
from products.search.text import Term, split_words, terms_of

MAX_CATEGORIES = 4
MIN_PREFIX = 3  # Shorter beginnings of words would match too many categories.


def find_categories(tree: CategoryTree, text: str, some_words: bool = False) -> list[Category]:
    """Return categories whose titles contain all words of the text, or some if `some_words` is set.

    The words can be incomplete and in any order. Titles of outer categories count as well, if the title itself contains
    one of the words. Equal titles come first, then shorter ones. Pass a tree of categories with products on sale.
    """
    terms = terms_of(text)
    matching = [category for category in tree if terms and _matches(tree, category, terms, some_words)]
    wanted = split_words(text)
    key = {category.pk: (split_words(category.title) != wanted, len(category.title)) for category in matching}
    return sorted(matching, key=lambda category: key[category.pk])[:MAX_CATEGORIES]


def _matches(tree: CategoryTree, category: Category, terms: list[Term], some_words: bool) -> bool:
    own = [_contains(category, term) for term in terms]
    if some_words or not any(own) or all(own):
        return any(own)
    outer = tree.path_to(category)[:-1]
    return all(found or any(_contains(other, term) for other in outer) for found, term in zip(own, terms, strict=True))


def _contains(category: Category, term: Term) -> bool:
    beginnings = tuple(word for word in term.words | term.prefixes if len(word) >= MIN_PREFIX)
    words = category.search_words.split()
    return not term.words.isdisjoint(words) or any(word.startswith(beginnings) for word in words)


def find_similar_categories(tree: CategoryTree, text: str) -> list[Category]:
    """Return categories whose titles contain a word that is similar to a word of the text."""
    typed = [letters for word in split_words(text) if (letters := letters_of(word))]
    similar = [category for category in tree if any(_is_similar(category, letters) for letters in typed)]
    return similar[:MAX_CATEGORIES]


def _is_similar(category: Category, typed: str) -> bool:
    words = filter(None, map(letters_of, split_words(category.title)))
    return any(count_errors(typed, letters) <= max_errors(typed) for letters in words)


def labels_of(tree: CategoryTree, categories: list[Category]) -> list[tuple[str, Category]]:
    """Return the categories with their titles. Categories with equal titles are labeled with their outer categories."""
    titles = [category.title for category in categories]
    return [
        (category.title if titles.count(category.title) == 1 else _path(tree, category), category)
        for category in categories
    ]


def _path(tree: CategoryTree, category: Category) -> str:
    return " > ".join(outer.title for outer in tree.path_to(category))
