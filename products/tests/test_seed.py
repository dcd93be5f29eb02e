"""Tests of the seed command and of the sample pictures."""

import io

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client

from products.images.renditions import RenditionImageFile
from products.models import Category, Product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_renditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the renditions, because those of forty pictures take seconds. test_renditions tests them."""
    monkeypatch.setattr(RenditionImageFile, "create_renditions", lambda file: 0)


def seed(*arguments: str) -> str:
    """Run the command and return its output."""
    output = io.StringIO()
    call_command("seed", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.slow
def test_seed_adds_forty_products_with_pictures_once() -> None:
    assert seed() == "40 products added, 40 in the shop.\n"
    assert seed() == "0 products added, 40 in the shop.\n"
    products = Product.objects.all()
    assert all(default_storage.size(product.image.name) > 1000 for product in products)


@pytest.mark.slow
def test_seed_nests_the_categories_and_keeps_changes_of_staff() -> None:
    seed()
    mugs = Category.objects.get(slug="mugs-cups")
    assert [category.title for category in mugs.breadcrumbs()] == ["Kitchen", "Mugs & cups"]
    Category.objects.filter(pk=mugs.pk).update(parent=None)
    Product.objects.filter(sku="MC-101").delete()
    seed()
    assert Category.objects.get(pk=mugs.pk).parent is None
    assert Category.objects.count() == 7


@pytest.mark.slow
def test_seed_keeps_changed_products_and_adds_missing_ones() -> None:
    seed()
    Product.objects.filter(sku="MC-101").update(title="Ours now")
    Product.objects.filter(sku="MC-102").delete()
    assert seed() == "1 products added, 40 in the shop.\n"
    assert Product.objects.get(sku="MC-101").title == "Ours now"


@pytest.mark.slow
def test_seed_adds_plain_products_up_to_the_number() -> None:
    assert seed("--products", "30") == "70 products added, 70 in the shop.\n"
    assert seed("--products", "30") == "0 products added, 70 in the shop.\n"
    assert seed("--products", "32") == "2 products added, 72 in the shop.\n"
    plain = Product.objects.filter(sku__startswith="LOAD-")
    assert len({product.slug for product in plain}) == 32
    assert [product.movements.get().amount for product in plain] == [100] * 32


@pytest.mark.slow
def test_picture_is_cached_as_immutable(client: Client) -> None:
    seed()
    product = Product.objects.get(sku="MC-101")
    response = client.get(product.image.url)
    assert (response.headers["Content-Type"], response.headers["Cache-Control"]) == (
        "image/webp",
        "public, max-age=31536000, immutable",
    )
    with default_storage.open(product.image.name) as picture:
        assert b"".join(response.streaming_content) == picture.read()
