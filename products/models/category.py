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


class CategoryTree:
    """The categories as a tree.

    `Category.clean` rejects cycles. If a cycle is stored nevertheless, its categories are not reachable from the top
    level, and `path_to` and `subtree_ids` still terminate.
    """

    def __init__(self, categories: Iterable["Category"]) -> None:
        self._by_id: dict[int | None, Category] = {category.pk: category for category in categories}
        self._below: dict[int | None, list[Category]] = {}
        for category in self._by_id.values():
            self._below.setdefault(category.parent_id, []).append(category)

    def without_empty(self, keep: "Category | None" = None) -> "CategoryTree":
        """Return the tree of the categories with products on sale, including all above them.

        Also keep the category `keep` and those above it. The categories must come from `CategoryManager.tree`.
        """
        if keep is None or keep in self._offered:
            return self._offered
        return self._without_empty(keep)

    @cached_property
    def fingerprint(self) -> str:
        """A text that differs whenever pages would show other categories."""
        shown = [(row.pk, row.slug, row.title, row.parent_id, row.sells_products) for row in self]
        return md5(repr(shown).encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def _offered(self) -> "CategoryTree":
        return self._without_empty(None)

    @cached_property
    def _by_slug(self) -> dict[str, "Category"]:
        return {category.slug: category for category in self}

    def _without_empty(self, keep: "Category | None") -> "CategoryTree":
        filled = {category.pk for category in self.path_to(keep)}
        for category in self._by_id.values():
            above = category if category.sells_products else None
            while above is not None and above.pk not in filled:
                filled.add(above.pk)
                above = self._by_id.get(above.parent_id)
        return CategoryTree(category for category in self if category.pk in filled)

    def __iter__(self) -> Iterator["Category"]:
        """Iterate over all categories by title."""
        return iter(self._by_id.values())

    def __contains__(self, category: object) -> bool:
        return isinstance(category, Category) and category.pk in self._by_id

    def find(self, slug: str) -> "Category | None":
        """Return the category with this slug, or None."""
        return self._by_slug.get(slug)

    def children(self, category: "Category | None") -> list["Category"]:
        """Return the children of the category, or the top-level categories for None."""
        return self._below.get(category.pk if category else None, [])

    def path_to(self, category: "Category | None") -> list["Category"]:
        """Return the categories from the top level down to this one. Return an empty list for None."""
        path: list[Category] = []
        while category is not None and category not in path:
            path.insert(0, category)
            category = self._by_id.get(category.parent_id) if category.parent_id else None
        return path

    def subtree_ids(self, category: "Category") -> list[int]:
        """Return the ids of the category and of all its descendants."""
        members = [category]
        for member in members:  # The list grows during the loop.
            members.extend(other for other in self.children(member) if other not in members)
        return [member.pk for member in members]

    def walk(self, parent: "Category | None" = None, depth: int = 0) -> Iterator[tuple["Category", int]]:
        """Yield every category below `parent` with its depth, each followed by its descendants."""
        for category in self.children(parent):
            yield category, depth
            yield from self.walk(category, depth + 1)


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
        """Raise ValidationError if the parent is the category itself or one of its descendants."""
        path = CategoryTree(Category.objects.all()).path_to(self.parent)
        if self.pk and self in path:
            names = " > ".join(category.title for category in path[path.index(self) :])
            text = _("A category cannot be inside itself: %(names)s. Please choose another parent.")
            raise ValidationError({"parent": ValidationError(text, "cycle", {"names": names})})

    def breadcrumbs(self) -> list["Category"]:
        """Return the path from the top-level category to this one. A top-level category needs no query."""
        return Category.objects.tree().path_to(self) if self.parent_id else [self]

    def _save(self, *args: Any, **kwargs: Any) -> None:
        self.slug = self.slug or unique_slug(self, self.title)
        super().save(*args, **kwargs)
