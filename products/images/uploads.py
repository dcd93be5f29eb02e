"""Validation of image uploads: images are re-encoded, so that no other data in the file is stored."""

from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
# Formats are detected by content, not by file name. A JPEG from a phone can contain a preview as a second image, which
# Pillow calls MPO.
FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WEBP"}
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


class PictureField(forms.ImageField):
    """An image upload that is re-encoded, or rejected with a field error."""

    def to_python(self, data: Any) -> Any:
        file = forms.FileField.to_python(self, data)
        return None if file is None else clean_picture(file)


def clean_picture(file: File) -> ContentFile:
    """Return the image upright and in sRGB, without location, camera data, further frames or code hidden in the file.

    Raise ValidationError if the file has more than `MAX_BYTES` bytes or `MAX_PIXELS` pixels, or if it is not a
    readable JPEG, PNG or WebP image.
    """
    if file.size > MAX_BYTES:
        raise ValidationError(_("The picture is too large. The maximum is 10 MB."), code="large")
    try:
        # Opening reads only the header. MPO is not in the list because Pillow opens an MPO file as a JPEG.
        with Image.open(file, formats=list(SUFFIXES)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            return _reencode(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        text = _("The picture has too many pixels. The maximum is 40 million.")
        raise ValidationError(text, code="pixels") from error
    except Exception as error:  # Pillow's decoders raise errors of many types for a broken or hostile file.
        text = _("This picture cannot be read. Please choose a JPEG, PNG or WebP file.")
        raise ValidationError(text, code="unreadable") from error


def _reencode(image: Image.Image) -> ContentFile:
    kind = FORMATS[image.format or ""]
    is_transparent = image.has_transparency_data and kind != "JPEG"
    picture = _to_srgb(ImageOps.exif_transpose(image)).convert("RGBA" if is_transparent else "RGB")
    picture.info = {}  # Otherwise Pillow would write comments and color profiles to the new file.
    content = BytesIO()
    picture.save(content, kind, **({} if kind == "PNG" else {"quality": 90}))
    return ContentFile(content.getvalue(), name=f"picture.{SUFFIXES[kind]}")


def _to_srgb(image: Image.Image) -> Image.Image:
    """Convert the image from its own color profile to sRGB, which browsers assume if there is no profile.

    Return the image unchanged if it has no usable profile.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        converted = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):  # The profile is broken, but the image itself can be valid.
        return image
    return converted or image
