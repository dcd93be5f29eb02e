"""Tests of uploads of many kinds: the stored picture has the right colors, or the field has a message and no file."""

from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

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
