"""Validation of the official picture. Its bytes are not changed, so it must be an ordinary picture file."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext as _
from PIL import Image

MEGABYTE = 1024 * 1024
MAX_BYTES = 3 * MEGABYTE
MIN_WIDTH = 300  # pixels; the words of a smaller picture cannot be read
MAX_SIDE = 5000
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


class NoticePictureField(forms.FileField):
    """An upload of a picture that is stored unchanged, or rejected with a field error."""

    widget = forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})

    def to_python(self, data: Any) -> Any:
        """Return the upload with its `picture_size`, and with a name that fits the kind of its content."""
        file: Any = super().to_python(data)
        if file is None:
            return None
        if file.size > MAX_BYTES:
            text = _("The picture is too large. The maximum is %(limit)s MB.")
            raise ValidationError(text % {"limit": MAX_BYTES // MEGABYTE}, code="large")
        kind, file.picture_size = _read_kind_and_size(file)
        file.name = f"notice.{SUFFIXES[kind]}"
        return file


def _read_kind_and_size(file: File) -> tuple[str, tuple[int, int]]:
    """Return the format of the picture and its size in pixels. Raise ValidationError if it cannot be shown."""
    try:
        file.seek(0)
        with Image.open(file, formats=list(SUFFIXES)) as image:
            kind, size = str(image.format), image.size
            if not (MIN_WIDTH <= size[0] <= MAX_SIDE and size[1] <= MAX_SIDE):
                raise _size_error(size)
            image.load()
    except ValidationError:
        raise
    except Exception as error:  # Pillow's decoders raise errors of many types for a broken or hostile file.
        text = _("This picture cannot be read. Please choose a JPEG, PNG or WebP file.")
        raise ValidationError(text, code="unreadable") from error
    file.seek(0)
    return (kind if kind in SUFFIXES else "JPEG"), size


def _size_error(size: tuple[int, int]) -> ValidationError:
    text = _(
        "The picture is %(width)s × %(height)s pixels. It must be at least %(least)s pixels wide, and no side can be "
        "longer than %(most)s pixels."
    )
    params = {"width": size[0], "height": size[1], "least": MIN_WIDTH, "most": MAX_SIDE}
    return ValidationError(text % params, code="size")
