"""Tests of prepared queries: their rows are those of the queryset, for each parameter and after each change."""

import pytest

from core.rendering.prepared import PreparedQuery
from products.models import Product
from products.models.picture import pictures_of
from tests.makers import make_category, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def test_rows_are_those_of_the_queryset() -> None:
    def find(category: int, product: int) -> object:
        found = Product.objects.active().filter(category=category).exclude(pk=product).exclude(stock=0)
        return found.newest_first().only("title", "price")

    query = PreparedQuery(find, "category", "product")
    for category in (make_category(title="Mugs"), make_category(title="Cups")):
        products = [make_product(category=category, price=f"{number}.50") for number in range(1, 4)]
        Product.objects.filter(pk=products[0].pk).update(stock=0)
        for product in products:
            rows = query.rows(category=category.pk, product=product.pk)
            expected = list(find(category.pk, product.pk))
            assert [(row.pk, row.title, row.price) for row in rows] == [
                (row.pk, row.title, row.price) for row in expected
            ]


def test_pictures_know_their_product() -> None:
    product, other = make_product(title="Teal mug"), make_product()
    names = {product.pictures.create(image=f"products/{number}.webp", position=number).image.name for number in (1, 2)}
    other.pictures.create(image="products/other.webp")
    with count_queries() as queries:
        pictures = pictures_of(product)
        assert [picture.alt for picture in pictures] == ["Teal mug, another view"] * 2
    assert len(queries) == 1
    assert {picture.image.name for picture in pictures} == names
