"""The server that counts statements and shows pages without caches. No measured server does."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.cache import caches
from django.db import connection

STATEMENTS = "X-Statements"  # response header
CLEAR = "X-Clear-Caches"  # request header
ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "(SELECT", "WITH")  # statements that control transactions do not count
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def counted(application: Application) -> Application:
    """Return a WSGI application that reports how many statements of a request read or wrote rows.

    It clears all caches if asked to.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        count, heads = 0, []

        def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += sql.startswith(ROWS)
            return run(sql, params, many, context)

        if f"HTTP_{CLEAR.upper().replace('-', '_')}" in environ:
            for cache in caches.all(initialized_only=True):
                cache.clear()
        with connection.execute_wrapper(execute):
            body = application(environ, lambda *head: heads.append(head))
        [(status, headers, *error)] = heads
        start_response(status, [*headers, (STATEMENTS, str(count))], *error)
        return body

    return answer
