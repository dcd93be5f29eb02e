"""A column for pictures, which stores each with smaller copies of itself, for lists, telephones and carts."""

from io import BytesIO
from pathlib import PurePath
from typing import Any

from django.core.files.base import ContentFile, File
from django.db import models
from django.db.models.fields.files import ImageFieldFile
from PIL import Image

# Of the copies, in pixels; none is wider than the picture itself. 400 fills half a telephone, where most lists are
# read. After a change: `manage.py resize_pictures`.
WIDTHS = (160, 400, 640, 1280)
FORMER_WIDTHS = (320,)  # of earlier versions: their files go with the picture
QUALITY = 78


class SizedImageFile(ImageFieldFile):
    """A stored picture and its copies, WebP files named after it; its own width and height stand on the row."""

    def save(self, name: str, content: File, save: bool = True) -> None:
        """Store the picture, then its copies."""
        super().save(name, content, save=False)
        with self.storage.open(str(self.name)) as file, Image.open(file) as image:
            self._note_size(image.width, image.height)
        self.make_copies()
        if save:
            self.instance.save()

    def make_copies(self) -> int:
        """Draw and store the copies that are not there, the widest first, each from the one before; how many they were.

        Raises OSError if the picture itself is gone.
        """
        missing = [width for width in self.widths if not self.storage.exists(self.copy_name(width))]
        if missing:
            with self.storage.open(str(self.name)) as file, Image.open(file) as image:
                picture = image.convert("RGBA" if image.has_transparency_data else "RGB")
                shape = image.height / image.width
            for width in reversed(missing):
                height = max(round(width * shape), 1)
                picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
                self.storage.save(self.copy_name(width), _as_webp(picture))
        return len(missing)

    def delete(self, save: bool = True) -> None:
        """Remove the picture and its copies from the storage."""
        for width in (*self.widths, *FORMER_WIDTHS):
            self.storage.delete(self.copy_name(width))
        super().delete(save)

    @property
    def widths(self) -> list[int]:
        """How wide the copies are, the smallest first; the last is as wide as the picture if that is under 1280."""
        own = self._own_width
        smaller = [width for width in WIDTHS if width < own]
        return sorted({*smaller, min(own, WIDTHS[-1])} - {0})

    def copy_name(self, width: int) -> str:
        """What the copy of this width is called; a WebP of that very width is its own copy."""
        name = PurePath(self.name or "")
        if width == self._own_width and name.suffix == ".webp":
            return str(name)
        return str(name.with_name(f"{name.stem}-{width}.webp"))

    def copy_url(self, least: int) -> str:
        """The address of the smallest copy of at least this width, or of the widest there is; "" without a picture."""
        if not self:
            return ""
        fitting = [width for width in self.widths if width >= least] or self.widths[-1:]
        return str(self.storage.url(self.copy_name(fitting[0]))) if fitting else self.url

    @property
    def small_url(self) -> str:
        return self.copy_url(160)

    @property
    def medium_url(self) -> str:
        return self.copy_url(640)

    @property
    def large_url(self) -> str:
        return self.copy_url(1280)

    @property
    def srcset(self) -> str:
        """All copies, for the browser to choose from."""
        return ", ".join(f"{self.storage.url(self.copy_name(width))} {width}w" for width in self.widths)

    @property
    def _own_width(self) -> int:
        return getattr(self.instance, f"{self.field.name}_width") or 0

    def _note_size(self, width: int | None, height: int | None) -> None:
        setattr(self.instance, f"{self.field.name}_width", width)
        setattr(self.instance, f"{self.field.name}_height", height)


class SizedImageField(models.ImageField):
    """An ImageField whose row has `<name>_width` and `<name>_height` in columns behind it, so that nobody opens files.

    Django's own `width_field` would read the file of every row whose size is unknown, and do so when rows are loaded.
    """

    attr_class = SizedImageFile

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Store a new picture with its copies; forget the size of one that was taken away."""
        file = super().pre_save(model_instance, add)
        if not file:
            file._note_size(None, None)
        return file


def _as_webp(picture: Image.Image) -> ContentFile:
    content = BytesIO()
    picture.save(content, "WEBP", quality=QUALITY)
    return ContentFile(content.getvalue())
