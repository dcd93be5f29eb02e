"""The tag for the beginning of a page of the shop: {% load page_folds %}{% page_fold "delivery" %}."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.page_cache.version_cache import VersionCache
from core.pages.current import page_of
from core.rendering.page_urls import surroundings

register = template.Library()
_FOLDS = VersionCache(40)  # one for each kind, language and base of URLs


@register.simple_tag
def page_fold(kind: str) -> SafeString:
    """Return the beginning of the page of this kind, folded and with a link to the page. Return "" without such a page.

    It is rendered again when the version of all pages moves.
    """
    return _FOLDS.get_or_make((surroundings(), kind), (), lambda: _render(kind))


def _render(kind: str) -> SafeString:
    page = page_of(kind)
    return render_to_string("products/snippets/page_fold.html", {"page": page}) if page else SafeString()
