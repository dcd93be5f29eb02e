"""The rules which versions a change of the catalog moves. See docs/decisions/page-versions.md."""

from django.db.models import Exists, OuterRef

from core.page_cache.row_changes import RowChange, Values, read_values
from core.page_cache.shown_rows import moves_versions
from core.page_cache.versions import SITE
from products.models import Category, HomeSection, Picture, Product
from products.models.category import CategoryTree
from products.page_names import HOME, PRODUCTS, category_name, product_name


@moves_versions(Product)
def names_of_products(changes: list[RowChange]) -> set[str]:
    """Name the pages of the products and of their variants, the lists, and the categories with those above them.

    A product that was not on sale and is not on sale now is only on its own page, which does not exist.
    """
    on_sale = [change for change in changes if any(state["active"] for state in change.states)]
    states = [state for change in on_sale for state in change.states]
    names = {product_name(state["slug"]) for change in changes for state in change.states}
    names |= {PRODUCTS} if on_sale else set()
    names |= _names_of_variants({state["group"] for state in states} - {""})
    names |= names_of_branches({state["category_id"] for state in states} - {None})
    return names | ({SITE} if _changes_menu(on_sale) else set())


@moves_versions(Picture)
def names_of_pictures(changes: list[RowChange]) -> set[str]:
    """Name everything that shows the products of the pictures."""
    products = {state["product_id"] for change in changes for state in change.states}
    values = read_values(Product.objects.filter(pk__in=products))
    return names_of_products([RowChange(pk, state, state) for pk, state in values.items()])


@moves_versions(Category)
def names_of_categories(changes: list[RowChange]) -> set[str]:
    """Name the whole site: categories are on all lists, and in the breadcrumbs of product pages."""
    return {SITE} | {category_name(state["slug"]) for change in changes for state in change.states}


@moves_versions(HomeSection)
def names_of_home_sections(changes: list[RowChange]) -> set[str]:
    """Name the home page."""
    return {HOME}


def _names_of_variants(groups: set[str]) -> set[str]:
    slugs = Product.objects.filter(group__in=groups).values_list("slug", flat=True) if groups else []
    return {product_name(slug) for slug in slugs}


def names_of_branches(pks: set[int]) -> set[str]:
    """Name the lists of these categories and of those above them."""
    if not pks:
        return set()
    categories = {category.pk: category for category in Category.objects.only("slug", "parent")}
    tree = CategoryTree(categories.values())
    return {category_name(outer.slug) for pk in pks for outer in tree.path_to(categories.get(pk))}


def _changes_menu(changes: list[RowChange]) -> bool:
    """Check whether a category got its first product on sale or lost its last one, so that menus change."""
    before = {_category_on_sale(change.before) for change in changes}
    after = {_category_on_sale(change.after) for change in changes}
    changed = (before ^ after) - {None}
    if not changed:
        return False
    pks = [change.pk for change in changes]
    others = Product.objects.active().filter(category=OuterRef("pk")).exclude(pk__in=pks)
    return Category.objects.filter(pk__in=changed).exclude(Exists(others)).exists()


def _category_on_sale(state: Values | None) -> int | None:
    """Return the category in which a product is on sale, if any."""
    return state["category_id"] if state and state["active"] else None
