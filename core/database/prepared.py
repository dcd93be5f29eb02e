"""Queries whose SQL is made once, because making it takes longer than reading a few rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigAutoField, Field, Model, QuerySet
from django.db.models.expressions import RawSQL

LARGEST_ID = BigAutoField.MAX_BIGINT
Row = TypeVar("Row", bound=Model)
FIRST_STAND_IN = 2**62  # larger than any id; no parameter of a query has such a value by itself
Parameter = int | str | datetime


class PreparedQuery(Generic[Row]):
    """A query with parameters: `PreparedQuery(lambda product: Picture.objects.filter(product=product), product=int)`.

    Each parameter is an id (int), a text (str) or a time (datetime). The function gets stand-ins and returns a
    queryset, whose rows can have annotations and related rows, or be dictionaries. It is called once per kind of
    database. The query must not lock rows.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]], **parameters: type[Parameter]) -> None:
        self._make = make
        self._stand_ins = {name: _stand_in(kind, number) for number, (name, kind) in enumerate(parameters.items())}
        self._prepared: dict[str, tuple[QuerySet[Row], Any, str, tuple[Any, ...]]] = {}

    def rows(self, **parameters: Parameter) -> list[Row]:
        """Return the rows for these parameters. There are none for an id that no database can store."""
        if any(isinstance(value, int) and not 0 <= value <= LARGEST_ID for value in parameters.values()):
            return []
        connection = connections[DEFAULT_DB_ALIAS]  # of this thread
        queryset, compiler, sql, used = self._statement(connection)
        statement = sql, self._filled(connection, used, parameters)
        # Django reads the rows as usual, only with a compiler that has the SQL already.
        compiler, query = _copy(compiler), _copy(queryset.query)
        compiler.connection, compiler.as_sql = connection, lambda *args, **kwargs: statement
        query.get_compiler = lambda *args, **kwargs: compiler
        rows = type(queryset)(model=queryset.model, query=query)
        rows._iterable_class = queryset._iterable_class
        return list(rows)

    def first(self, **parameters: Parameter) -> Row | None:
        """Return the first row for these parameters, or None."""
        return next(iter(self.rows(**parameters)), None)

    def get(self, **parameters: Parameter) -> Row:
        """Return the only row for these parameters. Raise DoesNotExist of its model if there is none."""
        for row in self.rows(**parameters):
            return row
        model: Any = self._statement(connections[DEFAULT_DB_ALIAS])[0].model
        raise model.DoesNotExist

    def as_queryset(self, **parameters: Parameter) -> Any:
        """Return the row for these parameters as `Model.refresh_from_db` takes it, in place of a queryset."""
        return _OnlyRow(self, parameters)

    def subquery(self, output_field: "Field[Any, Any]", **parameters: Parameter) -> RawSQL:
        """Return the only value of the query as an expression for another statement."""
        connection = connections[DEFAULT_DB_ALIAS]
        _queryset, _compiler, sql, used = self._statement(connection)
        return RawSQL(sql, self._filled(connection, used, parameters), output_field)  # noqa: S611 - SQL of Django

    def _filled(self, connection: Any, used: tuple[Any, ...], parameters: dict[str, Parameter]) -> tuple[Any, ...]:
        """Return the parameters of the statement with these values in place of the stand-ins."""
        names = parameters.items()
        values = {_adapted(connection, self._stand_ins[name]): _adapted(connection, value) for name, value in names}
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


def _copy(original: Any) -> Any:
    """Return a shallow copy, as `copy.copy` does, but several times as fast."""
    copied = object.__new__(type(original))
    copied.__dict__.update(original.__dict__)
    return copied


class _OnlyRow:
    """The part of a queryset that `Model.refresh_from_db` uses."""

    def __init__(self, query: PreparedQuery[Any], parameters: dict[str, Parameter]) -> None:
        self._query, self._parameters = query, parameters

    def filter(self, pk: object) -> "_OnlyRow":
        return self

    def get(self) -> Any:
        return self._query.get(**self._parameters)


def _stand_in(kind: type[Parameter], number: int) -> Parameter:
    if kind is datetime:
        return datetime(9900 + number, 1, 1, tzinfo=UTC)
    return str(FIRST_STAND_IN + number) if kind is str else FIRST_STAND_IN + number


def _adapted(connection: Any, value: Parameter) -> Any:
    """Return the value as it is in the parameters of a statement."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
