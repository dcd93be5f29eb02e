"""Reading of image files: any size, mode and color profile becomes a small upright sRGB picture, in little memory."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from typing import IO, Any

from PIL import Image

from products.images.colors import to_plain, to_srgb
from products.images.png_chunks import without_text

# Pillow opens a JPEG of a phone that contains a preview, which is MPO, as a JPEG.
FORMATS = ("JPEG", "PNG", "WEBP")
READ_PIXELS = 3_000_000  # The picture that is read has at most about so many. Encoding WebP can take 40 bytes each.
FULL_PIXELS = 12_000_000  # Larger pictures are reduced while they are decoded or directly after.
BAND_PIXELS = 1_000_000  # so many are converted at a time
ORIENTATION = 0x0112  # the EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)


@dataclass
class _Decoded:
    """What remains of an image when its decoder and its memory are released."""

    picture: Image.Image
    kind: str
    size: tuple[int, int]
    profile: bytes | None
    gamma: float | None
    orientation: int


def read_picture(file: IO[bytes], check: Callable[[Image.Image], None] | None = None) -> tuple[Image.Image, str]:
    """Return the picture as RGB or RGBA, and the format of the file: JPEG, PNG or WEBP.

    The picture has at most about `READ_PIXELS` pixels. `check` gets the image before it is decoded, and can raise an
    error. Pillow raises errors of many types if the file is not an image of these formats.
    """
    decoded = _decode(file, check)
    picture = _fit(decoded.picture, decoded.size)
    decoded.picture = picture  # Release the larger one.
    picture = to_srgb(picture, decoded.profile, decoded.gamma)
    if decoded.orientation in TURNS:
        picture = picture.transpose(TURNS[decoded.orientation])
    picture.info = {}  # Otherwise Pillow would write comments and color profiles to a new file.
    return picture, decoded.kind


def upright_size(file: IO[bytes]) -> tuple[int, int]:
    """Return the width and the height of an image file as browsers show it. Do not decode it."""
    with _quiet(), Image.open(without_text(file), formats=FORMATS) as image:
        return (image.height, image.width) if _orientation(image) in SIDEWAYS else image.size


def _decode(file: IO[bytes], check: Callable[[Image.Image], None] | None) -> _Decoded:
    with _quiet(), Image.open(without_text(file), formats=FORMATS) as image:
        if check:
            check(image)
        kind = image.format if image.format in FORMATS else "JPEG"
        size = image.size
        _scale_in_decoder(image)
        is_gray = _correct_transparency(image)
        image.load()
        info = image.info
        picture = _reduce(image, round(sqrt(_pixels(image) / READ_PIXELS)) if _is_large(image) else 1)
        return _Decoded(
            picture.convert("LA") if is_gray else picture,
            kind,
            size,
            info.get("icc_profile"),
            None if "srgb" in info else info.get("gamma"),
            _orientation(image),
        )


def _quiet() -> warnings.catch_warnings:
    """Ignore Pillow's warnings about broken EXIF data and many pixels. The callers handle both."""
    return warnings.catch_warnings(action="ignore")


def _is_large(image: Image.Image) -> bool:
    return _pixels(image) > FULL_PIXELS


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _scale_in_decoder(image: Image.Image) -> None:
    """Let the decoder of JPEG halve the sides of a large picture. Other decoders cannot do this."""
    if _is_large(image):
        image.draft(None, (image.width // 2, image.height // 2))


def _correct_transparency(image: Any) -> bool:
    """Adapt the transparent color of a PNG to the 8 bits that Pillow decodes to. Return whether LA is read as RGBA."""
    raw_mode = str(image.tile[0].args) if image.tile else ""
    color = image.info.get("transparency")
    if raw_mode == "RGB;16B" and color:
        image.info["transparency"] = tuple(value >> 8 for value in color)
    elif raw_mode in ("L;2", "L;4") and color is not None:
        image.info["transparency"] = color * (85 if raw_mode == "L;2" else 17)
    return raw_mode == "LA;16B"


def _reduce(image: Image.Image, factor: int) -> Image.Image:
    """Return the image in a mode of `to_plain`, its sides divided by `factor`. Convert some rows at a time."""
    reduced: Image.Image | None = None
    rows = max(BAND_PIXELS // (image.width * factor), 1) * factor
    for top in range(0, image.height, rows):
        band = to_plain(image.crop((0, top, image.width, min(top + rows, image.height))))
        band = band.reduce(factor) if factor > 1 else band
        if reduced is None:
            reduced = Image.new(band.mode, (band.width, ceil(image.height / factor)))
        reduced.paste(band, (0, top // factor))
    if reduced is None:
        raise ValueError("The image has no rows.")
    return reduced


def _fit(picture: Image.Image, original: tuple[int, int]) -> Image.Image:
    """Return the picture with at most about `READ_PIXELS`, in the proportions of the original size."""
    if _pixels(picture) <= READ_PIXELS:
        return picture
    scale = sqrt(READ_PIXELS / (original[0] * original[1]))
    width, height = (max(round(side * scale), 1) for side in original)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _orientation(image: Image.Image) -> int:
    """Return the orientation of the camera, or 1 if it is unknown or the EXIF data is broken."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises errors of many types.
        return 1
