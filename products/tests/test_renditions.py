"""Tests of image renditions: created with the image, offered by pages and deleted with the last row that uses them."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from products.models import Picture, Product
from products.tests.test_uploads import make_image
from tests.makers import EMPTY_PICTURE_FORMSET, make_product, make_user

pytestmark = pytest.mark.django_db


def product_with_image(kind: str = "PNG", size: tuple[int, int] = (500, 200), **fields: object) -> Product:
    """Create a product with an image of this size and return it as stored."""
    file = ContentFile(make_image(kind, size), f"mug.{kind.lower()}")
    return Product.objects.get(pk=make_product(title="Teal mug", image=file, **fields).pk)


def stored_files() -> list[str]:
    """Return the names of all files in the media folder, except the pictures of the shop and of notices."""
    folders, files = default_storage.listdir("")
    others = {"shop", "notices"}
    return files + [name for folder in folders if folder not in others for name in default_storage.listdir(folder)[1]]


def add_view(product: Product, **fields: object) -> Picture:
    return product.pictures.create(image=ContentFile(make_image(size=(200, 200)), "view.png"), **fields)


@pytest.mark.parametrize(
    ("width", "widths"),
    [(40, [40]), (160, [160]), (161, [160, 161]), (800, [160, 400, 640, 800]), (1500, [160, 400, 640, 1280])],
)
def test_picture_has_renditions_up_to_its_own_width(width: int, widths: list[int]) -> None:
    product = product_with_image(size=(width, 20))
    assert (product.image_width, product.image_height, product.image.widths) == (width, 20, widths)
    for expected in widths:
        with default_storage.open(product.image.rendition_name(expected)) as file, Image.open(file) as copy:
            assert (copy.format, copy.width, copy.height) == ("WEBP", expected, max(round(expected * (20 / width)), 1))


@pytest.mark.parametrize(
    ("kind", "width", "widest"), [("WEBP", 1600, 1600), ("WEBP", 1400, 1400), ("WEBP", 1700, 1280), ("PNG", 1600, 1280)]
)
def test_webp_of_up_to_1600_pixels_is_offered_as_it_is(kind: str, width: int, widest: int) -> None:
    image = product_with_image(kind, (width, 20)).image
    assert image.widths[-2:] == ([1280, widest] if widest > 1280 else [640, 1280])
    assert (image.page_sources()[0] == image.url) == (widest > 1280)
    assert len(stored_files()) == 5


def test_webp_is_its_own_rendition() -> None:
    product = product_with_image("WEBP")
    assert product.image.rendition_name(500) == product.image.name
    assert len(stored_files()) == 3


def test_resize_pictures_creates_only_missing_renditions(capsys: pytest.CaptureFixture[str]) -> None:
    product = product_with_image(size=(800, 200))
    view = add_view(product)
    before = set(stored_files())
    for name in (product.image.rendition_name(400), view.image.rendition_name(160)):
        default_storage.delete(name)
    call_command("resize_pictures")
    call_command("resize_pictures")
    assert set(stored_files()) == before
    assert capsys.readouterr().out == "2 smaller pictures created.\n"


def test_resize_pictures_reports_a_missing_file_and_continues(capsys: pytest.CaptureFixture[str]) -> None:
    lost, kept = product_with_image(size=(800, 200)), product_with_image(size=(810, 200))
    for name in (lost.image.name, lost.image.rendition_name(400), kept.image.rendition_name(400)):
        default_storage.delete(name)
    call_command("resize_pictures")
    assert lost.image.name in capsys.readouterr().err
    assert default_storage.exists(kept.image.rendition_name(400))


def test_renditions_keep_transparency() -> None:
    product = make_product(image=ContentFile(make_image("PNG", (400, 200), "RGBA"), "mug.png"))
    with default_storage.open(product.image.rendition_name(160)) as file, Image.open(file) as copy:
        assert copy.mode in ("RGB", "RGBA")
    transparent = ContentFile(make_image("PNG", (400, 200), "LA"), "holes.png")
    other = make_product(image=transparent)
    with default_storage.open(other.image.rendition_name(160)) as file, Image.open(file) as copy:
        assert copy.mode == "RGBA"


def test_all_file_names_contain_the_random_part_of_the_image() -> None:
    first, second = product_with_image(), product_with_image(size=(401, 200))
    parts = {row.image.name.split("-")[-1].partition(".")[0] for row in (first, second)}
    assert len(parts) == 2
    assert all(any(part in name for part in parts) for name in stored_files())


@pytest.mark.django_db(transaction=True)
def test_files_of_a_replaced_picture_are_deleted() -> None:
    product = product_with_image()
    before = set(stored_files())
    product.image = ContentFile(make_image(size=(300, 100)), "new.png")
    product.save()
    assert not before & set(stored_files())
    assert len(stored_files()) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["image removed", "rows deleted", "product deleted"])
def test_files_of_a_removed_picture_are_deleted(how: str) -> None:
    product = product_with_image()
    view = add_view(product)
    if how == "image removed":
        product.image = ""
        product.save()
        assert (product.image_width, product.image_height) == (None, None)
        view.delete()
    elif how == "rows deleted":
        Picture.objects.all().delete()
        product.delete()
    else:
        product.delete()
    assert stored_files() == []


def test_files_are_kept_until_the_transaction_commits() -> None:
    product = product_with_image()
    before = stored_files()
    product.delete()  # The transaction of the test is never committed.
    assert stored_files() == before


@pytest.mark.django_db(transaction=True)
def test_files_are_kept_while_another_row_uses_them() -> None:
    product = product_with_image()
    Product.objects.filter(pk=make_product().pk).update(image=product.image.name)
    product.delete()
    assert len(stored_files()) == 4


def test_save_without_a_new_picture_changes_no_files() -> None:
    product = product_with_image()
    before = stored_files()
    product.title = "Blue mug"
    product.save()
    assert stored_files() == before


def test_card_has_srcset_and_dimensions(client: Client) -> None:
    product = product_with_image("WEBP")
    page = client.get("/products/").text
    assert f'srcset="{product.image.card_sources()[1]}"' in page
    assert product.image.srcset.count("w,") == 2
    assert 'width="500" height="200"' in page


def test_detail_shows_every_picture_with_its_alternative_text(client: Client) -> None:
    product = product_with_image()
    add_view(product, position=2)
    add_view(product, position=1, image_alt="The <handle>")
    page = client.get(product.get_absolute_url()).text
    strip = page[page.index('class="gallery-strip"') :]
    assert strip.index('id="picture-1"') < strip.index('alt="The &lt;handle&gt;"') < strip.index("another view")
    assert page.count('fetchpriority="high"') == 1
    assert 'href="#picture-3"' in page


def test_detail_with_one_picture_has_no_thumbnails(client: Client) -> None:
    page = client.get(product_with_image(image_alt="A teal mug").get_absolute_url()).text
    assert 'alt="A teal mug"' in page
    assert "gallery-thumbs" not in page


def test_staff_can_add_and_order_pictures_on_the_product_page(client: Client) -> None:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    product = make_product()
    data = {
        "sku": product.sku,
        "title": product.title,
        "price": "1.00",
        "weight": "0",
        "active": "on",
    } | EMPTY_PICTURE_FORMSET
    data |= {"pictures-TOTAL_FORMS": "2", "pictures-0-position": "2", "pictures-1-position": "1"}
    files = {f"pictures-{number}-image": ContentFile(make_image(), f"{number}.png") for number in range(2)}
    client.post(reverse("admin:products_product_change", args=[product.pk]), data | files)
    assert list(product.pictures.values_list("position", "image_width")) == [(1, 40), (2, 40)]


def test_additional_picture_without_a_file_is_rejected(client: Client) -> None:
    client.force_login(make_user("staff@example.org", is_staff=True, is_superuser=True))
    product = make_product()
    data = {
        "sku": product.sku,
        "title": product.title,
        "price": "1.00",
        "weight": "0",
        "active": "on",
    } | EMPTY_PICTURE_FORMSET
    data |= {"pictures-TOTAL_FORMS": "1", "pictures-0-position": "0", "pictures-0-image_alt": "Words alone"}
    assert (
        "This field is required" in client.post(reverse("admin:products_product_change", args=[product.pk]), data).text
    )
    assert not product.pictures.exists()


class SigningStorage(FileSystemStorage):
    """A storage whose URLs are signed again each time, because they expire."""

    signed = 0

    def url(self, name: str | None) -> str:
        self.signed += 1
        return f"https://files.example/{name}?signature={self.signed}"


def test_signed_urls_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Product._meta.get_field("image"), "storage", SigningStorage())
    image = Product(image="products/mug.webp", image_width=2000, image_height=2000).image
    assert image.medium_url == "https://files.example/products/mug-640.webp?signature=1"
    assert image.medium_url == "https://files.example/products/mug-640.webp?signature=2"


def test_urls_follow_the_media_url(settings: Any) -> None:
    image = Product(image="products/a mug.webp", image_width=2000, image_height=2000).image
    assert image.medium_url == "/media/products/a%20mug-640.webp"
    settings.MEDIA_URL = "https://files.example/"
    assert image.medium_url == "https://files.example/products/a%20mug-640.webp"
