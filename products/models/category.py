"""Categories of products, and their tree."""

from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from hashlib import md5
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.page_cache.shown_rows import ShownModel, ShownQuerySet
from core.page_cache.version_cache import VersionCache
from core.rendering.page_urls import page_url
from core.slugs import save_with_unique_slug, unique_slug
from core.text.words import words_of

MAX_DEPTH = 6  # levels of categories
MAX_CATEGORIES = 500  # They can all be in the menu of every list.


class CategoryTree:
    """The categories as a tree.

    `Category.clean` rejects cycles and more than MAX_DEPTH levels. If a cycle is stored nevertheless, its categories
    are not reachable from the top level, and all methods still terminate. No method is recursive, so that imported
    categories can have any depth.
    """

    def __init__(self, categories: Iterable["Category"]) -> None:
        self._by_id: dict[int | None, Category] = {category.pk: category for category in categories}
        self._below: dict[int | None, list[Category]] = {}
        for category in self._by_id.values():
            self._below.setdefault(category.parent_id, []).append(category)

    def without_empty(self) -> "CategoryTree":
        """Return the tree of the categories with products on sale, including all above them.

        The categories must come from `CategoryManager.tree`.
        """
        return self._offered

    @cached_property
    def fingerprint(self) -> str:
        """A text that differs whenever pages would show other categories."""
        shown = [(row.pk, row.slug, row.title, row.parent_id, row.sells_products) for row in self]
        return md5(repr(shown).encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def _offered(self) -> "CategoryTree":
        filled: set[int] = set()
        for category in self._by_id.values():
            above = category if category.sells_products else None
            while above is not None and above.pk not in filled:
                filled.add(above.pk)
                above = self._by_id.get(above.parent_id)
        return CategoryTree(category for category in self if category.pk in filled)

    @cached_property
    def _by_slug(self) -> dict[str, "Category"]:
        return {category.slug: category for category in self}

    def __iter__(self) -> Iterator["Category"]:
        """Iterate over all categories by title."""
        return iter(self._by_id.values())

    def __contains__(self, category: object) -> bool:
        return isinstance(category, Category) and category.pk in self._by_id

    def find(self, slug: str) -> "Category | None":
        """Return the category with this slug, or None."""
        return self._by_slug.get(slug)

    def find_by_id(self, pk: int | None) -> "Category | None":
        """Return the category with this id, or None."""
        return self._by_id.get(pk)

    def children(self, category: "Category | None") -> list["Category"]:
        """Return the children of the category, or the top-level categories for None."""
        return self._below.get(category.pk if category else None, [])

    def path_to(self, category: "Category | None") -> list["Category"]:
        """Return the categories from the top level down to this one. Return an empty list for None."""
        path: dict[int, Category] = {}
        while category is not None and category.pk not in path:
            path[category.pk] = category
            category = self._by_id.get(category.parent_id) if category.parent_id else None
        return list(reversed(path.values()))

    def height(self, category: "Category") -> int:
        """Return the number of levels of the category and its descendants. A new category has one level."""
        levels, level, seen = 1, self.children(category) if category.pk else [], {category.pk}
        while level := [child for child in level if child.pk not in seen]:
            levels += 1
            seen.update(child.pk for child in level)
            level = [child for member in level for child in self.children(member)]
        return levels

    def subtree_ids(self, category: "Category") -> list[int]:
        """Return the ids of the category and of all its descendants."""
        members = {category.pk: category}
        waiting = [category]
        for member in waiting:  # The list grows during the loop.
            new = [child for child in self.children(member) if child.pk not in members]
            members.update((child.pk, child) for child in new)
            waiting.extend(new)
        return list(members)

    def walk(self) -> Iterator["Category"]:
        """Yield every category that is reachable from the top level, each followed by its descendants."""
        waiting = list(reversed(self.children(None)))
        while waiting:
            yield (category := waiting.pop())
            waiting.extend(reversed(self.children(category)))


MENUS = VersionCache(size=4)


class CategoryManager(models.Manager.from_queryset(ShownQuerySet["Category"])):  # type: ignore[misc]
    def tree(self) -> CategoryTree:
        """Return all categories by title as a tree. Pages that offer categories use its `without_empty`.

        The tree is kept until SITE moves, which it does when a category changes or gets or loses its last product on
        sale.
        """
        return MENUS.get_or_make("tree", (), lambda: CategoryTree(self._query_for_menu()))

    def _query_for_menu(self) -> list["Category"]:
        on_sale = self.filter(pk=OuterRef("pk"), products__active=True)
        categories = list(self.order_by("title").annotate(sells_products=Exists(on_sale)))
        for category in categories:
            category.search_words = words_of(category.title)
        return categories


class Category(ShownModel):
    """A category of products, optionally inside another category. Its page is /products/?category=slug."""

    columns = Columns(shown=("title", "slug", "parent"))

    title = models.CharField(_("title"), max_length=80)
    slug = models.SlugField(_("slug"), max_length=90, unique=True, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent category")
    )

    objects: ClassVar[CategoryManager] = CategoryManager()

    # Only CategoryManager.tree sets these.
    sells_products: bool  # whether a product of this very category is on sale
    search_words: str  # the words of the title under which the search finds it

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["title"]
        base_manager_name = "objects"
        constraints = [models.CheckConstraint(condition=~Q(parent=F("id")), name="category_not_within_itself")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the category with a unique slug."""
        save_with_unique_slug(self, partial(self._save, *args, **kwargs))

    def get_absolute_url(self) -> str:
        return f"{page_url('products:list')}?category={self.slug}"

    def clean(self) -> None:
        """Raise ValidationError if the parent is the category itself or one of its descendants, or is too deep.

        The whole branch counts: its deepest category can be on level MAX_DEPTH.
        """
        tree = CategoryTree(Category.objects.all())
        path = tree.path_to(self.parent)
        if self.pk and self in path:
            names = " > ".join(category.title for category in path[path.index(self) :])
            text = _("A category cannot be inside itself: %(names)s. Please choose another parent.")
            raise ValidationError({"parent": ValidationError(text, "cycle", {"names": names})})
        level = len(path) + tree.height(self)
        if level > MAX_DEPTH and self.parent_id != self._stored_parent(tree):
            text = _(
                "Categories can have at most %(limit)d levels. The deepest category would be on level %(level)d. "
                "Please choose another parent."
            )
            raise ValidationError({"parent": ValidationError(text, "deep", {"limit": MAX_DEPTH, "level": level})})
        if not self.pk and len(list(tree)) >= MAX_CATEGORIES:
            text = _("There can be at most %(limit)d categories. Please delete one first.")
            raise ValidationError(text, "many", {"limit": MAX_CATEGORIES})

    def _stored_parent(self, tree: CategoryTree) -> int | None:
        """Return the parent before this change, so that imported categories that are too deep can still be edited."""
        stored = tree.find_by_id(self.pk)
        return stored.parent_id if stored else None

    def breadcrumbs(self) -> list["Category"]:
        """Return the path from the top-level category to this one. A top-level category needs no query."""
        return Category.objects.tree().path_to(self) if self.parent_id else [self]

    def _save(self, *args: Any, **kwargs: Any) -> None:
        self.slug = self.slug or unique_slug(self, self.title)
        super().save(*args, **kwargs)
