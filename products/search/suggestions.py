"""What the search field suggests while a visitor types."""

from dataclasses import dataclass, field

from django.utils import translation

from core.pages.current import ShownPage, published_pages
from products.models import Category, Product
from products.models.product import CARD_COLUMNS
from products.search.results import find, matching_categories
from products.search.text import split_words

MIN_LENGTH = 2  # characters, before which almost every product would match
MAX_PRODUCTS, MAX_PAGES = 5, 3


@dataclass(frozen=True)
class Suggestions:
    """Products, categories with their labels, and pages of the shop."""

    products: list[Product] = field(default_factory=list)
    categories: list[tuple[str, Category]] = field(default_factory=list)
    pages: list[ShownPage] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.products) + len(self.categories) + len(self.pages)


def suggest(text: str) -> Suggestions:
    """Return what matches the text, best matches first. The last word can be incomplete."""
    if len(text) < MIN_LENGTH:
        return Suggestions()
    tree = Category.objects.tree().without_empty()
    results = find(Product.objects.active().order_by(), text, tree)
    ids = results.ids[:MAX_PRODUCTS]
    rows = Product.objects.active().only(*CARD_COLUMNS).in_bulk(ids) if ids else {}
    products = [rows[pk] for pk in ids if pk in rows]
    return Suggestions(products, matching_categories(results, tree), _pages(text))


def _pages(text: str) -> list[ShownPage]:
    """Return the pages in the active language whose titles contain a word that begins with each word of the text."""
    wanted, language = split_words(text), translation.get_language()
    found = [
        page
        for page in published_pages()
        if page.language == language
        and wanted
        and all(any(word.startswith(start) for word in split_words(page.title)) for start in wanted)
    ]
    return found[:MAX_PAGES]
