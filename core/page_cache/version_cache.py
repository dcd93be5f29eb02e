"""Results that are kept in the memory of this process until a version moves."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar
from weakref import WeakSet

from core.page_cache.bounded_cache import BoundedCache
from core.page_cache.versions import SITE, current_values, is_collecting

T = TypeVar("T")


class _Result(NamedTuple):
    """A result, which may be None."""

    value: Any


class VersionCache:
    """A bounded cache whose results are used only while their versions are the current ones.

    If there are more than `size` results, those that were not used for the longest time are dropped. Old versions are
    dropped in the same way. Results are shared between threads, so callers must not change them.
    """

    _instances: ClassVar[WeakSet["VersionCache"]] = WeakSet()

    def __init__(self, size: int) -> None:
        self.results: BoundedCache[_Result] = BoundedCache(size)
        self._instances.add(self)

    def get_or_make(self, key: Hashable, names: Sequence[str], make: Callable[[], T]) -> T:
        """Return the result for this key. Call `make` if there is none, or if SITE or one of these versions moved.

        The versions are read before `make` reads its rows. A result is not kept while the transaction has changed rows
        whose versions have not moved yet.
        """
        if is_collecting():
            return make()
        names = (SITE, *names)
        key = (key, names, current_values(names))
        result = self.results.get(key)
        if result is None:
            result = _Result(make())
            self.results.add(key, result)
        return result.value

    def __len__(self) -> int:
        return len(self.results)

    @classmethod
    def clear_all(cls) -> None:
        """Drop all results of this process, for tests."""
        for cache in cls._instances:
            cache.results.clear()
