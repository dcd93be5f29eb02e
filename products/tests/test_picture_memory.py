"""Tests of the memory that uploads take, each in a process of its own."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from products.images.uploads import MAX_BYTES
from products.tests.picture_cases import text_bomb

logger = logging.getLogger(__name__)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Only Linux tells the peak of the memory."),
]
ROOT = Path(__file__).resolve().parents[2]
MOST_MB = 200
# Validate and store the pictures named by the arguments, and print the growth of the peak memory in MB.
SCRIPT = """
import sys, django
django.setup()
from django.core.files import File
from products.images.uploads import clean_picture
from products.models import Product
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024
def store(paths):
    products = [Product(slug="mug", image=clean_picture(File(open(path, "rb")))) for path in paths]
    for product in products:
        product._meta.get_field("image").pre_save(product, True)
store(sys.argv[1:2])
before = peak()
store(sys.argv[2:])
print(peak() - before)
"""


def noisy(mode: str, width: int, height: int) -> Image.Image:
    """Return a picture of repeated noise."""
    noise = Image.effect_noise((500, 500), 40)
    tile = Image.merge("RGBA", [noise.rotate(90 * turn) for turn in range(4)]).convert(mode)
    image = Image.new(mode, (width, height))
    for left in range(0, width, 500):
        for top in range(0, height, 500):
            image.paste(tile, (left, top))
    return image


def save(image: Image.Image, kind: str, **options: Any) -> Callable[[Path], None]:
    return lambda path: image.save(path, kind, **options)


def animation(kind: str, width: int, height: int) -> Callable[[Path], None]:
    frames = [Image.new("RGBA", (width, height), (shade, 99, 200, 255)) for shade in range(0, 250, 25)]
    return save(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


# Each has about as many pixels as its kind can have.
MAKERS: dict[str, Callable[[], Callable[[Path], object]]] = {
    "first.png": lambda: save(Image.new("RGB", (500, 400), "red"), "PNG"),
    "flat.png": lambda: save(Image.new("RGBA", (5000, 5000), (200, 100, 50, 128)), "PNG", compress_level=1),
    "palette.png": lambda: save(noisy("RGB", 4900, 4900).convert("P"), "PNG"),
    "gray.png": lambda: save(Image.new("I;16", (5000, 5000), 999), "PNG", compress_level=1),
    "large.jpg": lambda: save(noisy("RGB", 5000, 5000), "JPEG", quality=30, progressive=True, subsampling=0),
    "medium.jpg": lambda: save(noisy("RGB", 4000, 3000), "JPEG", quality=50, progressive=True, subsampling=0),
    "cmyk.jpg": lambda: save(Image.new("CMYK", (5000, 4000), (9, 99, 200, 20)), "JPEG", progressive=True),
    "lossless.webp": lambda: save(noisy("RGBA", 2800, 2500), "WEBP", lossless=True, quality=0, method=0),
    "animated.webp": lambda: animation("WEBP", 2800, 2500),
    "animated.png": lambda: animation("PNG", 4900, 4900),
    "bomb.png": lambda: lambda path: path.write_bytes(text_bomb()),
}


def make(folder: Path, name: str) -> Path:
    """Store the picture and return its path."""
    path = folder / name
    MAKERS[name]()(path)
    assert path.stat().st_size <= MAX_BYTES
    return path


@pytest.mark.parametrize(
    "names",
    [
        ["flat.png"],
        ["palette.png"],
        ["gray.png"],
        ["large.jpg"],
        ["medium.jpg"],
        ["cmyk.jpg"],
        ["lossless.webp"],
        ["animated.webp"],
        ["animated.png"],
        ["bomb.png"],
        ["flat.png", "palette.png", "medium.jpg", "medium.jpg", "large.jpg", "large.jpg", "gray.png", "cmyk.jpg"],
    ],
    ids=lambda names: names[0] if len(names) == 1 else "together",
)
def test_upload_takes_at_most_200_mb(tmp_path: Path, names: list[str]) -> None:
    paths = [make(tmp_path, name) for name in ["first.png", *names]]
    environment = {"DJANGO_SETTINGS_MODULE": "ecommerce.settings", "DATABASE_URL": "sqlite://:memory:"}
    environment |= {"MEDIA_ROOT": str(tmp_path / "media")}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, paths)],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    logger.info("%s: %s MB", names, result.stdout.strip())
    assert int(result.stdout) < MOST_MB
