"""Publishing pages: a new version for each change of what visitors see."""

import hashlib
import json

from core.page_cache.versions import collect_touches
from core.pages.facts import fill_in
from core.pages.models import Page, PageText


def draft_digest(page: Page) -> str:
    """Return a digest of what publishing the page would show, to recognize a draft that was previewed."""
    shown = [page.title, page.draft, fill_in(page.draft, page.language)]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def make_preview(page: Page) -> PageText:
    """Return the draft as a version that is not stored."""
    return PageText(
        page=page, language=page.language, title=page.title, source=page.draft, text=fill_in(page.draft, page.language)
    )


def publish(page: Page, digest: str | None = None) -> PageText | None:
    """Publish the draft. Return the new version, or the last one if visitors would see the same.

    With a `digest` that is not that of the draft, publish nothing and return None.
    """
    with collect_touches():
        page = Page.objects.select_for_update().get(pk=page.pk)
        if digest is not None and digest != draft_digest(page):
            return None
        text = _add_version(page, page.title, page.draft)
        Page.objects.filter(pk=page.pk, is_published=False).update(is_published=True)
    return text


def unpublish(page: Page) -> bool:
    """Hide the page. Its versions stay. Return False if it was not published."""
    return bool(Page.objects.filter(pk=page.pk, is_published=True).update(is_published=False))


def renew_texts() -> int:
    """Publish a new version of each page whose facts about the shop have changed. Return the number of versions.

    Drafts are not published: the new version has the Markdown of the last one.
    """
    with collect_touches():
        pages = Page.objects.select_for_update().filter(is_published=True).order_by("pk")
        return sum(_renew(page) for page in pages)


def _renew(page: Page) -> bool:
    last = page.latest_text()
    return last is not None and _add_version(page, last.title, last.source) != last


def _add_version(page: Page, title: str, source: str) -> PageText:
    """Add a version unless the last one is the same. The row of the page is locked."""
    last, text = page.latest_text(), fill_in(source, page.language)
    if last and (last.title, last.source, last.text, last.language) == (title, source, text, page.language):
        return last
    number = last.number + 1 if last else 1
    return PageText.objects.create(
        page=page, number=number, language=page.language, title=title, source=source, text=text
    )
