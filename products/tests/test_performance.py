"""Speed test: pages of a catalog of 100,000 products compared with the same pages of 1,000, in the same run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from core.page_cache.version_cache import VersionCache
from products.models import Category, Product
from tests.visitors import count_queries, work_clock

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SMALL, LARGE = 1_000, 100_000
ROUNDS = 15
MAX_EXTRA_SECONDS = 0.015
MAX_QUERIES = 8  # A new search needs up to seven, and all pages read versions. Counting a list again takes one.
# Forty kinds of products, so that every page is full even in the small catalog.
KINDS = range(10, 50)

# {turn} changes with every round, so that no response is read completely from the cache.
PAGES = {
    "list": "/products/?page={turn}",
    "deep page": "/products/?page={deep}",
    "category": "/products/?category=shelf-{turn}",
    "outer category": "/products/?category=hall-2&page=3",
    "filtered": "/products/?category=hall-2&price_from=20&price_to=90&in_stock=1&sort=price",
    "price range": "/products/?price_from=20&price_to=30&page=1",
    "filtered, deep": "/products/?in_stock=1&sort=-price&page={half}",
    "most bought, deep": "/products/?sort=bought&page={deep}",
    "search": "/products/?q=shape{kind}+colour{kind}",
    "search, descriptions": "/products/?q=maker{kind}",
    "search, filtered": "/products/?q=shape{kind}&price_from=10&in_stock=1",
    "search by price": "/products/?q=colour{kind}&sort=price",
    "search by price, common word": "/products/?q=table&sort=price&price_from={turn}",
    "search by date, common words": "/products/?q=table+shel&sort=newest&price_from={turn}",
    "search by SKU": "/products/?q=K{kind}-0000{turn:02d}",
    "search, corrected": "/products/?q=shape{kind}+{misspelled}",
    "search, some words": "/products/?q=shape{kind}+colour{other}",
    "search, category": "/products/?q=shelf+{turn}&price_from=6",
    "search by SKU without signs": "/products/?q=K{kind}0000{turn:02d}",
    "search by title": "/products/?q={title}",
    "search, unfinished": "/products/?q=shape{kind}+in+col",
    "search without spaces": "/products/?q=花瓶{kind}",
    "search, unfinished common word": "/products/?q=shap&price_from={turn}",
    "search, common word": "/products/?q=table&price_from={turn}",
    "search, some common words": "/products/?q=table+shelf+xyzzy&price_from={turn}",
    "search, rare and common words": "/products/?q=K{kind}-0000{turn:02d}+table+xyzzy",
    "search, some of many words": "/products/?q=shape{kind}+colour{other}+maker{kind}+{name}+table+shelf+xyzzy",
}
# A search without results for all words needs more queries to correct its words or to find some of them.
MORE_QUERIES = {
    "search, corrected": 15,
    "search, some words": 12,
    "search, some common words": 12,
    "search, rare and common words": 12,
    "search, some of many words": 12,
}


def name_of(kind: int, ending: str = "mor") -> str:
    """Return a word for each kind of product. Words without digits can be corrected."""
    return f"kl{chr(97 + kind // 10)}{chr(97 + kind % 10)}{ending}"


def title_of(row: int) -> str:
    kind = KINDS[row % 40]
    return f"Shape{kind} in colour{kind} {name_of(kind)}, {row}"


def create_catalog(number: int) -> None:
    """Create this number of products in 40 categories below 5 top-level categories. One in ten is sold out."""
    parents = [Category.objects.create(title=f"Hall {index}") for index in range(5)]
    categories = [Category.objects.create(title=f"Shelf {index}", parent=parents[index % 5]) for index in range(40)]
    rows = (
        Product(
            sku=f"K{KINDS[row % 40]}-{row:06d}",
            slug=f"product-{row}",
            title=title_of(row),
            description=f"Made by maker{KINDS[row % 37]}, for a table or a shelf. 陶器の花瓶{KINDS[row % 37]}です",
            price=5 + row * 7919 % 9973 / 100,
            stock=row // 40 % 10,
            category=categories[row // 5 % 40],
        )
        for row in range(number)
    )
    Product.objects.bulk_create(rows, batch_size=5000)
    with connections["default"].cursor() as cursor:
        cursor.execute("ANALYZE" if connections["default"].vendor == "sqlite" else "VACUUM ANALYZE products_product")


@contextmanager
def use_database(connection: BaseDatabaseWrapper, name: str) -> Iterator[None]:
    """Switch the shop to another database and a separate cache."""
    usual, connections["default"], cache.key_prefix = connections["default"], connection, name
    try:
        yield
    finally:
        connections["default"], cache.key_prefix = usual, ""


def remove_journals(database: str) -> None:
    """Remove what an interrupted run left. SQLite would apply it to the new file that Django puts there."""
    for ending in ("wal", "shm"):
        Path(f"{database}-{ending}").unlink(missing_ok=True)


@pytest.fixture
def shops() -> Iterator[dict[int, BaseDatabaseWrapper]]:
    """Create a small and a large catalog, each in a copy of the test database."""
    usual, made = connections["default"], {}
    usual.close()
    for number in (SMALL, LARGE):
        usual.creation.clone_test_db(str(number), verbosity=0)
        made[number] = connections.create_connection("default")
        made[number].settings_dict = usual.creation.get_test_db_clone_settings(str(number))
        if usual.vendor == "sqlite":
            remove_journals(made[number].settings_dict["NAME"])
        with use_database(made[number], str(number)):
            create_catalog(number)
    yield made
    for number, connection in made.items():
        connection.close()
        usual.creation.destroy_test_db(suffix=str(number), verbosity=0)


def measure(connection: BaseDatabaseWrapper, number: int, url: str) -> tuple[float, int]:
    """Request a page. Return the seconds and the number of queries that it takes."""
    with use_database(connection, str(number)), count_queries() as queries:
        before = work_clock()
        response = Client().get(url)
        seconds = work_clock() - before
        assert response.status_code == 200, url
        assert response.context["products"]
    return seconds, len(queries)


def page_url(page: str, number: int, turn: int) -> str:
    """Return the URL of a page for a catalog of `number` products in this round."""
    deep, half = number // 24 - turn, number // 60 + turn
    name, misspelled = name_of(KINDS[turn]), name_of(KINDS[turn], ending="mmor")
    title = title_of(number - turn)  # no other number begins with this one, so that both catalogs show one product
    return PAGES[page].format(
        turn=turn,
        kind=KINDS[turn],
        other=KINDS[turn + 1],
        name=name,
        misspelled=misspelled,
        title=quote(title),
        deep=deep,
        half=half,
    )


def slow_pages(pages: Iterable[str], shops: dict[int, BaseDatabaseWrapper]) -> list[str]:
    """Return the pages that take too long in the large catalog, or too many queries. Print the figures of all."""
    times: dict[tuple[str, int], list[float]] = {(page, number): [] for page in pages for number in shops}
    query_counts: dict[tuple[str, int], set[int]] = {key: set() for key in times}
    cache.clear()
    VersionCache.clear_all()
    for turn in range(ROUNDS + 1):
        for page, number in times:
            seconds, queries = measure(shops[number], number, page_url(page, number, turn or 1))
            if turn:  # The first round only fills the caches: counts are kept until a product changes.
                times[page, number].append(seconds)
                query_counts[page, number].add(queries)
    slow = []
    for page in pages:
        small, large = (median(times[page, number]) for number in (SMALL, LARGE))
        most = max(query_counts[page, LARGE])
        # `pytest -s` shows the figures.
        print(f"{page}: {1000 * small:.1f} ms, {1000 * large:.1f} ms, at most {most} queries")  # noqa: T201
        if large - small > MAX_EXTRA_SECONDS or most > MORE_QUERIES.get(page, MAX_QUERIES):
            slow.append(page)
    return slow


def test_pages_of_a_large_catalog_are_as_fast_as_of_a_small_one(shops: dict[int, BaseDatabaseWrapper]) -> None:
    """Measure slow pages again, because other work on the machine can only make a page slower."""
    slow = slow_pages(PAGES, shops)
    assert slow_pages(slow, shops) == []
