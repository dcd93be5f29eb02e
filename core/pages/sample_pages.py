"""Sample texts for each kind of page, which say at the top that they have to be replaced."""

from pathlib import Path

from django.conf import settings

from core.pages.models import Page
from core.pages.publishing import publish

FOLDER = Path(__file__).resolve().parent / "samples"  # a folder for each language, such as `en` for en-gb
Kind, Column = Page.Kind, Page.Column
# Each kind with the slugs of its pages and the column of the footer, in the order of the column.
SAMPLES = [
    (Kind.DELIVERY, {"en": "delivery", "de": "versand"}, Column.HELP),
    (Kind.WITHDRAWAL, {"en": "withdrawal", "de": "widerruf"}, Column.HELP),
    (Kind.CONTACT, {"en": "contact", "de": "kontakt"}, Column.HELP),
    (Kind.IMPRINT, {"en": "imprint", "de": "impressum"}, Column.COMPANY),
    (Kind.TERMS, {"en": "terms", "de": "agb"}, Column.COMPANY),
    (Kind.PRIVACY, {"en": "privacy", "de": "datenschutz"}, Column.COMPANY),
    (Kind.ACCESSIBILITY, {"en": "accessibility", "de": "barrierefreiheit"}, Column.COMPANY),
]
FIRST_LINES = {
    "en": "Sample text. Replace it before you open.",
    "de": "Mustertext. Ersetzen Sie ihn vor der Eröffnung.",
}


def is_sample(markdown: str) -> bool:
    """Return whether the text still says that it is a sample."""
    return any(line in markdown for line in FIRST_LINES.values())


def add_sample_pages() -> int:
    """Add and publish a sample page for each kind and language without a page. Return the number of new pages.

    Pages that exist keep the changes that staff made, also if they are not published.
    """
    known = set(Page.objects.values_list("kind", "language"))
    taken = set(Page.objects.values_list("slug", flat=True))
    added = 0
    for position, (kind, slugs, column) in enumerate(SAMPLES, start=1):
        for language, short in _languages():
            slug = slugs[short]
            if (kind.value, language) not in known and slug not in taken:
                _add(kind, language, slug, column, position * 10, FOLDER / short / f"{kind.value}.md")
                added += 1
    return added


def _languages() -> list[tuple[str, str]]:
    """Return the languages of the shop that have samples, each with the name of its folder."""
    pairs = [(code, code.partition("-")[0]) for code, _name in settings.LANGUAGES]
    return [(code, short) for code, short in pairs if short in FIRST_LINES]


def _add(kind: str, language: str, slug: str, column: str, position: int, path: Path) -> None:
    """Add a page from a file, whose first line is the title."""
    title, _end, draft = path.read_text(encoding="utf-8").partition("\n")
    page = Page.objects.create(
        kind=kind, language=language, slug=slug, column=column, position=position, title=title.removeprefix("# "),
        draft=draft.strip(),
    )  # fmt: skip
    publish(page)
