"""Tests of searches that are sorted by price or date, for which SQLite compares products if a word is common."""

import pytest
from django.db import connection

from products.models import Product
from products.search import engine, find_ids_now
from products.tests.test_search_table import make_catalog, rows
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL compares products by its planner.")
MUGS = 600


@pytest.fixture
def mugs() -> list[int]:
    """Create mugs, one of them blue, and bowls as the cheapest products. Return the ids of the mugs by price."""
    bowls = [Product(sku=f"B{row}", slug=f"bowl-{row}", title="Bowl", price=1) for row in range(20)]
    mugs = [Product(sku=f"M{row}", slug=f"mug-{row}", title="Mug", price=10 + row * 7 % 50) for row in range(MUGS)]
    mugs[-1].title = "Blue mug"
    Product.objects.bulk_create(bowls + mugs)
    prices = Product.objects.filter(slug__startswith="mug").values_list("price", "pk")
    return [pk for _price, pk in sorted(prices, key=lambda row: (row[0], -row[1]))]


def search(text: str) -> tuple[list[int], list[str]]:
    """Return the ids of a search that is sorted by price, and how each query after the first one finds products."""
    with count_queries() as statements:
        ids = find_ids_now(Product.objects.active().cheapest_first(), text)
    return ids, ["index" if "MATCH" in sql else "comparison" for sql in statements[1:]]


def test_sorted_search_for_a_common_word_shows_the_first_products_of_the_order(mugs: list[int]) -> None:
    assert search("mug")[0] == mugs[: engine.MAX_RESULTS]


@only_sqlite
@pytest.mark.usefixtures("mugs")
def test_common_word_is_compared_instead_of_reading_all_its_matches() -> None:
    assert search("mug")[1] == ["comparison"]


@only_sqlite
def test_words_that_few_products_contain_together_are_found_by_the_index(mugs: list[int]) -> None:
    blue = Product.objects.get(title="Blue mug").pk
    assert blue in mugs
    assert search("mug blue") == ([blue], ["index"])


@only_sqlite
def test_index_is_read_if_too_few_of_the_first_products_match(mugs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_COMPARED", 400)
    assert search("mug") == (mugs[: engine.MAX_RESULTS], ["comparison", "index"])


@pytest.mark.slow
@only_sqlite
def test_comparison_finds_what_the_index_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    products = make_catalog()
    products[0].description = "With a saucer"
    products[0].save()

    def found(text: str, *, compare: bool) -> set[str]:
        """Return the titles of the products that are found by comparison, or else by the index."""
        monkeypatch.setattr(engine, "SAMPLE_SIZE", 0 if compare else 1000)  # so that each word is common, or none
        monkeypatch.setattr(engine, "MAX_RESULTS", 1)
        titles = set()
        for product in products:
            with count_queries() as statements:
                ids = find_ids_now(Product.objects.filter(pk=product.pk).cheapest_first(), text)
            if ids and any("MATCH" in sql for sql in statements) != compare:
                titles.add(product.title)
        return titles

    # Parts of words only count if the last word of a text is the beginning of another one.
    others = ["wat can", "ring can", "ering", "teal tealmug", "tealmug teal", "asaucer teal"]
    texts = [*(row[0] for row in rows()), *others]
    by_index = {text: found(text, compare=False) for text in texts}
    assert sum(map(bool, by_index.values())) > 30
    assert {text: found(text, compare=True) for text in texts} == by_index
