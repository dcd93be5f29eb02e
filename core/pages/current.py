"""The published pages, in the visitor's language where they are translated."""

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise

from core.database.prepared import PreparedQuery
from core.page_cache.version_cache import VersionCache
from core.pages.models import Page, PageText
from core.rendering.page_urls import page_url, slug_url

LEGAL = (Page.Kind.TERMS, Page.Kind.PRIVACY, Page.Kind.WITHDRAWAL)  # what shoppers agree to


class ShownPage(NamedTuple):
    """A published page with its newest version."""

    kind: str
    slug: str
    language: str
    column: str
    text: PageText

    @property
    def title(self) -> str:
        return self.text.title

    @property
    def url(self) -> str:
        """The URL of the page. The text about contact is shown above the form."""
        return page_url("contact") if self.kind == Page.Kind.CONTACT else slug_url("pages:detail", self.slug)


CURRENT: PreparedQuery[PageText] = PreparedQuery(lambda: PageText.objects.current())
_PUBLISHED = VersionCache(1)


def published_pages() -> list[ShownPage]:
    """Return all published pages, in the order of the footer."""
    return _PUBLISHED.get_or_make("pages", (), lambda: [_shown(text) for text in CURRENT.rows()])


def page_of(kind: str) -> ShownPage | None:
    """Return the page of this kind, in the active language if there is one, or None.

    Otherwise, it is in the language of the shop or in any other.
    """
    return _choose(translations_of(kind), translation.get_language() or "")


def translations_of(kind: str) -> list[ShownPage]:
    """Return the pages of this kind, one for each language. Other pages have no translations."""
    return [page for page in published_pages() if page.kind == kind != Page.Kind.PLAIN]


def page_with_slug(slug: str) -> ShownPage | None:
    """Return the published page with this slug, or None."""
    return next((page for page in published_pages() if page.slug == slug), None)


class FooterColumn(NamedTuple):
    """A column of the footer with its pages."""

    name: str
    title: str | Promise
    pages: list[ShownPage]


def footer_columns() -> list[FooterColumn]:
    """Return the columns of the footer, also empty ones, with pages in the active language if they are translated."""
    shown = [page for page in published_pages() if _is_in_footer(page, translation.get_language() or "")]
    return [
        FooterColumn(name, title, [page for page in shown if page.column == name])
        for name, title in Page.Column.choices
    ]


def _is_in_footer(page: ShownPage, language: str) -> bool:
    """Check whether visitors with this language see the page in the footer. A plain page has no translation."""
    if page.kind == Page.Kind.PLAIN:
        return page.language == language
    return page == _choose(translations_of(page.kind), language)


def legal_texts(language: str) -> dict[str, PageText]:
    """Return the versions that shoppers with this language agree to, by kind: terms, privacy and withdrawal.

    A kind without a published page is missing. A transaction that places an order reads the database.
    """
    published = published_pages()  # which is one query in such a transaction
    chosen = {kind: _choose([page for page in published if page.kind == kind], language) for kind in LEGAL}
    return {kind.value: page.text for kind, page in chosen.items() if page}


def _shown(text: PageText) -> ShownPage:
    page = text.page
    return ShownPage(page.kind, page.slug, page.language, page.column, text)


def _choose(pages: Iterable[ShownPage], language: str) -> ShownPage | None:
    by_language = {page.language: page for page in pages}
    first = next(iter(by_language.values()), None)
    return by_language.get(language) or by_language.get(settings.LANGUAGE_CODE) or first
