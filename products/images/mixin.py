"""Abstract model for rows with an image: products and their additional pictures."""

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import PurePath
from typing import Any

from django.core.validators import FileExtensionValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from products.images.renditions import RenditionImageField, RenditionImageFile


def image_upload_path(row: "ImageMixin", filename: str) -> str:
    """Return an upload path with a hash of the content, so that browsers can cache the image indefinitely."""
    row.image.seek(0)
    digest = hashlib.sha256(row.image.read()).hexdigest()[:12]
    row.image.seek(0)
    return f"products/{row.image_stem[:60]}-{digest}{PurePath(filename).suffix.lower()}"


class ImageMixin(models.Model):
    """Abstract model with one image, its size in pixels and its alternative text."""

    image: Any = RenditionImageField(  # Instances return a RenditionImageFile.
        _("picture"),
        upload_to=image_upload_path,
        blank=True,
        validators=[FileExtensionValidator(["jpg", "jpeg", "png", "webp"])],
    )
    image_width = models.PositiveIntegerField(null=True, editable=False)
    image_height = models.PositiveIntegerField(null=True, editable=False)
    image_alt = models.CharField(
        _("alternative text"),
        max_length=150,
        blank=True,
        help_text=_("Describes the picture. Leave empty to use the product’s title."),
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row and delete the files of an image that was replaced or removed."""
        if update_fields is not None and "image" in update_fields:
            update_fields = {*update_fields, "image_width", "image_height"}  # saving the file sets them
        is_about_image = update_fields is None or "image" in update_fields
        replaced = self._replaced_image() if is_about_image else None
        super().save(*args, update_fields=update_fields, **kwargs)
        delete_files_on_commit(replaced)

    @property
    def image_stem(self) -> str:
        """The beginning of the names of the image files."""
        raise NotImplementedError

    def _replaced_image(self) -> RenditionImageFile | None:
        """Return the stored image that saving this row would replace or remove, or None."""
        if self._state.adding or (self.image and self.image._committed):
            return None
        stored = type(self)._base_manager.only("image", "image_width").filter(pk=self.pk).first()
        image: RenditionImageFile | None = stored.image if stored else None
        return image


def delete_files_on_commit(file: RenditionImageFile | None) -> None:
    """Delete the files of an image after the transaction commits, unless another row uses them.

    The files are kept if the transaction is rolled back.
    """
    if file:
        transaction.on_commit(partial(_delete_unless_used, file), robust=True)


def _delete_unless_used(file: RenditionImageFile) -> None:
    if not any(model._base_manager.filter(image=file.name).exists() for model in ImageMixin.__subclasses__()):
        file.delete(save=False)
