"""Results that are kept in the memory of this process until a version moves."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any, ClassVar, TypeVar
from weakref import WeakSet

from core.page_cache.versions import SITE, is_collecting, read_versions

T = TypeVar("T")


class VersionCache:
    """A bounded cache whose results are used only while their versions are the current ones.

    If there are more than `size` results, those that were not used for the longest time are dropped. Old versions are
    dropped in the same way. Results are shared between threads, so callers must not change them.
    """

    _instances: ClassVar[WeakSet["VersionCache"]] = WeakSet()

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()
        self._instances.add(self)

    def get_or_make(self, key: Hashable, names: Sequence[str], make: Callable[[], T]) -> T:
        """Return the result for this key. Call `make` if there is none, or if SITE or one of these versions moved.

        The versions are read before `make` reads its rows. A result is not kept while the transaction has changed rows
        whose versions have not moved yet.
        """
        if is_collecting():
            return make()
        key = (key, tuple(read_versions((SITE, *names)).items()))
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        result = make()
        with self._lock:
            self._results[key] = result
            while len(self._results) > self._size:
                self._results.popitem(last=False)
        return result

    def __len__(self) -> int:
        return len(self._results)

    @classmethod
    def clear_all(cls) -> None:
        """Drop all results of this process, for tests."""
        for cache in cls._instances:
            with cache._lock:
                cache._results.clear()
