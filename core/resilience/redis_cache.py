"""Django's Redis cache with short time limits, whose failures count as misses.

A page waits for a Redis that does not answer once, for a moment, and loses nothing but speed. So nothing may rely on a
value being stored, deleted or counted. Results that can become wrong are stored under versions or with a time.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

from core.resilience.breaker import Breaker

log = logging.getLogger(__name__)
SECONDS = 0.2  # to connect, and then for each answer
PAUSE_SECONDS = 5
# By the URLs of the servers. The aliases of one server share a breaker, so that a page does not wait for each.
_breakers: defaultdict[str, Breaker] = defaultdict(lambda: Breaker(PAUSE_SECONDS))


def _method(name: str, miss: Any) -> Callable[..., Any]:
    """Return a method of Django's client that returns `miss` while the server fails."""
    method = getattr(RedisCacheClient, name)

    def ask(client: "LimitedClient", *args: Any) -> Any:
        return client.ask(partial(method, client, *args), miss)

    return ask


class LimitedClient(RedisCacheClient):
    """A client that asks the server unless it has just failed."""

    def __init__(self, servers: list[str], **options: Any) -> None:
        super().__init__(servers, **{"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS} | options)
        self._breaker = _breakers[",".join(servers)]

    def ask(self, question: Callable[[], Any], miss: Any) -> Any:
        """Return the answer, or `miss` if the server fails or has just failed."""
        if not self._breaker.allows():
            return miss
        try:
            answer = question()
        except (RedisError, OSError) as error:
            self._breaker.failed()
            log.warning("The cache failed and is not used for %d seconds: %s", PAUSE_SECONDS, error)
            return miss
        self._breaker.succeeded()
        return answer

    def get(self, key: Any, default: Any) -> Any:
        """Return the value, or `default` also for content that cannot be read, such as that of another release."""
        try:
            return self.ask(partial(super().get, key, default), default)
        except Exception:  # unpickling raises errors of all types
            log.warning("The value of a key in the cache cannot be read", exc_info=True)
            return default

    def incr(self, key: Any, delta: int) -> int:
        """Raise ValueError if the server fails, as for a key that does not exist."""
        value = self.ask(partial(super().incr, key, delta), None)
        if value is None:
            raise ValueError(f"Key {key!r} not found.")
        return int(value)

    get_many, has_key = _method("get_many", {}), _method("has_key", False)
    set, set_many, add = _method("set", None), _method("set_many", None), _method("add", False)
    touch, clear = _method("touch", False), _method("clear", False)
    delete, delete_many = _method("delete", False), _method("delete_many", None)


class LimitedRedisCache(RedisCache):
    """The cache backend for a `CACHE_URL` of Redis."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = LimitedClient
