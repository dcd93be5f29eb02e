"""Tests of image uploads: they are re-encoded without other data, or rejected with a field error."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageCms, PngImagePlugin

from products.images.uploads import MAX_BYTES, MAX_PIXELS
from products.models import Product
from tests.makers import EMPTY_PICTURE_FORMSET, make_product, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.sampled(2)]
SCRIPT = b"<script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><body>" + SCRIPT
UNREADABLE = "This picture cannot be read."


def make_image(kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    """Return an image file whose left half is red, so that a rotation is visible."""
    image = Image.new(mode, size, "blue" if mode in ("RGB", "RGBA") else 0)
    image.paste("red" if mode in ("RGB", "RGBA") else 1, (0, 0, size[0] // 2, size[1]))
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def png_without_pixels(width: int, height: int) -> bytes:
    """Return a PNG whose header declares this size but which has no pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def photo_with_location() -> bytes:
    """Return a photo like that of a phone held sideways, with a location, a camera and a comment."""
    exif = Image.Exif()
    exif[0x0112] = 6  # The orientation: rotate by 90 degrees.
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 22.0, 40.0), 3: "W", 4: (2.0, 21.0, 33.0)})
    return make_image("JPEG", exif=exif, comment=b"SecretComment")


@pytest.fixture
def product(client: Client) -> Product:
    """Log the client in as a superuser and return a product."""
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    return make_product(title="Teal mug")


def upload(client: Client, product: Product, content: bytes, name: str = "mug.png", kind: str = "image/png") -> Any:
    """Post the change form with this file and return the response."""
    fields = {
        "sku": product.sku,
        "title": product.title,
        "price": str(product.price),
        "weight": "0",
        "active": "on",
    } | EMPTY_PICTURE_FORMSET
    file = SimpleUploadedFile(name, content, content_type=kind)
    return client.post(reverse("admin:products_product_change", args=[product.pk]), fields | {"image": file})


def stored_content(product: Product) -> bytes:
    """Return the content of the stored file."""
    return Path(Product.objects.get(pk=product.pk).image.path).read_bytes()


def stored_image(product: Product) -> Image.Image:
    return Image.open(BytesIO(stored_content(product)))


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_upload_keeps_its_format_and_is_served_with_its_content_type(
    client: Client, product: Product, kind: str, suffix: str
) -> None:
    upload(client, product, make_image(kind))
    name = Product.objects.get(pk=product.pk).image.name
    assert name.startswith("products/teal-mug-")
    assert name.endswith(f".{suffix}")
    response = client.get(f"/media/{name}")
    assert response.headers["Content-Type"] == {"jpg": "image/jpeg"}.get(suffix, f"image/{suffix}")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert Image.open(BytesIO(b"".join(response.streaming_content))).size == (40, 20)


def test_upload_name_is_not_that_of_the_file(client: Client, product: Product) -> None:
    upload(client, product, make_image("JPEG"), name="../../evil.php", kind="text/html")
    first = Product.objects.get(pk=product.pk).image.name
    assert first.endswith(".jpg")
    assert "evil" not in first
    other = make_product(title="Teal mug")
    upload(client, other, make_image("JPEG", size=(41, 20)))
    assert Product.objects.get(pk=other.pk).image.name.split("-")[-1] != first.split("-")[-1]


def test_upload_strips_location_camera_and_comment(client: Client, product: Product) -> None:
    assert Image.open(BytesIO(photo_with_location())).getexif().get_ifd(0x8825)  # The upload has a location.
    upload(client, product, photo_with_location(), "mug.jpg")
    assert not stored_image(product).getexif()
    assert b"Secret" not in stored_content(product)
    assert b"Exif" not in stored_content(product)


def test_upload_is_stored_upright(client: Client, product: Product) -> None:
    upload(client, product, photo_with_location(), "mug.jpg")
    image = stored_image(product)
    assert image.size == (20, 40)
    red, _green, blue = image.getpixel((10, 5))
    assert red > blue  # The left half is now at the top.


def test_upload_strips_text_hidden_in_a_png(client: Client, product: Product) -> None:
    metadata = PngImagePlugin.PngInfo()
    metadata.add_text("Comment", SCRIPT.decode())
    metadata.add_itxt("XML:com.adobe.xmp", SVG.decode(), zip=True)
    upload(client, product, make_image(pnginfo=metadata))
    assert SCRIPT not in stored_content(product)
    assert set(stored_image(product).info) <= {"dpi", "gamma"}


def test_upload_keeps_its_colors_without_its_profile(client: Client, product: Product) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    upload(client, product, make_image("JPEG", icc_profile=profile, quality=95), "mug.jpg")
    assert "icc_profile" not in stored_image(product).info
    red, green, blue = stored_image(product).getpixel((5, 10))
    assert red > 240 > 20 > max(green, blue)


@pytest.mark.parametrize(("kind", "extra"), [("PNG", SCRIPT), ("JPEG", HTML), ("WEBP", b"PK" + SVG)], ids=str)
def test_upload_strips_data_appended_to_the_image(client: Client, product: Product, kind: str, extra: bytes) -> None:
    upload(client, product, make_image(kind) + extra)
    assert extra not in stored_content(product)
    assert stored_image(product).size == (40, 20)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "MPO"])
def test_upload_of_several_frames_becomes_one_picture(client: Client, product: Product, kind: str) -> None:
    second = Image.new("RGB", (40, 20), "green")
    frames = make_image(kind, save_all=True, append_images=[second])
    assert Image.open(BytesIO(frames)).n_frames == 2
    upload(client, product, frames)
    assert getattr(stored_image(product), "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("kind", "mode", "kept"),
    [("PNG", "RGBA", "RGBA"), ("PNG", "P", "RGB"), ("PNG", "L", "RGB"), ("JPEG", "CMYK", "RGB")],
)
def test_upload_of_any_color_mode_is_converted_for_browsers(
    client: Client, product: Product, kind: str, mode: str, kept: str
) -> None:
    upload(client, product, make_image(kind, mode=mode))
    assert stored_image(product).mode == kept


HOSTILE = {
    "text": b"plain words",
    "svg": SVG,
    "html": HTML,
    "gif-and-script": b"GIF89a/*" + b"\x00" * 20 + b"*/=1;alert(1)",
    "gif": make_image("GIF", mode="P"),
    "bmp": make_image("BMP"),
    "tiff": make_image("TIFF"),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "cut-png": make_image("PNG", (400, 400))[:200],
    "cut-jpeg": make_image("JPEG", (400, 400))[:-900],
    "cut-webp": make_image("WEBP", (400, 400))[:-40],
    "png-header-only": b"\x89PNG\r\n\x1a\n" + b"\x00" * 50,
    "jpeg-header-and-script": b"\xff\xd8\xff\xe0" + SCRIPT,
    "png-without-pixels": png_without_pixels(40, 20),
    "png-without-width": png_without_pixels(0, 20),
}


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", ["mug.jpg", "mug.svg"])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_upload_that_is_not_an_image_is_rejected_with_a_field_error(
    client: Client, product: Product, content: bytes, name: str
) -> None:
    page = upload(client, product, content, name)
    assert (page.status_code, UNREADABLE in page.text) == (200, True)
    assert not Product.objects.get(pk=product.pk).image


@pytest.mark.parametrize(("width", "height"), [(6325, 6325), (10_000, 9_000), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_upload_that_declares_too_many_pixels_is_rejected_undecoded(
    client: Client, product: Product, width: int, height: int
) -> None:
    assert width * height > MAX_PIXELS
    page = upload(client, product, png_without_pixels(width, height))
    assert "The picture has too many pixels" in page.text
    assert not Product.objects.get(pk=product.pk).image


def test_upload_with_too_many_bytes_is_rejected(client: Client, product: Product) -> None:
    page = upload(client, product, make_image() + b"\0" * MAX_BYTES)
    assert "The picture is too large" in page.text
    assert not Product.objects.get(pk=product.pk).image


def test_empty_upload_is_rejected(client: Client, product: Product) -> None:
    assert "The submitted file is empty." in upload(client, product, b"").text


def test_form_without_an_upload_keeps_the_picture(client: Client, product: Product) -> None:
    upload(client, product, make_image())
    before = Product.objects.get(pk=product.pk).image.name
    fields = {
        "sku": product.sku,
        "title": "New title",
        "price": "1.00",
        "weight": "0",
        "active": "on",
    } | EMPTY_PICTURE_FORMSET
    client.post(reverse("admin:products_product_change", args=[product.pk]), fields)
    after = Product.objects.get(pk=product.pk)
    assert (after.title, after.image.name) == ("New title", before)
