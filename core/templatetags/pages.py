"""Template tags for the pages of the shop, and for the footer, which is the same for all visitors with a language."""

from django import template
from django.db import Error
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.page_cache.version_cache import VersionCache
from core.pages import current
from core.pages.current import FooterColumn, ShownPage, footer_columns
from core.pages.models import Page
from core.rendering.page_urls import surroundings
from core.shop.current import current_shop, known_shop
from core.shop.models import Shop

register = template.Library()
_FOOTERS = VersionCache(20)  # one for each language and base of URLs


@register.simple_tag
def page_of(kind: str) -> ShownPage | None:
    """Return the published page of this kind in the best language, or None: {% page_of "delivery" as page %}."""
    return current.page_of(kind)


@register.simple_tag
def site_footer() -> SafeString:
    """Return the seller and the columns of the footer. It is rendered again when the version of all pages moves.

    If the database cannot be read, return what is known of the seller, so that error pages still show it.
    """
    try:
        return _FOOTERS.get_or_make(surroundings(), (), lambda: _render(current_shop(), footer_columns()))
    except Error:
        return _render(known_shop(), [])


def _render(shop: Shop, columns: list[FooterColumn]) -> SafeString:
    has_contact = any(page.kind == Page.Kind.CONTACT for column in columns for page in column.pages)
    context = {"shop": shop, "columns": columns, "has_contact_page": has_contact}
    return render_to_string("snippets/footer.html", context)
