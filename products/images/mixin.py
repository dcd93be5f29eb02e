"""Abstract model for rows with an image: products and their additional pictures."""

import secrets
from collections.abc import Iterable
from functools import partial
from pathlib import PurePath
from typing import Any, Self

from django.core.validators import FileExtensionValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from products.images.renditions import RenditionImageField, RenditionImageFile

UPLOAD_FOLDER = "products"
IMAGE_COLUMNS = frozenset(["image", "image_width", "image_height"])


def image_upload_path(row: "ImageMixin", filename: str) -> str:
    """Return a path that is never used again, so that browsers can cache the image indefinitely."""
    suffix = PurePath(filename).suffix.lower()
    return f"{UPLOAD_FOLDER}/{row.image_stem[:60]}-{secrets.token_hex(6)}{suffix}"


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

    _stored_name: str | None = None  # of the image in the row, or None if it is unknown

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row and the files of a new image, or neither. Delete the files of an image that was replaced.

        An image that was not changed is not written. Otherwise, saving an object that was loaded before a colleague
        replaced the image would restore the name of a deleted file.
        """
        upload = self.image.file if self._has_upload else None
        try:
            with transaction.atomic(savepoint=False):  # like Django's own save, which adds none either
                names = self._columns_to_save(update_fields)
                replaced = self._replaced_image() if names is None or "image" in names else None
                super().save(*args, update_fields=names, **kwargs)
                delete_files_on_commit(replaced)
        except BaseException:
            if upload:
                self.image = upload  # The caller can save again.
            raise
        self._stored_name = self._image_name

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """Return the row, and remember the name of its image."""
        row = super().from_db(*args, **kwargs)
        row._stored_name = row.__dict__.get("image")
        return row

    @property
    def image_stem(self) -> str:
        """The beginning of the names of the image files."""
        raise NotImplementedError

    @property
    def _image_name(self) -> str | None:
        """The name of the image, or None if the column is deferred."""
        return (self.image.name or "") if "image" in self.__dict__ else None

    @property
    def _has_upload(self) -> bool:
        return bool(self._image_name) and not self.image._committed

    def _columns_to_save(self, update_fields: Iterable[str] | None) -> set[str] | None:
        """Return the columns to write without those of an unchanged image. Return None for a new row."""
        if self._state.adding:
            return None if update_fields is None else set(update_fields)
        columns = {field.attname for field in self._meta.concrete_fields if not field.primary_key}
        names = columns - self.get_deferred_fields() if update_fields is None else set(update_fields)
        is_unchanged = not self._has_upload and self._image_name == self._stored_name
        if is_unchanged:
            return names - IMAGE_COLUMNS
        return names | IMAGE_COLUMNS if "image" in names else names  # saving the file sets its size

    def _replaced_image(self) -> RenditionImageFile | None:
        """Return the stored image that saving this row would replace or remove, or None. Lock the row."""
        if self._state.adding or (self.image and self.image._committed):
            return None
        rows = type(self)._base_manager.select_for_update().only(*IMAGE_COLUMNS)
        stored = rows.filter(pk=self.pk).first()
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
