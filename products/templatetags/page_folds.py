"""The tag for what pages of the shop say about delivery and withdrawal: {% page_folds product.withdrawal_days %}."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.page_cache.version_cache import VersionCache
from core.pages.current import page_of
from core.pages.models import Page
from core.rendering.page_urls import surroundings

register = template.Library()
_FOLDS = VersionCache(40)  # two for each language and base of URLs


@register.simple_tag
def page_folds(withdrawal_days: int) -> SafeString:
    """Return the beginnings of the pages about delivery and withdrawal, folded and with links to the pages.

    Without a right of withdrawal, only that about delivery is shown. A page that is not published has no fold. They are
    rendered again when the version of all pages moves.
    """
    kinds = (Page.Kind.DELIVERY, Page.Kind.WITHDRAWAL) if withdrawal_days else (Page.Kind.DELIVERY,)
    return _FOLDS.get_or_make((surroundings(), kinds), (), lambda: _render(kinds))


def _render(kinds: tuple[Page.Kind, ...]) -> SafeString:
    pages = [page for kind in kinds if (page := page_of(kind))]
    return render_to_string("products/snippets/page_folds.html", {"pages": pages})
