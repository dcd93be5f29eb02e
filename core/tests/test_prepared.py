"""Tests of prepared queries: their rows are those of the queryset, for each parameter and after each change."""

from datetime import datetime, timedelta

import pytest
from django.db.models import Count, F
from django.utils import timezone

from core.database.prepared import PreparedQuery
from products.models import Product
from products.related import pictures_of
from tests.makers import make_category, make_product
from tests.threads import run_in_threads
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def test_rows_are_those_of_the_queryset() -> None:
    def find(category: int, product: int) -> object:
        found = Product.objects.active().filter(category=category).exclude(pk=product).exclude(stock=0)
        return found.newest_first().only("title", "price")

    query = PreparedQuery(find, category=int, product=int)
    for category in (make_category(title="Mugs"), make_category(title="Cups")):
        products = [make_product(category=category, price=f"{number}.50") for number in range(1, 4)]
        Product.objects.filter(pk=products[0].pk).update(stock=0)
        for product in products:
            rows = query.rows(category=category.pk, product=product.pk)
            expected = list(find(category.pk, product.pk))
            assert [(row.pk, row.title, row.price) for row in rows] == [
                (row.pk, row.title, row.price) for row in expected
            ]


def test_text_is_a_parameter_as_well() -> None:
    def find(title: str) -> object:
        return Product.objects.filter(title=title).annotate(category_slug=F("category__slug"))

    query = PreparedQuery(find, title=str)
    make_product(title="Mug", category=make_category(title="Cups"))
    make_product(title="100 % cotton")
    rows = [query.rows(title=title) for title in ("Mug", "100 % cotton", "it's", "")]
    assert [[row.category_slug for row in found] for found in rows] == [["cups"], [None], [], []]


def test_related_rows_are_read_with_the_row() -> None:
    query = PreparedQuery(lambda text: Product.objects.filter(title=text).select_related("category"), text=str)
    made = make_product(title="Mug", category=make_category(title="Cups"), price="1.50")
    with count_queries() as queries:
        [[found], [again]] = [query.rows(text="Mug") for _time in range(2)]
        assert (found, found.category.title, str(found.price), again.category.title) == (made, "Cups", "1.50", "Cups")
    assert len(queries) == 2
    assert found is not again


def test_time_is_a_parameter_and_rows_can_be_dictionaries() -> None:
    query = PreparedQuery(
        lambda since: Product.objects.filter(timestamp__gt=since).order_by().values("active").annotate(n=Count("pk")),
        since=datetime,
    )
    make_product()
    make_product(active=False)
    now = timezone.now()
    assert sorted(query.rows(since=now - timedelta(minutes=1)), key=str) == [
        {"active": False, "n": 1}, {"active": True, "n": 1},
    ]  # fmt: skip
    assert query.first(since=now + timedelta(minutes=1)) is None


@pytest.mark.django_db(transaction=True)
def test_threads_have_their_own_connections() -> None:
    query = PreparedQuery(lambda text: Product.objects.filter(title=text), text=str)
    titles = [make_product(title=f"Mug {number}").title for number in range(4)]
    assert run_in_threads(*[lambda title=title: query.first(text=title).title for title in titles]) == titles


@pytest.mark.parametrize("number", [-1, 0, 2**63, 2**70])
def test_id_that_no_database_stores_has_no_rows(number: int) -> None:
    query = PreparedQuery(lambda product: Product.objects.filter(pk=product), product=int)
    assert query.rows(product=number) == []


def test_pictures_know_their_product() -> None:
    product, other = make_product(title="Teal mug"), make_product()
    names = {product.pictures.create(image=f"products/{number}.webp", position=number).image.name for number in (1, 2)}
    other.pictures.create(image="products/other.webp")
    pictures = pictures_of(product)
    with count_queries() as queries:
        assert [picture.alt for picture in pictures] == ["Teal mug, another view"] * 2
    assert not queries
    assert {picture.image.name for picture in pictures} == names
