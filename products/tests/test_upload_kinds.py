"""Tests of uploads of many kinds: the stored picture has the right colors, or the field has a message and no file."""

from contextlib import suppress
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from products.images.reading import READ_PIXELS
from products.images.uploads import clean_picture
from products.models import Product
from products.tests.picture_cases import CASES
from products.tests.test_renditions import stored_files
from products.tests.test_uploads import product as product
from products.tests.test_uploads import stored_image, upload

pytestmark = pytest.mark.django_db
TOLERANCE = 6  # JPEG and lossy WebP change colors a little.


def color_of(image: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    color = image.getpixel(at)
    assert isinstance(color, tuple)
    return color


def rendition(product: Product) -> Image.Image:
    return Image.open(default_storage.path(product.image.rendition_name(product.image.widths[0])))


@pytest.mark.sampled(19)
@pytest.mark.parametrize("name", CASES)
def test_upload_has_the_right_colors_or_a_message(client: Client, product: Product, name: str) -> None:
    make, expected = CASES[name]
    response = upload(client, product, make(), "mug.jpg")
    stored = Product.objects.get(pk=product.pk)
    if isinstance(expected, str):
        assert (response.status_code, expected in response.text) == (200, True)
        assert (stored.image.name, stored_files()) == ("", [])
        return
    assert response.status_code == 302
    image = stored_image(product)
    at = (image.width // 4, image.height // 4)
    assert color_of(image, at) == pytest.approx(expected, abs=TOLERANCE)
    if len(expected) == 3 or expected[3]:  # WebP does not keep the color of what is transparent.
        small = rendition(stored)
        color = color_of(small, (small.width // 4, small.height // 4))[:3]
        assert color == pytest.approx(expected[:3], abs=TOLERANCE + 2)
    names = {stored.image.name, *(stored.image.rendition_name(width) for width in stored.image.widths)}
    assert set(stored_files()) == {Path(file).name for file in names}
    assert (stored.image_width, stored.image_height) == image.size


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(
    name=st.sampled_from(["mode-png-la", "mode-jpeg-progressive", "mode-webp", "profile-p3", "profile-cmyk"]),
    damages=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=5),
    length=st.integers(0, 5000),
)
def test_damaged_file_is_read_or_rejected_with_a_message(
    name: str, damages: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(CASES[name][0]())
    for at, value in damages:
        content[at % len(content)] = value
    with suppress(ValidationError), Image.open(clean_picture(ContentFile(content[: length or None]))) as image:
        assert image.mode in ("RGB", "RGBA")
        assert image.width * image.height <= READ_PIXELS * 1.1
