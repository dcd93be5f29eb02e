"""Middleware of the server that counts statements and shows pages without caches. No measured server uses it."""

from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, HttpResponse

STATEMENTS = "X-Statements"  # response header
CLEAR = "X-Clear-Caches"  # request header
ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "(SELECT", "WITH")  # statements that control transactions do not count


class StatementCounter:
    """Middleware that reports how many statements of a request read or wrote rows. It clears all caches if asked to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = 0

        def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += sql.startswith(ROWS)
            return run(sql, params, many, context)

        if CLEAR in request.headers:
            for cache in caches.all(initialized_only=True):
                cache.clear()
        with connection.execute_wrapper(execute):
            response = self.get_response(request)
        response.headers[STATEMENTS] = str(count)
        return response
