"""Test of the migration to stored words in a database with products."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from products import search
from products.models import Product


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_existing_products_are_found_after_an_upgrade() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([("products", "0002_search")])
    rows = executor.loader.project_state([("products", "0002_search")]).apps.get_model("products", "Product").objects
    rows.create(sku="MC-101", slug="a", title="Синяя кружка", description="Watering can", price=1)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    products = Product.objects.all()
    assert all(len(search.find_ids(products, text)) == 1 for text in ("кружка", "mc101", "can", "Синяя кружка"))
    assert products.store_words() == 0
