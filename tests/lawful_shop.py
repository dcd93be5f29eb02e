"""A small shop that lacks nothing, and ways to break it, for tests of the duties of consumer law."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.template.loader import get_template
from PIL import Image

from core.models import GuaranteeNotice, Page, Shop
from core.pages.publishing import publish, unpublish
from core.shop.current import stored_shop

SELLER: dict[str, Any] = {
    "name": "Buchladen am Wall", "legal_name": "Wallbuch GmbH", "legal_form": "GmbH", "street": "Am Wall 7",
    "postcode": "28195", "city": "Bremen", "country": "DE", "email": "hallo@wallbuch.de", "phone": "+49 421 99887",
    "register": "Amtsgericht Bremen", "register_number": "HRB 54321", "vat_id": "DE811907980",
    "responsible_person": "Ida Wall", "disputes": Shop.Disputes.REFUSES,
}  # fmt: skip
NOTICE = {"en-gb": "Goods have a legal guarantee of two years.", "de": "Waren haben zwei Jahre Gewährleistung."}
IMPRINT = (
    "{seller}\n\n{email}\n\n{phone}\n\n{register}\n\n{vat_id}\n\n{responsible_person}\n\n{registrations}\n\n{disputes}"
)
LONG = "This text was written by the seller of this shop for its shoppers. It is long enough to be a legal text. "
WITHDRAWAL = {
    "en-gb": "You can withdraw within 14 days.\n\n## Model withdrawal form\n\nTo:\n\n{seller}\n\n",
    "de": "Sie können binnen vierzehn Tagen widerrufen.\n\n## Muster-Widerrufsformular\n\nAn:\n\n{seller}\n\n",
}


def make_lawful_shop() -> None:
    """Store everything that the law asks of a shop that delivers to all countries."""
    stored_shop()
    Shop.objects.update(**SELLER)
    for language in ("en-gb", "de"):
        for kind in Page.Kind:
            if kind != Page.Kind.PLAIN:
                text = {Page.Kind.IMPRINT: IMPRINT, Page.Kind.WITHDRAWAL: WITHDRAWAL[language]}.get(kind, "")
                make_page(kind, language, f"{text}\n\n{LONG}{kind} {language}.")
        notice = GuaranteeNotice(language=language, text=NOTICE[language], picture_width=400, picture_height=300)
        notice.picture.save("notice.png", ContentFile(_picture()), save=True)


def make_page(kind: str, language: str, draft: str) -> None:
    """Publish a page that is in the footer."""
    page, _created = Page.objects.update_or_create(
        kind=kind,
        language=language,
        defaults={
            "slug": f"{kind}-{language}",
            "title": f"{kind} {language}".title(),
            "draft": draft,
            "column": "help",
        },
    )
    publish(page)


def hide_page(kind: str, language: str) -> None:
    unpublish(Page.objects.get(kind=kind, language=language))


def _picture() -> bytes:
    content = BytesIO()
    Image.new("RGB", (400, 300)).save(content, "PNG")
    return content.getvalue()


class Templates:
    """Replaces templates for one test."""

    def __init__(self, settings: Any, folder: Path) -> None:
        self.settings, self.folder = settings, folder

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text of the template. Fail if the template does not contain it."""
        source = Path(get_template(name).origin.name).read_text()  # type: ignore[attr-defined]
        assert old in source, f"{name} does not contain {old}"
        self.write(name, source.replace(old, new))

    def write(self, name: str, source: str) -> None:
        """Use this text as the template."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        engine: dict[str, Any] = django_settings.TEMPLATES[0]
        folders = [self.folder, *(one for one in engine["DIRS"] if one != self.folder)]
        self.settings.TEMPLATES = [engine | {"DIRS": folders}]


Plant = Callable[[Templates], object]
