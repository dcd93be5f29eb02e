"""Pictures of the shop, such as its logo: small files of few formats, under names that are never used again."""

import secrets
from io import BytesIO
from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.validators import FileExtensionValidator
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}  # an SVG can contain scripts
MAX_BYTES = 1_000_000
MAX_SIDE = 3000  # pixels


def picture_path(row: Any, filename: str) -> str:
    """Return a path that is never used again, so that browsers can cache the picture indefinitely."""
    return f"shop/{secrets.token_hex(8)}{PurePath(filename).suffix.lower()}"


def validate_picture(file: Any) -> None:
    """Raise ValidationError if an uploaded file is too large, or is not a picture of the format that its name says."""
    if getattr(file, "_committed", False):
        return  # It was validated when it was uploaded.
    if file.size > MAX_BYTES:
        raise ValidationError(_("The picture can have up to one megabyte."), code="too_large")
    try:
        file.seek(0)
        with Image.open(file, formats=sorted(set(FORMATS.values()))) as image:
            size, found = image.size, image.format
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        size, found = (0, 0), None
    finally:
        file.seek(0)
    if found is None or found != FORMATS.get(PurePath(file.name).suffix.lower()):
        raise ValidationError(_("Upload a PNG, JPEG or WebP picture whose name has the right ending."), code="format")
    if max(size) > MAX_SIDE:
        text = _("The picture can be up to %(limit)d pixels wide and high.") % {"limit": MAX_SIDE}
        raise ValidationError(text, code="too_many_pixels")


def without_other_data(file: Any) -> Any:
    """Return an uploaded picture with nothing but its pixels, upright. Return a file that cannot be read unchanged."""
    try:
        with Image.open(file, formats=sorted(set(FORMATS.values()))) as image:
            content, kind = BytesIO(), image.format
            ImageOps.exif_transpose(image).save(content, kind, quality=90, icc_profile=image.info.get("icc_profile"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return file
    finally:
        file.seek(0)
    return ContentFile(content.getvalue(), file.name)


PICTURE: dict[str, Any] = {
    "upload_to": picture_path,
    "blank": True,
    "validators": [FileExtensionValidator([suffix[1:] for suffix in FORMATS]), validate_picture],
}
