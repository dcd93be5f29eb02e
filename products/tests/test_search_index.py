"""Tests of the stored words, which every way to write a product keeps up to date, and of the index of what is found."""

import re
from collections.abc import Callable
from io import StringIO

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat

from core.database.statistics import update_statistics
from products import search
from products.models import Category, Product
from products.search import comparing, engine
from tests.makers import make_product
from tests.visitors import count_queries, plan_of

pytestmark = pytest.mark.django_db


def is_found(product: Product, text: str) -> bool:
    ids = search.find_ids(Product.objects.all(), text)
    return list(Product.objects.filter(pk__in=ids).values_list("sku", flat=True)) == [product.sku]


def save(product: Product) -> None:
    product.title = "Beaker"
    product.save()


def save_one_field(product: Product) -> None:
    product.title = "Beaker"
    product.save(update_fields=["title"])


def save_deferred(product: Product) -> None:
    row = Product.objects.defer("title_words").get(pk=product.pk)
    row.title = "Beaker"
    row.save()


def update_or_create(product: Product) -> None:
    Product.objects.update_or_create(pk=product.pk, defaults={"title": "Beaker"})


def update(product: Product) -> None:
    Product.objects.filter(title="Mug").update(title="Beaker")


def update_by_expression(product: Product) -> None:
    Product.objects.filter(title="Mug").update(title=Concat(Value("Bea"), Value("ker")), description=F("title"))


def bulk_update(product: Product) -> None:
    product.title = "Beaker"
    Product.objects.bulk_update([product], ["title"])


def bulk_create(product: Product) -> None:
    product.delete()
    Product.objects.bulk_create([Product(sku=product.sku, slug="beaker", title="Beaker", price=1)])


def upsert(product: Product) -> None:
    row = Product(sku=product.sku, slug="beaker", title="Beaker", price=1)
    Product.objects.bulk_create([row], update_conflicts=True, unique_fields=["sku"], update_fields=["title"])


def load_fixture(product: Product) -> None:
    product.title, product.title_words = "Beaker", ""
    [row] = serializers.deserialize("json", serializers.serialize("json", [product]))
    row.save()


def change_by_sql(product: Product) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE products_product SET title = 'Beaker' WHERE id = %s", [product.pk])
    assert not is_found(product, "beaker")
    output = StringIO()
    call_command("index_products", stdout=output)
    assert output.getvalue() == "The words of 1 products changed.\n"


@pytest.mark.parametrize(
    "change",
    [save, save_one_field, save_deferred, update_or_create, update, update_by_expression, bulk_update, bulk_create,
     upsert, load_fixture, change_by_sql],
)  # fmt: skip
def test_changed_title_is_found_and_the_old_one_is_not(change: Callable[[Product], None]) -> None:
    make_product(title="Bowl")
    product = make_product(title="Mug", description="Glazed.")
    change(product)
    assert is_found(product, "beaker")
    assert Product.objects.get(sku=product.sku).set_words() is False


def test_saving_other_fields_keeps_the_words() -> None:
    product = make_product(title="Mug")
    row = Product.objects.only("price").get(pk=product.pk)
    row.price = 3
    row.save()
    Product.objects.update(price=4)
    assert is_found(product, "mug")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads all rows that it finds.")
@pytest.mark.parametrize("sort", ["", "newest", "cheapest", "most_expensive", "most_bought"])
def test_search_reads_no_rows_of_products_that_it_does_not_show(sort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "COMPARED_FOR_ALL", 0)  # so that the index is used for a short list, too
    for number in range(50):
        make_product(title="Mug", group=f"Mug {number // 2}")
    update_statistics()
    products = Product.objects.active()
    with count_queries() as statements:
        search.find(getattr(products, f"{sort}_first")() if sort else products, "mug", Category.objects.tree())
    of_matches = [sql for sql in statements if "MATCH" in sql and "sku" not in sql]
    of_groups = [sql for sql in statements if sql.startswith("SELECT id, category_id")]
    assert of_matches
    assert of_groups
    for sql in of_matches + of_groups:
        assert "SEARCH products_product USING COVERING INDEX search_matches (id=?)" in plan_of(sql)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL finds beginnings of any length.")
@pytest.mark.parametrize("table", ["products_search", "products_search_name"])
def test_search_knows_the_longest_beginnings_in_the_index(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [table])
        [lengths] = re.findall(r"prefix *= *'([\d ]+)'", cursor.fetchone()[0])
    assert max(map(int, lengths.split())) == engine.MAX_PREFIX
