"""Tests of the versions of pages, and of results that are kept until a version moves."""

from collections.abc import Callable

import pytest
from django.db import transaction

from core.models import PageVersion
from core.page_cache.version_cache import VersionCache
from core.page_cache.versions import SITE, collect_touches, read_versions, remember_versions, touch
from tests.moved_versions import moved_versions
from tests.visitors import count_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def results() -> VersionCache:
    return VersionCache(size=3)


@pytest.fixture
def make() -> Callable[[], int]:
    """Return a function that returns how often it has been called."""
    calls: list[None] = []

    def make() -> int:
        calls.append(None)
        return len(calls)

    return make


def test_touch_gives_new_values_to_these_versions_only() -> None:
    touch("products")
    with moved_versions() as moved:
        touch("product:mug", "category:mugs")
    assert moved == {"product:mug", "category:mugs"}


def test_version_without_a_row_is_zero() -> None:
    assert read_versions(["product:nothing"]) == {"product:nothing": 0}


def test_deleted_version_does_not_return_to_an_earlier_value() -> None:
    values = set()
    for _ in range(20):
        touch("products")
        values |= set(read_versions(["products"]).values())
        PageVersion.objects.all().delete()
    assert len(values) == 20


def test_exception_discards_what_a_block_collected() -> None:
    @collect_touches()
    def fail() -> None:
        touch("products")
        raise ZeroDivisionError

    with moved_versions() as moved:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            fail()
        touch("product:mug")
    assert moved == {"product:mug"}


def test_rolled_back_block_moves_nothing() -> None:
    with moved_versions() as moved, transaction.atomic(), collect_touches():
        touch("products")
        transaction.set_rollback(True)
    assert moved == set()


def test_request_reads_each_version_once() -> None:
    with remember_versions(), count_queries() as queries:
        read_versions([SITE, "products"])
        assert read_versions(["products"]) == read_versions(["products"])
    assert len(queries) == 1


def test_request_that_moves_a_version_reads_the_new_value() -> None:
    with remember_versions():
        before = read_versions(["products"])
        touch("products")
        assert read_versions(["products"]) != before


@pytest.mark.parametrize(("name", "calls"), [("products", 2), (SITE, 2), ("product:mug", 1)])
def test_result_is_kept_until_one_of_its_versions_moves(
    results: VersionCache, make: Callable[[], int], name: str, calls: int
) -> None:
    for _ in range(2):
        assert results.get_or_make("count", ["products"], make) == 1
    touch(name)
    assert results.get_or_make("count", ["products"], make) == calls


def test_result_of_a_transaction_with_unwritten_versions_is_not_kept(
    results: VersionCache, make: Callable[[], int]
) -> None:
    with collect_touches():
        results.get_or_make("count", ["products"], make)
    assert results.get_or_make("count", ["products"], make) == 2


def test_results_used_last_stay_when_the_bound_is_reached(results: VersionCache, make: Callable[[], int]) -> None:
    results.get_or_make("used", [], make)
    for number in range(10):
        results.get_or_make(f"hostile {number}", [], make)
        results.get_or_make("used", [], lambda: 99)
    assert len(results) == 3
    assert results.get_or_make("used", [], make) == 1
