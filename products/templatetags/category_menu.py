"""The tags for links to categories in the menu of every page and above lists and products: {% load category_menu %}."""

from collections.abc import Sequence

from django import template
from django.db import Error
from django.template import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.page_cache.version_cache import VersionCache
from core.rendering.page_urls import surroundings
from products.models import Category

register = template.Library()
_MENUS = VersionCache(100)  # for each language and base of URLs, one for each category that is the current page
_CRUMBS = VersionCache(200)  # for each language and base of URLs, one for each category
MAX_SHOWN = 7  # top-level categories; the page with all products has the others


@register.simple_tag(takes_context=True)
def category_menu(context: Context) -> SafeString:
    """Return the top-level categories with products, and the categories within them.

    The menu is rendered again when the version of all pages moves. On a page of a category, that category is marked.
    Without the database there are none, so that error pages still have a menu.
    """
    category, form = context.get("category"), context.get("form")
    is_current_page = isinstance(category, Category) and not getattr(form, "text", "")
    slug = category.slug if isinstance(category, Category) and is_current_page else ""
    try:
        return _MENUS.get_or_make((surroundings(), slug), (), lambda: _render(slug))
    except Error:
        return SafeString()


@register.simple_tag
def crumb_links(crumbs: Sequence[Category]) -> SafeString:
    """Return links to these categories of the tree. They are rendered again when the version of all pages moves."""
    if not crumbs:
        return SafeString()
    key = surroundings(), *[category.pk for category in crumbs]
    return _CRUMBS.get_or_make(key, (), lambda: _render_crumbs(crumbs))


@register.simple_tag
def top_categories() -> list[Category]:
    """Return the top-level categories with products, at most MAX_SHOWN."""
    return Category.objects.tree().without_empty().children(None)[:MAX_SHOWN]


def _render(slug: str) -> SafeString:
    tree = Category.objects.tree().without_empty()
    items = [(category, tree.children(category)) for category in top_categories()]
    return render_to_string("products/snippets/category_menu.html", {"items": items, "current": slug})


def _render_crumbs(crumbs: Sequence[Category]) -> SafeString:
    return render_to_string("products/snippets/crumb_links.html", {"crumbs": crumbs})
