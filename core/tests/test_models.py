"""Tests for guarded columns: `save()` does not restore old values."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from orders.models import Order
from products.models import Product
from tests.makers import make_category, make_open_order, make_product
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


def test_new_row_is_saved_with_its_guarded_fields() -> None:
    assert Product.objects.get(pk=make_product(stock=7).pk).stock == 7


def test_save_of_a_stale_object_keeps_the_stock() -> None:
    stale = make_product(stock=10)
    Product.objects.get(pk=stale.pk).reserve(4, "ORDER1")
    stale.title = "New title"
    stale.save()
    fresh = Product.objects.get(pk=stale.pk)
    assert (fresh.title, fresh.stock) == ("New title", 6)


@pytest.mark.parametrize("fields", [["stock"], ["stock", "title"], {"stock"}, ("title",)])
def test_save_with_update_fields_keeps_the_stock(fields) -> None:
    product = make_product(stock=10)
    product.title, product.stock = "New title", 99
    product.save(update_fields=fields)
    fresh = Product.objects.get(pk=product.pk)
    assert (fresh.title == "New title", fresh.stock) == ("title" in fields, 10)


def test_update_or_create_keeps_the_stock() -> None:
    product = make_product(stock=10)
    Product.objects.update_or_create(sku=product.sku, defaults={"stock": 99, "title": "New title"})
    fresh = Product.objects.get(pk=product.pk)
    assert (fresh.title, fresh.stock) == ("New title", 10)


def test_save_of_a_stale_order_keeps_the_paid_status() -> None:
    stale = make_open_order(currency="gbp")
    Order.objects.filter(pk=stale.pk).update(status=Order.Status.PAID, total=Decimal("20.95"), payment_intent_id="pi_1")
    stale.total, stale.cart = Decimal("0.01"), None
    stale.save()
    fresh = Order.objects.get(pk=stale.pk)
    assert (fresh.status, fresh.total, fresh.payment_intent_id) == ("paid", Decimal("20.95"), "pi_1")
    assert fresh.cart is None


def test_save_writes_relations() -> None:
    product, category = make_product(), make_category()
    product.category = category
    product.save()
    assert Product.objects.get(pk=product.pk).category == category


def test_save_of_a_partly_loaded_object_writes_only_loaded_fields() -> None:
    first = make_category("Mugs")
    product = make_product(category=first)
    part = Product.objects.only("title", "slug").get(pk=product.pk)
    part.title = "New title"
    with count_queries() as queries:
        part.save()
    [update] = [query for query in queries if query.startswith('UPDATE "products_product"')]
    assert '"category_id"' not in update
    assert Product.objects.get(pk=product.pk).title == "New title"


def test_save_sets_updated() -> None:
    product = make_product()
    before = product.updated
    product.save()
    assert Product.objects.get(pk=product.pk).updated > before


def test_save_with_force_insert_raises_an_error_for_an_existing_row() -> None:
    product = make_product()
    with pytest.raises((IntegrityError, ValueError)), transaction.atomic():
        product.save(force_insert=True)


def test_refresh_reads_all_columns_again_and_forgets_related_rows() -> None:
    product = make_product(title="Mug", stock=5, category=make_category(title="Cups"))
    assert product.category.title == "Cups"
    other = make_category(title="Mugs")
    Product.objects.filter(pk=product.pk).update(title="Teal mug", stock=4, category=other)
    for _time in range(2):  # the first makes the SQL
        product.refresh_from_db()
    assert (product.title, product.stock, product.category) == ("Teal mug", 4, other)


def test_refresh_keeps_deferred_columns_deferred() -> None:
    product = Product.objects.only("title").get(pk=make_product(title="Mug").pk)
    Product.objects.filter(pk=product.pk).update(title="Teal mug")
    with count_queries() as queries:
        product.refresh_from_db()
    assert (product.title, "description" in product.get_deferred_fields(), len(queries)) == ("Teal mug", True, 1)


def test_refresh_of_a_deleted_row_raises_the_error_of_its_model() -> None:
    product = make_product()
    Product.objects.filter(pk=product.pk).delete()
    with pytest.raises(Product.DoesNotExist):
        product.refresh_from_db()
