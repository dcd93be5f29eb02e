"""Picture files of many modes, depths, profiles, shapes and damages, with what an upload must become."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

from products.tests import profiles

Case = tuple[Callable[[], bytes], "tuple[int, ...] | str"]
COLOR = (200, 100, 50)
RED, HALF_RED = (255, 0, 0), (255, 0, 0, 128)
UNREADABLE, PIXELS, SHAPE, SIDE = "This picture cannot be read", "too many pixels", "times as long", "No side can be"
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def plain(kind: str, mode: str, color: Any, size: tuple[int, int] = (40, 20), **options: Any) -> Callable[[], bytes]:
    """Return a function that makes a file of one color."""
    return lambda: saved(Image.new(mode, size, color), kind, **options)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(depth: int, kind: int, pixel: bytes, *chunks: bytes, interlaced: bool = False, side: int = 16) -> bytes:
    """Return a square PNG, all of whose pixels (or bytes, if a pixel is smaller) are `pixel`."""
    head = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, interlaced)
    sizes = [(side, side)]
    if interlaced:
        sizes = [(-(-(side - x) // dx), -(-(side - y) // dy)) for x, y, dx, dy in PASSES]
    width = lambda pixels: pixels if depth >= 8 else -(-pixels * depth // 8)  # noqa: E731
    rows = b"".join((b"\0" + pixel * width(across)) * down for across, down in sizes)
    body = b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body


def palette_png(alphas: bytes) -> bytes:
    """Return a PNG with a palette, all of whose pixels have the second color."""
    return png(8, 3, b"\1", chunk(b"PLTE", b"\0\0\xff\xff\0\0"), chunk(b"tRNS", alphas))


def text_bomb() -> bytes:
    """Return a PNG of 60 KB whose texts take 250 MB when they are decoded."""
    text = zlib.compress("🙂".encode() + b"a" * 1_000_000)
    texts = (chunk(b"iTXt", b"k%d\0\1\0\0\0" % number + text) for number in range(60))
    return png(8, 2, bytes(RED), *texts)


def turned(orientation: int, kind: str = "JPEG") -> Callable[[], bytes]:
    """Return a function that makes a photo that is red at the top left when it is shown upright, and else blue."""

    def make() -> bytes:
        image = Image.new("RGB", (64, 32), "blue")
        image.paste("red", (0, 0, 32, 16))
        back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the inverse turn
        if orientation in back:
            image = image.transpose(Image.Transpose(back[orientation]))
        exif = Image.Exif()
        exif[0x0112] = orientation
        return saved(image, kind, exif=exif)

    return make


def broken_exif() -> bytes:
    return saved(Image.new("RGB", (40, 20), "red"), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)


def without_adobe_marker(content: bytes) -> bytes:
    at = content.index(b"\xff\xee")
    return content[:at] + content[at + 2 + struct.unpack(">H", content[at + 2 : at + 4])[0] :]


def twelve_bit_jpeg() -> bytes:
    return plain("JPEG", "RGB", "red")().replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c")


def animated(kind: str) -> bytes:
    other = Image.new("RGB", (40, 20), "green")
    return saved(Image.new("RGB", (40, 20), "red"), kind, save_all=True, append_images=[other])


SRGB_FILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3, ADOBE = profiles.rgb_profile(profiles.DISPLAY_P3), profiles.rgb_profile(profiles.ADOBE_RGB, 2.19921875)
GAMMA = chunk(b"gAMA", struct.pack(">I", 100_000))
MODES: dict[str, Case] = {
    "png-1": (plain("PNG", "1", 1), (255, 255, 255)),
    "png-l": (plain("PNG", "L", 90), (90, 90, 90)),
    "png-la": (plain("PNG", "LA", (90, 128)), (90, 90, 90, 128)),
    "png-p": (plain("PNG", "P", 0), (0, 0, 0)),
    "png-rgb": (plain("PNG", "RGB", COLOR), COLOR),
    "png-rgba": (plain("PNG", "RGBA", HALF_RED), HALF_RED),
    "png-rgba-faint": (plain("PNG", "RGBA", (*COLOR, 3)), (*COLOR, 3)),
    "png-l-2-bits": (lambda: png(2, 0, b"\xaa"), (170, 170, 170)),
    "png-l-4-bits-transparent": (lambda: png(4, 0, b"\x77", chunk(b"tRNS", b"\0\7")), (119, 119, 119, 0)),
    "png-l-16-bits": (plain("PNG", "I;16", 0x8000), (128, 128, 128)),
    "png-l-16-bits-dark": (plain("PNG", "I;16", 300), (1, 1, 1)),
    "png-l-16-bits-transparent": (lambda: png(16, 0, b"\x80\0", chunk(b"tRNS", b"\x80\0")), (128, 128, 128, 0)),
    "png-la-16-bits": (lambda: png(16, 4, b"\x80\0\x40\0"), (128, 128, 128, 64)),
    "png-rgb-16-bits": (lambda: png(16, 2, b"\xff\xff\x80\0\0\0"), (255, 128, 0)),
    "png-rgb-16-bits-transparent": (
        lambda: png(16, 2, b"\xff\xff\x80\0\0\0", chunk(b"tRNS", b"\xff\xff\x80\0\0\0")),
        (255, 128, 0, 0),
    ),
    "png-rgba-16-bits": (lambda: png(16, 6, b"\xff\xff\x80\0\0\0\x40\0"), (255, 128, 0, 64)),
    "png-rgb-transparent": (plain("PNG", "RGB", RED, transparency=RED), (255, 0, 0, 0)),
    "png-palette-index": (lambda: palette_png(b"\xff\0"), (255, 0, 0, 0)),
    "png-palette-bytes": (lambda: palette_png(b"\xff\x80"), HALF_RED),
    "png-interlaced": (lambda: png(8, 2, bytes(COLOR), interlaced=True), COLOR),
    "jpeg-l": (plain("JPEG", "L", 90), (90, 90, 90)),
    "jpeg-rgb": (plain("JPEG", "RGB", COLOR), COLOR),
    "jpeg-progressive": (plain("JPEG", "RGB", COLOR, progressive=True), COLOR),
    "jpeg-cmyk": (plain("JPEG", "CMYK", (0, 255, 255, 0)), RED),
    "jpeg-cmyk-without-marker": (lambda: without_adobe_marker(plain("JPEG", "CMYK", (0, 255, 255, 0))()), RED),
    "jpeg-mpo": (lambda: animated("MPO"), RED),
    "webp": (plain("WEBP", "RGB", COLOR), COLOR),
    "webp-lossless": (plain("WEBP", "RGBA", HALF_RED, lossless=True), HALF_RED),
    "webp-animated": (lambda: animated("WEBP"), RED),
    "png-animated": (lambda: animated("PNG"), RED),
}
PROFILES: dict[str, Case] = {
    "srgb": (plain("PNG", "RGB", COLOR, icc_profile=SRGB_FILE), COLOR),
    "p3": (plain("PNG", "RGB", COLOR, icc_profile=P3), profiles.in_srgb(COLOR, profiles.DISPLAY_P3, 2.2)),
    "p3-red": (plain("JPEG", "RGB", RED, icc_profile=P3, quality=95), RED),
    "p3-webp": (
        plain("WEBP", "RGB", COLOR, icc_profile=P3),
        profiles.in_srgb(COLOR, profiles.DISPLAY_P3, 2.2),
    ),
    "p3-transparent": (
        plain("PNG", "RGBA", (*COLOR, 128), icc_profile=P3),
        (*profiles.in_srgb(COLOR, profiles.DISPLAY_P3, 2.2), 128),
    ),
    "p3-palette": (
        lambda: saved(Image.new("RGB", (40, 20), COLOR).quantize(2), "PNG", icc_profile=P3),
        profiles.in_srgb(COLOR, profiles.DISPLAY_P3, 2.2),
    ),
    "adobe-rgb": (
        plain("JPEG", "RGB", (60, 180, 90), icc_profile=ADOBE, quality=95),
        profiles.in_srgb((60, 180, 90), profiles.ADOBE_RGB, 2.19921875),
    ),
    "gray-linear": (plain("PNG", "L", 55, icc_profile=profiles.gray_profile(1)), (profiles.encoded(55 / 255),) * 3),
    "gray-linear-transparent": (
        plain("PNG", "LA", (55, 128), icc_profile=profiles.gray_profile(1)),
        (*(profiles.encoded(55 / 255),) * 3, 128),
    ),
    "gray-linear-16-bits": (
        lambda: png(16, 4, b"\x37\x37\xff\xff", chunk(b"iCCP", b"p\0\0" + zlib.compress(profiles.gray_profile(1)))),
        (*(profiles.encoded(55 / 255),) * 3, 255),
    ),
    "gray-picture-rgb-profile": (plain("JPEG", "L", 90, icc_profile=P3), (90, 90, 90)),
    "cmyk": (
        plain("JPEG", "CMYK", (255, 0, 0, 0), icc_profile=profiles.table_profile(b"CMYK", 4)),
        RED,
    ),
    "lab-connection": (plain("PNG", "RGB", RED, icc_profile=profiles.table_profile(b"RGB ", 3)), RED),
    "lab-connection-white": (
        plain("PNG", "RGB", (0, 0, 255), icc_profile=profiles.table_profile(b"RGB ", 3)),
        (255, 255, 255),
    ),
    "truncated": (plain("PNG", "RGB", COLOR, icc_profile=P3[:200]), COLOR),
    "broken": (plain("JPEG", "RGB", COLOR, icc_profile=b"no profile"), COLOR),
    "cmyk-profile-of-rgb": (
        plain("PNG", "RGB", COLOR, icc_profile=profiles.table_profile(b"CMYK", 4)),
        COLOR,
    ),
    "rgb-profile-of-cmyk": (plain("JPEG", "CMYK", (0, 255, 255, 0), icc_profile=P3), RED),
    "huge": (plain("JPEG", "RGB", RED, icc_profile=P3 + b"\0" * 3_000_000), RED),
    "gamma": (lambda: png(8, 2, bytes((55, 55, 55)), GAMMA), (profiles.encoded(55 / 255),) * 3),
    "gamma-and-srgb": (lambda: png(8, 2, bytes(COLOR), GAMMA, chunk(b"sRGB", b"\0")), COLOR),
    "gamma-zero": (lambda: png(8, 2, bytes(COLOR), chunk(b"gAMA", b"\0" * 4)), COLOR),
}
SHAPES: dict[str, Case] = {
    **{f"turned-{number}": (turned(number), RED) for number in (1, 2, 3, 4, 5, 6, 7, 8, 0, 99)},
    "turned-webp": (turned(6, "WEBP"), RED),
    "turned-png": (turned(8, "PNG"), RED),
    "broken-exif": (broken_exif, RED),
    "one-pixel": (plain("PNG", "RGB", RED, (1, 1)), RED),
    "longest-ratio": (plain("PNG", "RGB", RED, (20, 200)), RED),
    "scaled": (plain("JPEG", "RGB", COLOR, (4000, 3200)), COLOR),
    "scaled-palette": (lambda: saved(Image.new("P", (4000, 3200), 0), "PNG"), (0, 0, 0)),
    "too-tall": (plain("JPEG", "RGB", RED, (800, 17000)), SIDE),
    "too-wide": (plain("PNG", "1", 1, (8001, 2000)), SIDE),
    "ratio": (plain("PNG", "1", 1, (30, 301)), SHAPE),
    "pixels": (plain("PNG", "1", 1, (5001, 5000)), PIXELS),
    "pixels-webp": (plain("WEBP", "RGB", RED, (3501, 2001), quality=1, method=0), PIXELS),
    "pixels-far": (lambda: png(8, 2, b"", side=20_000), PIXELS),
    "text-bomb": (text_bomb, RED),
}
DAMAGES: dict[str, Case] = {
    "jpeg-12-bits": (twelve_bit_jpeg, UNREADABLE),
    "cut": (lambda: plain("JPEG", "RGB", RED, (400, 400))()[:-900], UNREADABLE),
    "cut-interlaced": (lambda: png(8, 2, bytes(COLOR), interlaced=True)[:-30], UNREADABLE),
    "zeros": (lambda: b"\0" * 5000, UNREADABLE),
    "tiff": (plain("TIFF", "RGB", RED), UNREADABLE),
    "avif": (plain("AVIF", "RGB", RED), UNREADABLE),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99, UNREADABLE),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", UNREADABLE),
    "png-bad-checksum": (lambda: png(8, 2, bytes(COLOR)).replace(b"IDAT", b"IDAT\0", 1), UNREADABLE),
    "polyglot": (lambda: plain("JPEG", "RGB", RED)() + b"<?php evil() ?>", RED),
}
CASES = {
    f"{kind}-{name}": case
    for kind, cases in {"mode": MODES, "profile": PROFILES, "shape": SHAPES, "damage": DAMAGES}.items()
    for name, case in cases.items()
}
