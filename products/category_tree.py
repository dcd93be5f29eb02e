"""Category tree, built in memory from a list of categories without a query."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from products.models import Category


class Tree:
    """The categories as a tree.

    `Category.clean` rejects cycles. If a cycle is stored nevertheless, its categories are not reachable from the top
    level, and `path` and `branch` still terminate.
    """

    def __init__(self, categories: Iterable["Category"]) -> None:
        self._by_id: dict[int | None, Category] = {category.pk: category for category in categories}
        self._below: dict[int | None, list[Category]] = {}
        for category in self._by_id.values():
            self._below.setdefault(category.parent_id, []).append(category)

    def find(self, slug: str) -> "Category | None":
        """Return the category with this slug, or None."""
        return next((category for category in self._by_id.values() if category.slug == slug), None)

    def below(self, category: "Category | None") -> list["Category"]:
        """Return the children of the category, or the top-level categories for None."""
        return self._below.get(category.pk if category else None, [])

    def path(self, category: "Category | None") -> list["Category"]:
        """Return the categories from the top level down to this one. Return an empty list for None."""
        path: list[Category] = []
        while category is not None and category not in path:
            path.insert(0, category)
            category = self._by_id.get(category.parent_id) if category.parent_id else None
        return path

    def branch(self, category: "Category") -> list[int]:
        """Return the ids of the category and of all its descendants."""
        members = [category]
        for member in members:  # The list grows during the loop.
            members.extend(other for other in self.below(member) if other not in members)
        return [member.pk for member in members]

    def walk(self, parent: "Category | None" = None, depth: int = 0) -> Iterator[tuple["Category", int]]:
        """Yield every category below `parent` with its depth, each followed by its descendants."""
        for category in self.below(parent):
            yield category, depth
            yield from self.walk(category, depth + 1)
