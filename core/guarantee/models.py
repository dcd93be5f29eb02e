"""The notice of the legal guarantee in one language."""

import hashlib
import secrets
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.columns import Columns
from core.page_cache.row_changes import RowChange
from core.page_cache.shown_rows import ShownModel, ShownQuerySet, moves_versions
from core.page_cache.versions import SITE

UPLOAD_FOLDER = "notices"
MAX_TEXT_LENGTH = 4000  # characters; the text is part of every confirmation email


def notice_path(notice: "GuaranteeNotice", filename: str) -> str:
    """Return a path that is never used again, so that browsers can cache the picture indefinitely."""
    suffix = PurePath(filename).suffix.lower()
    return f"{UPLOAD_FOLDER}/guarantee-{notice.language}-{secrets.token_hex(6)}{suffix}"


class GuaranteeNotice(ShownModel):
    """The official picture that informs consumers of the legal guarantee, and the same words as text.

    The law forbids changes of the picture, so its file is stored as it was uploaded. The file of a picture that was
    replaced stays, as a record of what shoppers saw.
    """

    language = models.CharField(_("language"), max_length=10, unique=True)
    picture = models.FileField(_("official picture"), upload_to=notice_path)
    picture_width = models.PositiveIntegerField(editable=False, default=0)
    picture_height = models.PositiveIntegerField(editable=False, default=0)
    text = models.TextField(
        _("text alternative"),
        max_length=MAX_TEXT_LENGTH,
        help_text=_("All words of the picture. Screen readers read them, and the confirmation email contains them."),
    )
    updated = models.DateTimeField(auto_now=True)

    objects = models.Manager.from_queryset(ShownQuerySet["GuaranteeNotice"])()
    columns = Columns(shown=("language", "picture", "picture_width", "picture_height", "text"))

    class Meta:
        verbose_name = _("notice of the legal guarantee")
        verbose_name_plural = _("notices of the legal guarantee")
        ordering = ["language"]
        base_manager_name = "objects"

    def __str__(self) -> str:
        return dict(settings.LANGUAGES).get(self.language, self.language)

    @property
    def fact(self) -> str:
        """A digest of everything that the shopper sees of this version."""
        shown: list[Any] = [self.language, self.picture.name, self.picture_width, self.picture_height, self.text]
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:24]


@moves_versions(GuaranteeNotice)
def names_of_notices(changes: list[RowChange]) -> set[str]:
    """Name the whole site, whose version every request reads anyway. Notices change rarely."""
    return {SITE}
