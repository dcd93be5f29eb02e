"""Pictures that staff upload: read as what they are and written anew, so that nothing else comes along."""

from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
# By content, whatever the file is called. A telephone's JPEG may hold a preview as a second picture: that is MPO.
KINDS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WEBP"}
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


class PictureField(forms.ImageField):
    """An upload that becomes a clean picture, or an error beside the field."""

    def to_python(self, data: Any) -> Any:
        file = forms.FileField.to_python(self, data)
        return None if file is None else clean_picture(file)


def clean_picture(file: File) -> ContentFile:
    """The picture alone, upright and in sRGB: no place or camera, no second frame, no code hidden in the file."""
    if file.size > MOST_BYTES:
        raise ValidationError(_("The picture is too large. The maximum is 10 MB."), code="large")
    try:
        # Opening reads the head alone. MPO is no format of its own to open, it begins as a JPEG.
        with Image.open(file, formats=list(SUFFIXES)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            return _rewritten(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        text = _("The picture has too many pixels. The maximum is 40 million.")
        raise ValidationError(text, code="pixels") from error
    except Exception as error:  # Pillow lets through whatever its decoders meet in a broken or hostile file
        text = _("This picture cannot be read. Please choose a JPEG, PNG or WebP file.")
        raise ValidationError(text, code="unreadable") from error


def _rewritten(image: Image.Image) -> ContentFile:
    kind = KINDS[image.format or ""]
    has_holes = image.has_transparency_data and kind != "JPEG"
    picture = _in_srgb(ImageOps.exif_transpose(image)).convert("RGBA" if has_holes else "RGB")
    picture.info = {}  # else comments and colour profiles would be written again
    content = BytesIO()
    picture.save(content, kind, **({} if kind == "PNG" else {"quality": 90}))
    return ContentFile(content.getvalue(), name=f"picture.{SUFFIXES[kind]}")


def _in_srgb(image: Image.Image) -> Image.Image:
    """The colours that the picture's own profile means, as every browser shows them without one."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "CMYK"):
        return image
    try:
        meant = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):  # a broken profile; the picture may be good all the same
        return image
    return meant or image
