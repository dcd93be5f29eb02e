"""Tests for the bounded cache in the memory of a process."""

from core.page_cache.bounded_cache import BoundedCache


def test_values_that_were_not_used_for_the_longest_time_are_dropped() -> None:
    kept: BoundedCache[str] = BoundedCache(10, weigh=len)
    for key in ("a", "b"):
        kept.add(key, "12345")
    kept.get("a")
    kept.add("c", "123")
    assert [kept.get(key) for key in ("a", "b", "c")] == ["12345", None, "123"]
    kept.add("d", "longer than the cache")
    assert (kept.get("d"), kept.weight, len(kept)) == (None, 0, 0)


def test_value_that_is_replaced_does_not_count() -> None:
    kept: BoundedCache[str] = BoundedCache(10, weigh=len)
    kept.add("a", "12345678")
    kept.add("a", "12")
    kept.add("b", "12345678")
    assert (sorted(kept.values()), kept.weight) == (["12", "12345678"], 10)


def test_cleared_cache_has_room_again() -> None:
    kept: BoundedCache[int] = BoundedCache(2)
    kept.add("a", 1)
    kept.clear()
    for key in ("b", "c"):
        kept.add(key, 2)
    assert (kept.get("a"), kept.values()) == (None, [2, 2])
