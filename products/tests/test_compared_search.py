"""Tests of searches that compare products one by one, because very many products contain the words."""

import re
from collections.abc import Callable

import pytest
from django.db import connection

from products.models import Product, ProductQuerySet
from products.search import comparing, engine, find_ids_now, find_partial_ids, sample
from products.search.engine import SEARCHES
from products.tests.test_search_table import make_catalog, rows
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db
only_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does this in one statement.")
INDEX = re.compile(r"MATCH|search(_name)? @@")
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


def search(text: str, products: ProductQuerySet | None = None) -> tuple[list[int], int, int]:
    """Return the ids of a search, the number of its queries that use no index of words, and of those that do.

    By default, the search is sorted by price.
    """
    if products is None:
        products = Product.objects.active().cheapest_first()
    sample.are_common([])  # reads the sample
    with count_queries() as statements:
        ids = find_ids_now(products, text)
    statements = [sql for sql in statements if "core_pageversion" not in sql]
    indexed = sum(bool(INDEX.search(sql)) for sql in statements)
    return ids, len(statements) - indexed, indexed


def test_sorted_search_for_a_common_word_shows_the_first_products_of_the_order(mugs: list[int]) -> None:
    assert search("mug")[0] == mugs[: engine.MAX_RESULTS]


@pytest.mark.usefixtures("mugs")
def test_common_word_is_compared_instead_of_reading_all_its_matches() -> None:
    _ids, compared, indexed = search("mug")
    assert compared
    assert not indexed


def test_words_that_few_products_contain_together_are_found_by_the_index(mugs: list[int]) -> None:
    blue = Product.objects.get(title="Blue mug").pk
    assert blue in mugs
    assert search("mug blue") == ([blue], 0, 1)


def test_index_is_read_if_too_few_of_the_first_products_match(mugs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_COMPARED", 400)
    ids, compared, indexed = search("mug")
    assert ids == mugs[: engine.MAX_RESULTS]
    assert compared
    assert indexed == 1


@pytest.mark.usefixtures("mugs")
@pytest.mark.parametrize("sort", ["newest", "cheapest", "most_expensive", "most_bought"])
def test_long_list_is_compared_in_each_order(sort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_COMPARED", MUGS)  # so that the list of mugs and bowls is longer
    products = getattr(Product.objects.active(), f"{sort}_first")()
    first = Product.objects.filter(title__icontains="mug").order_by(products.query.order_by[0], "-pk")
    ids, _compared, indexed = search("mug", products)
    assert ids == list(first.values_list("pk", flat=True)[: engine.MAX_RESULTS])
    assert not indexed


@only_sqlite
def test_comparison_ends_early_if_hardly_any_product_of_the_list_matches(
    mugs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MAX_COMPARED", MUGS)
    monkeypatch.setattr(comparing, "CHUNK", 20)  # the bowls
    assert search("mug") == (mugs[: engine.MAX_RESULTS], 3, 1)  # both lists of ids, and the bowls


@pytest.mark.usefixtures("mugs")
def test_short_list_is_compared_completely() -> None:
    cheap = Product.objects.filter(price__lt=20)
    expected = list(cheap.filter(title="Mug").order_by("price", "-pk").values_list("pk", flat=True))
    assert 0 < len(expected) < engine.MAX_RESULTS
    ids, _compared, indexed = search("mug", cheap.cheapest_first())
    assert ids == expected
    assert not indexed


@only_sqlite
@pytest.mark.usefixtures("mugs")
def test_short_list_is_ranked_without_reading_all_matches() -> None:
    blue = Product.objects.get(title="Blue mug")
    ids, _compared, indexed = search("mug", Product.objects.filter(price=blue.price).order_by())
    assert blue.pk in ids
    assert indexed == 1  # for products whose title or SKU is exactly the text


@pytest.mark.parametrize("text", ["kettledrum", "kettledrumst", "kettle", "copper kettl"])
def test_comparison_ranks_like_the_index(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Titles with the words come first, then titles with words that begin like this, then descriptions."""
    texts = [
        ("Bowl", "With a kettledrumstick and a copper kettle"),
        ("Copper kettledrumsticks", ""),
        ("Kettledrum of copper", ""),
        ("Plate", "Copper kettledrums"),
        ("Copper kettle", "Kettledrumsticks"),
        ("Kettle", "Copper kettledrum"),
    ]
    Product.objects.bulk_create(
        Product(sku=f"S{row}", slug=f"s-{row}", title=title, description=description, price=1)
        for row, (title, description) in enumerate(texts)
    )

    def ranked(size: int) -> list[int]:
        monkeypatch.setattr(sample, "SIZE", size)  # 0 makes all words common
        return find_ids_now(Product.objects.active().order_by(), text)

    by_index = ranked(1000)
    assert len(by_index) > 1
    assert ranked(0) == by_index


@only_sqlite
@pytest.mark.parametrize("text", ["mug blue xyzzy", "blue mug oak xyzzy", "oak teal mug blue", "teal xyzzy walnut bl"])
def test_comparison_ranks_some_words_like_the_index(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        ("Blue mug", "Oak"), ("Mug", "Blue"), ("Oak", "Mug"), ("Jar", "Oak"), ("Blue jar", ""), ("Mug", ""),
        ("Oak mug", ""), ("Teal bluebell", ""), ("Bowl", "Teal"), ("Plate", ""),
    ]  # fmt: skip
    Product.objects.bulk_create(
        Product(sku=f"S{row}", slug=f"s-{row}", title=title, description=description, price=1)
        for row, (title, description) in enumerate(texts)
    )

    def ranked(size: int) -> tuple[list[int], int]:
        monkeypatch.setattr(sample, "SIZE", size)
        with count_queries() as statements:
            ids = find_partial_ids(Product.objects.active(), text)
        SEARCHES.results.clear()
        return ids, sum("UNION ALL" in sql for sql in statements)

    by_index, unions = ranked(1000)  # so many that no word is common
    assert len(by_index) > 1
    assert unions
    assert ranked(0) == (by_index, 0)


@pytest.mark.slow
@pytest.mark.parametrize("order", [ProductQuerySet.cheapest_first, ProductQuerySet.order_by])
def test_comparison_finds_what_the_index_finds(
    order: Callable[[ProductQuerySet], ProductQuerySet], monkeypatch: pytest.MonkeyPatch
) -> None:
    products = make_catalog()
    products[0].description = "With a saucer"
    products[0].save()

    def found(text: str, size: int) -> set[int]:
        monkeypatch.setattr(sample, "SIZE", size)
        return set(find_ids_now(order(Product.objects.active()), text))

    # Parts of words only count if the last word of a text is the beginning of another one.
    others = ["wat can", "ring can", "ering", "teal tealmug", "tealmug teal", "asaucer teal"]
    texts = [*(row[0] for row in rows()), *others]
    by_index = {text: found(text, 1000) for text in texts}  # so many that no word is common
    assert sum(map(bool, by_index.values())) > 30
    assert {text: found(text, 0) for text in texts} == by_index
