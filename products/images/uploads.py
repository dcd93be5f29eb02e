"""Validation of image uploads: images are re-encoded, so that no other data in the file is stored."""

import weakref
from tempfile import TemporaryFile
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from PIL import Image

from products.images.reading import read_picture

MEGABYTE = 1024 * 1024
MAX_BYTES = 10 * MEGABYTE
# Reading a picture of this size takes less than 200 MB of memory. The decoders of WebP and of progressive JPEG files in
# CMYK need more memory per pixel than the others. Small files can declare very many pixels.
MAX_PIXELS = 25_000_000
MAX_PIXELS_CMYK = 20_000_000
MAX_PIXELS_WEBP = 7_000_000
PILLOW_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000  # Pillow does not tell sizes of more millions.
MAX_SIDE = 8000
MAX_RATIO = 10  # of the longer side to the shorter
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


class PictureField(forms.ImageField):
    """An image upload that is re-encoded, or rejected with a field error."""

    def to_python(self, data: Any) -> Any:
        file = forms.FileField.to_python(self, data)
        if getattr(file, "is_not_stored", False):
            raise ValidationError(_not_stored_text(), code="not_stored")
        return None if file is None else clean_picture(file)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return the stored image, because a browser does not send an upload again when a form has errors."""
        return initial


def ask_for_pictures_again(form: forms.BaseForm) -> None:
    """Add an error to each field with an upload that is valid itself. Call this if the page has other errors."""
    for name, field in form.fields.items():
        if isinstance(field, PictureField) and form.add_prefix(name) in form.files and name not in form.errors:
            text = _("Choose the picture again. Browsers do not send it again with the corrected form.")
            form.add_error(name, ValidationError(text, code="again"))


def mark_not_stored(content: File) -> bool:
    """Let the field report that this picture could not be stored. Return False if it is not from `clean_picture`."""
    upload = getattr(content, "upload", None)
    if upload is not None:
        upload.is_not_stored = True
    return upload is not None


def clean_picture(file: File) -> File:
    """Return the image upright and in sRGB, without location, camera data, further frames or code hidden in the file.

    The returned image has at most about `READ_PIXELS`. Its file is temporary, and its attribute `upload` is the given
    file. Raise ValidationError if the file exceeds a limit or is not a readable JPEG, PNG or WebP
    image.
    """
    if file.size > MAX_BYTES:
        text = _("The picture is too large: it has %(size)s MB. The maximum is %(limit)s MB.")
        sizes = {"size": number_format(file.size / MEGABYTE, 1), "limit": MAX_BYTES // MEGABYTE}
        raise ValidationError(text % sizes, code="large")
    try:
        return _reencode(file)
    except ValidationError:
        raise
    except Image.DecompressionBombError as error:
        text = _(
            "The picture has too many pixels. The maximum is %(limit)s million, and it has more than %(given)s million."
        )
        raise _too_many_pixels(text, MAX_PIXELS, given=PILLOW_PIXELS) from error
    except Exception as error:  # Pillow's decoders raise errors of many types for a broken or hostile file.
        if isinstance(error, OSError) and error.errno:  # For example, the disk is full.
            raise ValidationError(_not_stored_text(), code="not_stored") from error
        text = _("This picture cannot be read. Please choose a JPEG, PNG or WebP file.")
        raise ValidationError(text, code="unreadable") from error


def _check_size(image: Image.Image) -> None:
    """Raise ValidationError if the image has too many pixels or an extreme shape. It is not decoded yet."""
    width, height = image.size
    limit = {"WEBP": MAX_PIXELS_WEBP}.get(image.format or "", MAX_PIXELS_CMYK if image.mode == "CMYK" else MAX_PIXELS)
    given = {"width": width, "height": height}
    if width * height > limit:
        text = _(
            "The picture has too many pixels. "
            "The maximum for this kind of file is %(limit)s million, and it has %(width)s × %(height)s."
        )
        raise _too_many_pixels(text, limit, **given)
    if max(width, height) > MAX_SIDE:
        text = _("The picture is %(width)s × %(height)s pixels. No side can be longer than %(limit)s pixels.")
        raise ValidationError(text % (given | {"limit": MAX_SIDE}), code="side")
    if max(width, height) > MAX_RATIO * min(width, height):
        text = _(
            "The picture is %(width)s × %(height)s pixels. "
            "The longer side can be at most %(limit)s times as long as the shorter side."
        )
        raise ValidationError(text % (given | {"limit": MAX_RATIO}), code="ratio")


def _too_many_pixels(text: str, limit: int, **given: Any) -> ValidationError:
    return ValidationError(text % (given | {"limit": limit // 1_000_000}), code="pixels")


def _not_stored_text() -> str:
    return _(
        "The picture could not be stored, so nothing was saved. Choose it again. "
        "If this happens again, check the free space on the server."
    )


def _reencode(file: File) -> File:
    picture, kind = read_picture(file, check=_check_size)
    raw = TemporaryFile()  # noqa: SIM115 - closed with the File below
    content: Any = File(raw, name=f"picture.{SUFFIXES[kind]}")
    weakref.finalize(content, raw.close)
    picture.save(raw, kind, **({} if kind == "PNG" else {"quality": 90}))
    content.upload = file
    return content
