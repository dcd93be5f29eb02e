"""The template tag for the footer, which is the same for all visitors with a language."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.page_cache.version_cache import VersionCache
from core.pages.current import footer_columns
from core.pages.models import Page
from core.rendering.page_urls import surroundings
from core.shop.current import current_shop

register = template.Library()
_FOOTERS = VersionCache(20)  # one for each language and base of URLs


@register.simple_tag
def site_footer() -> SafeString:
    """Return the seller and the columns of the footer. It is rendered again when the version of all pages moves."""
    return _FOOTERS.get_or_make(surroundings(), (), _render)


def _render() -> SafeString:
    columns = footer_columns()
    has_contact = any(page.kind == Page.Kind.CONTACT for column in columns for page in column.pages)
    return render_to_string(
        "snippets/footer.html", {"shop": current_shop(), "columns": columns, "has_contact_page": has_contact}
    )
