"""Queries whose SQL is made once, because making it takes longer than reading a few rows."""

from collections.abc import Callable
from copy import copy
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigAutoField, Field, Model, QuerySet
from django.db.models.expressions import RawSQL

LARGEST_ID = BigAutoField.MAX_BIGINT
Row = TypeVar("Row", bound=Model)
FIRST_STAND_IN = 2**62  # larger than any id; no parameter of a query has such a value by itself


class PreparedQuery(Generic[Row]):
    """A query with parameters: `PreparedQuery(lambda product: Picture.objects.filter(product=product), product=int)`.

    Each parameter is an id (int) or a text (str). The function gets stand-ins and returns a queryset, whose rows can
    have annotations and related rows. It is called once per kind of database. The query must not lock rows.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]], **parameters: type[int] | type[str]) -> None:
        numbers = enumerate(parameters.items(), start=FIRST_STAND_IN)
        self._make, self._stand_ins = make, {name: kind(number) for number, (name, kind) in numbers}
        self._prepared: dict[str, tuple[QuerySet[Row], Any, str, tuple[Any, ...]]] = {}

    def rows(self, **parameters: int | str) -> list[Row]:
        """Return the rows for these parameters. There are none for an id that no database can store."""
        if any(isinstance(value, int) and not 0 <= value <= LARGEST_ID for value in parameters.values()):
            return []
        connection = connections[DEFAULT_DB_ALIAS]  # of this thread
        queryset, compiler, sql, used = self._statement(connection)
        statement = sql, self._filled(used, parameters)
        # Django reads the rows as usual, only with a compiler that has the SQL already.
        compiler, query = copy(compiler), copy(queryset.query)
        compiler.connection, compiler.as_sql = connection, lambda *args, **kwargs: statement
        query.get_compiler = lambda *args, **kwargs: compiler  # type: ignore[method-assign]
        return list(type(queryset)(model=queryset.model, query=query))

    def first(self, **parameters: int | str) -> Row | None:
        """Return the first row for these parameters, or None."""
        return next(iter(self.rows(**parameters)), None)

    def subquery(self, output_field: "Field[Any, Any]", **parameters: int | str) -> RawSQL:
        """Return the only value of the query as an expression for another statement."""
        _queryset, _compiler, sql, used = self._statement(connections[DEFAULT_DB_ALIAS])
        return RawSQL(sql, self._filled(used, parameters), output_field)  # noqa: S611 - the SQL is Django's

    def _filled(self, used: tuple[Any, ...], parameters: dict[str, int | str]) -> tuple[Any, ...]:
        """Return the parameters of the statement with these values in place of the stand-ins."""
        values = {self._stand_ins[name]: value for name, value in parameters.items()}
        return tuple([values.get(value, value) for value in used])

    def _statement(self, connection: Any) -> tuple[QuerySet[Row], Any, str, tuple[Any, ...]]:
        if connection.vendor not in self._prepared:
            self._prepared[connection.vendor] = self._prepare(connection)
        return self._prepared[connection.vendor]

    def _prepare(self, connection: Any) -> tuple[QuerySet[Row], Any, str, tuple[Any, ...]]:
        queryset = self._make(**self._stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, used = compiler.as_sql()
        converters = compiler.get_converters([column for column, _sql, _alias in compiler.select])
        compiler.get_converters = lambda expressions: converters
        return queryset, compiler, sql, tuple(used)
