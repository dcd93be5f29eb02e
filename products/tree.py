"""Categories as a tree, built of one list of them without a query."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from products.models import Category


class Tree:
    """Who lies within whom. Rows that form a ring, which staff are refused, hang from nothing and do no harm."""

    def __init__(self, categories: Iterable["Category"]) -> None:
        self._by_id: dict[int | None, Category] = {category.pk: category for category in categories}
        self._below: dict[int | None, list[Category]] = {}
        for category in self._by_id.values():
            self._below.setdefault(category.parent_id, []).append(category)

    def find(self, slug: str) -> "Category | None":
        """The category of this slug."""
        return next((category for category in self._by_id.values() if category.slug == slug), None)

    def below(self, category: "Category | None") -> list["Category"]:
        """Those directly within it; without one, the outermost."""
        return self._below.get(category.pk if category else None, [])

    def path(self, category: "Category | None") -> list["Category"]:
        """From the outermost to the category itself."""
        path: list[Category] = []
        while category is not None and category not in path:
            path.insert(0, category)
            category = self._by_id.get(category.parent_id) if category.parent_id else None
        return path

    def branch(self, category: "Category") -> list[int]:
        """The ids of the category and of all that lie within it, however deep."""
        found = [category]
        for one in found:  # grows while it is walked
            found.extend(other for other in self.below(one) if other not in found)
        return [one.pk for one in found]

    def walk(self, parent: "Category | None" = None, depth: int = 0) -> Iterator[tuple["Category", int]]:
        """All, each followed by those within it, with how deep it lies."""
        for category in self.below(parent):
            yield category, depth
            yield from self.walk(category, depth + 1)
