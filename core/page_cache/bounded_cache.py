"""A bounded cache in the memory of this process."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Values by key. If they weigh more than `size` together, those not used for the longest time are dropped.

    Each value weighs 1 unless `weigh` says otherwise. Values are shared between threads. Keys compare by equality.
    """

    def __init__(self, size: int, weigh: Callable[[Value], int] = lambda value: 1) -> None:
        self.size, self.weight = size, 0
        self._weigh = weigh
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        """Return the value of this key, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def add(self, key: Hashable, value: Value) -> None:
        """Keep this value, which must not be None, and drop others if there are too many."""
        with self._lock:
            if key in self._values:
                self.weight -= self._weigh(self._values.pop(key))
            self._values[key] = value
            self.weight += self._weigh(value)
            while self.weight > self.size:
                _key, dropped = self._values.popitem(last=False)
                self.weight -= self._weigh(dropped)

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._values.clear()
            self.weight = 0

    def values(self) -> list[Value]:
        """Return all values."""
        with self._lock:
            return list(self._values.values())

    def __len__(self) -> int:
        return len(self._values)
