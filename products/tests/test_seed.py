"""Tests of the seed command and of the sample pictures."""

import io
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.test import Client

from carts.models.rates import TaxRate
from orders.models import Carrier
from products.management.commands.seed import CATALOG, prepare
from products.models import Category, Picture, Product
from products.related import get_variants
from tests.makers import make_product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_renditions")]  # test_renditions tests them


def seed(*arguments: str) -> str:
    """Run the command and return its output."""
    output = io.StringIO()
    call_command("seed", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.slow
def test_seed_adds_forty_products_with_pictures_once() -> None:
    assert seed() == "7 sections of the home page added.\n14 sample pages added.\n40 products added, 40 in the shop.\n"
    assert seed() == "0 products added, 40 in the shop.\n"
    products = Product.objects.prefetch_related("pictures")
    assert all(default_storage.size(product.image.name) > 1000 for product in products)
    assert {len(product.pictures.all()) for product in products} == {1}
    assert all(picture.image_width == 1600 and picture.image_alt for picture in Picture.objects.all())


@pytest.mark.slow
def test_seed_adds_a_tax_rate_only_to_a_shop_without_one() -> None:
    seed()
    assert [(rate.country, rate.percent) for rate in TaxRate.objects.all()] == [("GB", 20)]
    TaxRate.objects.update(percent=5)
    seed()
    assert [rate.percent for rate in TaxRate.objects.all()] == [5]


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
def test_seed_adds_generated_products_up_to_the_number() -> None:
    assert (
        seed("--products", "30")
        == "7 sections of the home page added.\n14 sample pages added.\n70 products added, 70 in the shop.\n"
    )
    assert seed("--products", "30") == "0 products added, 70 in the shop.\n"
    Product.objects.get(sku="LOAD-000007").delete()
    assert seed("--products", "32") == "3 products added, 72 in the shop.\n"


@pytest.fixture
def generated() -> QuerySet[Product]:
    """Return 120 generated products."""
    seed("--products", "120")
    return Product.objects.filter(sku__startswith="LOAD-")


@pytest.mark.slow
def test_generated_products_are_varied(generated: QuerySet[Product]) -> None:
    stocks = set(generated.values_list("stock", flat=True))
    assert {None, 0} <= stocks
    assert any(stock and stock <= settings.LOW_STOCK for stock in stocks)
    assert len({row.price for row in generated}) > 50
    assert len({row.category_id for row in generated}) == Category.objects.count() == 12
    assert Category.objects.filter(parent=None).count() == 4
    assert all(60 <= len(row.description.split()) <= 100 for row in generated)
    assert len(get_variants(generated.get(sku="LOAD-000012"))) == 3


@pytest.mark.slow
def test_generated_products_are_the_same_in_every_catalog(generated: QuerySet[Product]) -> None:
    names = ("title", "slug", "description", "price", "stock", "weight", "group", "choice")
    before = list(generated.order_by("sku").values_list(*names))
    generated.delete()
    seed("--products", "50")
    seed("--products", "120")
    assert list(generated.order_by("sku").values_list(*names)) == before


@pytest.mark.slow
def test_generated_stock_has_stock_movements(generated: QuerySet[Product]) -> None:
    counted = generated.filter(stock__isnull=False).annotate(moved=Coalesce(Sum("movements__amount"), 0))
    assert counted
    assert not counted.exclude(stock=F("moved"))


@pytest.mark.slow
def test_generated_product_is_found_by_its_words_and_misspelled(client: Client, generated: QuerySet[Product]) -> None:
    product = generated.filter(title__startswith="Porcelain").first()
    assert product
    for text in (product.title, product.sku, product.title.replace("Porcelain", "Porcelan")):
        assert product in client.get("/products/", {"q": text}).context["products"]


@pytest.mark.slow
def test_deleting_a_generated_product_keeps_its_shared_picture(
    generated: QuerySet[Product], django_capture_on_commit_callbacks: Any
) -> None:
    product = generated[0]
    name = product.image.name
    with django_capture_on_commit_callbacks(execute=True):
        product.delete()
    assert default_storage.exists(name)
    assert Product.objects.values("image").distinct().count() <= 40


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


def test_sample_shop_has_carriers_that_staff_could_have_entered() -> None:
    call_command("seed")
    for carrier in Carrier.objects.all():
        carrier.full_clean()
    assert Carrier.objects.count() == 2


@pytest.mark.slow
def test_sample_carriers_are_not_added_to_those_of_a_shop() -> None:
    Carrier.objects.create(name="Van")
    call_command("seed")
    assert [carrier.name for carrier in Carrier.objects.all()] == ["Van"]


def test_sample_picture_is_stored_with_all_its_renditions() -> None:
    product = make_product(image=prepare(CATALOG / "images" / "mug-teal.webp"))
    assert product.image.widths == [160, 400, 640, 1280, 1600]
    assert all(default_storage.exists(product.image.rendition_name(width)) for width in product.image.widths)
