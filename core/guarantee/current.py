"""The notices that shoppers see now."""

from django.conf import settings

from core.guarantee.models import GuaranteeNotice
from core.page_cache.version_cache import VersionCache

NOTICES = VersionCache(size=2)


def current_notices() -> dict[str, GuaranteeNotice]:
    """Return the notices by language. They are kept until one changes, but a transaction reads the database."""
    return NOTICES.get_or_make("notices", (), _read_notices)


def notice_for(language: str) -> GuaranteeNotice | None:
    """Return the notice in this language, otherwise in the shop's or in any other, or None if there is none."""
    notices = current_notices()
    languages = [language, settings.LANGUAGE_CODE, *notices]
    return next((notices[code] for code in languages if code in notices), None)


def _read_notices() -> dict[str, GuaranteeNotice]:
    return {notice.language: notice for notice in GuaranteeNotice.objects.order_by("language")}
