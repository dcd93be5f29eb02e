"""What rows with a picture have in common, the products and their further pictures."""

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import PurePath
from typing import Any

from django.core.validators import FileExtensionValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from products.sizes import SizedImageField, SizedImageFile


def picture_path(row: "Pictured", filename: str) -> str:
    """A name with a hash of the content, so that browsers may keep the picture for ever."""
    row.image.seek(0)
    digest = hashlib.sha256(row.image.read()).hexdigest()[:12]
    row.image.seek(0)
    return f"products/{row.picture_stem[:60]}-{digest}{PurePath(filename).suffix.lower()}"


class Pictured(models.Model):
    """A row with one picture, its size in pixels, and words for those who do not see it; no table of its own."""

    image: Any = SizedImageField(  # a SizedImageFile when read
        _("picture"),
        upload_to=picture_path,
        blank=True,
        validators=[FileExtensionValidator(["jpg", "jpeg", "png", "webp"])],
    )
    image_width = models.PositiveIntegerField(null=True, editable=False)
    image_height = models.PositiveIntegerField(null=True, editable=False)
    image_alt = models.CharField(
        _("alternative text"),
        max_length=150,
        blank=True,
        help_text=_("Describes the picture. Empty: the product’s title."),
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row; the files of a picture that was replaced or taken away go."""
        is_about_image = update_fields is None or "image" in update_fields
        replaced = self._replaced_image() if is_about_image else None
        super().save(*args, update_fields=update_fields, **kwargs)
        drop_files(replaced)

    @property
    def picture_stem(self) -> str:
        """What the names of its files begin with."""
        raise NotImplementedError

    def _replaced_image(self) -> SizedImageFile | None:
        """The stored picture that saving this row would replace or take away, if any."""
        if self._state.adding or (self.image and self.image._committed):
            return None
        before = type(self)._base_manager.only("image", "image_width").filter(pk=self.pk).first()
        found: SizedImageFile | None = before.image if before else None
        return found


def drop_files(file: SizedImageFile | None) -> None:
    """Remove a picture's files when that is committed, not before: a change that is taken back keeps its picture."""
    if file:
        transaction.on_commit(partial(_remove_unless_needed, file), robust=True)


def _remove_unless_needed(file: SizedImageFile) -> None:
    if not any(model._base_manager.filter(image=file.name).exists() for model in Pictured.__subclasses__()):
        file.delete(save=False)
