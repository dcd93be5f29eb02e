"""Conversion of pixels of every mode, depth and color profile to 8-bit sRGB, which browsers assume."""

from io import BytesIO

from PIL import Image, ImageCms

# How other modes are read. The modes I and P need more than a conversion.
PLAIN = {"RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB", "LAB": "RGB", "1": "L", "F": "L"}
PLAIN |= {"PA": "RGBA", "RGBa": "RGBA", "La": "LA"}
# The modes to which the profile of a color space can apply. Gray pictures often have a color profile.
MODES = {"GRAY": ("L",), "RGB": ("RGB", "L"), "CMYK": ("CMYK",)}
SRGB_GAMMA = 1 / 2.2
MIN_GAMMA, MAX_GAMMA = 0.1, 10.0  # Other values are mistakes.


def to_plain(image: Image.Image) -> Image.Image:
    """Return the image with 8 bits a channel in one of the modes L, LA, RGB, RGBA and CMYK. The colors stay."""
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode == "P":
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if "transparency" in image.info and image.mode in ("1", "L", "RGB"):
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    return image.convert(PLAIN.get(image.mode, image.mode))


def to_srgb(picture: Image.Image, profile: bytes | None, gamma: float | None) -> Image.Image:
    """Return a picture in a mode of `to_plain` as RGB or RGBA, converted to sRGB.

    `profile` is the picture's own color profile. A profile that is broken or made for another color space is ignored.
    `gamma` is used if there is no profile. It is the exponent in the chunk gAMA of PNG.
    """
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    picture = picture.convert(picture.mode.removesuffix("A")) if alpha else picture
    if profile:
        picture = _apply_profile(picture, profile)
    elif gamma and MIN_GAMMA < gamma < MAX_GAMMA and abs(gamma - SRGB_GAMMA) > 0.01:
        picture = _apply_gamma(picture, gamma)
    picture = picture.convert("RGB")
    if alpha:
        picture.putalpha(alpha)
    return picture


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a gray picture of 16 bits as L, or as LA if one of its values means transparent."""
    wide = image.convert("I")
    gray = _look_up(wide, [round(value / 257) for value in range(65536)])
    transparent = image.info.get("transparency")
    if transparent is None:
        return gray
    return Image.merge("LA", (gray, _look_up(wide, [255 * (value != transparent) for value in range(65536)])))


def _look_up(wide: Image.Image, table: list[int]) -> Image.Image:
    gray = wide.point(table, "L")
    gray.info = {}
    return gray


def _apply_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if picture.mode not in MODES.get(space, ()):
            return picture
        colored = picture.convert(MODES[space][0])
        converted = ImageCms.profileToProfile(colored, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # The profile is broken, but the image itself can be valid.
        return picture
    return converted or picture


def _apply_gamma(picture: Image.Image, gamma: float) -> Image.Image:
    """Return the picture with its samples, which are light to the power of `gamma`, encoded as in sRGB."""
    light = [(value / 255) ** (1 / gamma) for value in range(256)]
    table = [round(255 * _srgb_encoded(value)) for value in light]
    picture = picture.convert("RGB")
    return picture.point(table * len(picture.getbands()))


def _srgb_encoded(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
