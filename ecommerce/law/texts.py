"""Checks of the pages that staff write."""

from collections.abc import Callable, Iterator, Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from core.models import Page
from core.pages.current import ShownPage, published_pages, translations_of
from core.pages.sample_pages import is_sample
from ecommerce.law.duty import Check, Finding, Weight
from ecommerce.law.inspection import Inspection
from ecommerce.law.seller import OLD_PLATFORM

MIN_LENGTH = 80  # characters; a shorter legal text is a placeholder
# How the model form and the period of withdrawal are called, by the first part of the language code.
FORM_WORDS = {"en": ("model withdrawal form", "withdrawal form"), "de": ("widerrufsformular",)}
PERIOD_WORDS = {"en": ("14 days", "fourteen days"), "de": ("14 tage", "vierzehn tage")}


def pages_url() -> str:
    """Return the URL of the admin where pages are written."""
    return reverse("admin:core_page_changelist")


def page_exists(kind: Page.Kind) -> Check:
    """Return the check that a page of this kind is published in each language, and is no sample or stub."""

    def check(inspection: Inspection) -> Iterator[Finding]:
        pages = {page.language: page for page in translations_of(kind)}
        for language, name in inspection.languages.items():
            params = {"page": kind.label, "language": name}
            page = pages.get(language)
            if page is None:
                yield Finding(_("The page “%(page)s” is missing (%(language)s).") % params, pages_url())
            elif is_sample(page.text.text):
                text = _("The page “%(page)s” (%(language)s) is a sample text.")
                yield Finding(text % params, _change_url(page), Weight.SAMPLE)
            elif len(page.text.text.strip()) < MIN_LENGTH:
                text = _("The page “%(page)s” (%(language)s) has almost no text.")
                yield Finding(text % params, _change_url(page))

    return check


def linked_in_footer(*kinds: Page.Kind) -> Check:
    """Return the check that the footer of every page links to the published pages of these kinds."""

    def check(inspection: Inspection) -> Iterator[Finding]:
        for language, name in inspection.languages.items():
            links = {part.attrs.get("href") for part in inspection.base(language).all("a") if "footer" in part.around}
            for kind in kinds:
                pages = [page for page in translations_of(kind) if page.language == language]
                if pages and pages[0].url not in links:
                    text = _("The footer (%(language)s) does not link to the page “%(page)s”. Choose its column.")
                    yield Finding(text % {"page": kind.label, "language": name}, _change_url(pages[0]))

    return check


def names_the_seller(kind: Page.Kind) -> Check:
    """Return the check that the page of this kind contains the name and the street of the seller."""

    def check(inspection: Inspection) -> Iterator[Finding]:
        shop = inspection.shop
        for page in translations_of(kind):
            missing = [part for part in (shop.legal_name, shop.street) if part and part not in _plain(page)]
            for part in missing:
                text = _("The page “%(page)s” (%(language)s) lacks: %(text)s")
                params = {"page": kind.label, "language": _name(inspection, page), "text": part}
                yield Finding(text % params, _change_url(page))

    return check


def imprint_is_complete(inspection: Inspection) -> Iterator[Finding]:
    """Yield the facts of the row that the imprint does not show."""
    shop = inspection.shop
    names = ("phone", "email", "register_number", "vat_id", "responsible_person")
    numbers = [number for _label, number in shop.registrations]
    for page in translations_of(Page.Kind.IMPRINT):
        for value in [value for value in (*(getattr(shop, name) for name in names), *numbers) if value]:
            if value not in _plain(page):
                text = _("The page “%(page)s” (%(language)s) lacks: %(text)s")
                params = {"page": page.title, "language": _name(inspection, page), "text": value}
                yield Finding(text % params, _change_url(page))


def withdrawal_form(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each withdrawal page without the model form or the length of the period."""
    yield from _words_missing(
        inspection, FORM_WORDS, lambda: _("The page “%(page)s” (%(language)s) has no model withdrawal form.")
    )
    yield from _words_missing(
        inspection, PERIOD_WORDS, lambda: _("The page “%(page)s” (%(language)s) does not name the period of 14 days.")
    )


def _words_missing(
    inspection: Inspection, words: Mapping[str, tuple[str, ...]], text: Callable[[], str]
) -> Iterator[Finding]:
    for page in translations_of(Page.Kind.WITHDRAWAL):
        wanted = words.get(page.language.partition("-")[0], ())
        if wanted and not any(word in _plain(page).lower() for word in wanted):
            params = {"page": page.title, "language": _name(inspection, page)}
            yield Finding(text() % params, _change_url(page))


def old_platform_in_texts(inspection: Inspection) -> Iterator[Finding]:
    """Yield a finding for each page that links to the platform of the EU that was closed in July 2025."""
    for page in published_pages():
        if OLD_PLATFORM.search(page.text.text):
            text = _("The page “%(page)s” (%(language)s) links to the EU’s former platform for dispute resolution.")
            params = {"page": page.title, "language": _name(inspection, page)}
            yield Finding(text % params, _change_url(page))


def _change_url(page: ShownPage) -> str:
    return reverse("admin:core_page_change", args=[page.text.page_id])


def _plain(page: ShownPage) -> str:
    """Return the words of the page, as readers see them."""
    return page.text.plain_text


def _name(inspection: Inspection, page: ShownPage) -> str:
    return inspection.languages.get(page.language, page.language)
