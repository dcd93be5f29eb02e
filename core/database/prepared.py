"""Statements whose SQL is made once, because making it takes longer than reading or writing a few rows."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigAutoField, Field, Model, QuerySet
from django.db.models.expressions import Expression, RawSQL
from django.db.models.sql import InsertQuery, UpdateQuery
from django.db.transaction import TransactionManagementError, mark_for_rollback_on_error

LARGEST_ID = BigAutoField.MAX_BIGINT
Row = TypeVar("Row", bound=Model)
FIRST_STAND_IN = 2**62  # larger than any id; no parameter of a query has such a value by itself
Parameter = int | str | datetime


class _Parameters:
    """The parameters of a statement, with a stand-in for each while the statement is made."""

    def __init__(self, parameters: dict[str, type[Parameter]]) -> None:
        kinds = enumerate(parameters.items())
        self.stand_ins: dict[str, Any] = {name: _stand_in(kind, number) for number, (name, kind) in kinds}

    def are_storable(self, given: dict[str, Parameter]) -> bool:
        """Return whether a row can have all these ids."""
        return not any(isinstance(value, int) and not 0 <= value <= LARGEST_ID for value in given.values())

    def filled(
        self, connection: Any, used: tuple[Any, ...], given: dict[str, Parameter], others: Mapping[Any, Any]
    ) -> tuple[Any, ...]:
        """Return the parameters of the statement with the given values in place of stand-ins, and with the others."""
        names = given.items()
        values = {_adapted(connection, self.stand_ins[name]): _adapted(connection, value) for name, value in names}
        values |= others
        return tuple([values.get(value, value) for value in used])


class PreparedQuery(Generic[Row]):
    """A query with parameters: `PreparedQuery(lambda product: Picture.objects.filter(product=product), product=int)`.

    Each parameter is an id (int), a text (str) or a time (datetime). The function gets stand-ins and returns a
    queryset, whose rows can have annotations and related rows, or be dictionaries or tuples. It is called once per kind
    of database.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]], **parameters: type[Parameter]) -> None:
        self._make = make
        self._parameters = _Parameters(parameters)
        self._prepared: dict[str, tuple[QuerySet[Row], Any, str, tuple[Any, ...]]] = {}

    def rows(self, **parameters: Parameter) -> list[Row]:
        """Return the rows for these parameters. There are none for an id that no database can store.

        Raise TransactionManagementError if the query locks rows, but there is no transaction.
        """
        if not self._parameters.are_storable(parameters):
            return []
        connection = connections[DEFAULT_DB_ALIAS]  # of this thread
        queryset, compiler, sql, used = self._statement(connection)
        if queryset.query.select_for_update and not connection.in_atomic_block:
            raise TransactionManagementError("This query locks rows, so it needs a transaction.")
        statement = sql, self._parameters.filled(connection, used, parameters, {})
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
        filled = self._parameters.filled(connection, used, parameters, {})
        return RawSQL(sql, filled, output_field)  # noqa: S611 - SQL of Django

    def _statement(self, connection: Any) -> tuple[QuerySet[Row], Any, str, tuple[Any, ...]]:
        if connection.vendor not in self._prepared:
            self._prepared[connection.vendor] = self._prepare(connection)
        return self._prepared[connection.vendor]

    def _prepare(self, connection: Any) -> tuple[QuerySet[Row], Any, str, tuple[Any, ...]]:
        queryset = self._make(**self._parameters.stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, used = compiler.as_sql()
        converters = compiler.get_converters([column for column, _sql, _alias in compiler.select])
        compiler.get_converters = lambda expressions: converters
        return queryset, compiler, sql, tuple(used)


class PreparedUpdate:
    """An update with parameters: `PreparedUpdate(lambda cart: Cart.objects.filter(pk=cart), "active", cart=int)`.

    The function gets stand-ins for the parameters, as for `PreparedQuery`, and returns the rows to change. `columns`
    are the names of the fields that `run` writes. `expressions` returns the expressions for other fields.
    """

    def __init__(
        self,
        make: Callable[..., QuerySet[Any]],
        *columns: str,
        expressions: Callable[..., dict[str, Any]] = lambda **stand_ins: {},
        **parameters: type[Parameter],
    ) -> None:
        self._make, self._columns, self._expressions = make, columns, expressions
        self._parameters = _Parameters(parameters)
        self._prepared: dict[str, tuple[str, tuple[Any, ...], dict[str, _Place]]] = {}

    def run(self, values: dict[str, Any] | None = None, **parameters: Parameter) -> int:
        """Write these values, one for each of `columns`. Return how many rows matched."""
        if not self._parameters.are_storable(parameters):
            return 0
        connection = connections[DEFAULT_DB_ALIAS]  # of this thread
        if connection.vendor not in self._prepared:
            self._prepared[connection.vendor] = self._prepare(connection)
        sql, used, places = self._prepared[connection.vendor]
        written = {places[name]: places[name].adapted(value, connection) for name, value in (values or {}).items()}
        filled = self._parameters.filled(connection, used, parameters, written)
        with mark_for_rollback_on_error(using=DEFAULT_DB_ALIAS), connection.cursor() as cursor:
            cursor.execute(sql, filled)
            return int(cursor.rowcount)

    def _prepare(self, connection: Any) -> "tuple[str, tuple[Any, ...], dict[str, _Place]]":
        """Return the SQL, its parameters, and the place of each column's value among them.

        Raise TypeError for a queryset with an `update` of its own, which does more than to write the rows.
        """
        queryset = self._make(**self._parameters.stand_ins)
        if type(queryset).update is not QuerySet.update:
            raise TypeError(f"{type(queryset).__name__} has an update of its own.")
        places = {name: _Place(queryset.model._meta.get_field(name)) for name in self._columns}
        query: Any = queryset.query.chain(UpdateQuery)
        query.clear_ordering(force=True)
        query.add_update_values(places | self._expressions(**self._parameters.stand_ins))
        sql, used = query.get_compiler(connection=connection).as_sql()
        return sql, tuple(used), places


def update_row(model: type[Model], pk: int | str, **values: Any) -> int:
    """Write these columns of the row with this primary key. Return 0 if there is none, otherwise 1."""
    kind: Any = type(pk)
    return _row_update(model, kind, *values).run(values, pk=pk)


@cache
def _row_update(model: type[Model], kind: type[Parameter], *columns: str) -> PreparedUpdate:
    return PreparedUpdate(lambda pk: model._default_manager.filter(pk=pk), *columns, pk=kind)


def insert_row(row: Model) -> None:
    """Insert a new row, and set a primary key that the database makes.

    `save` does the same, but also sends signals and reads defaults of the database.
    """
    connection = connections[DEFAULT_DB_ALIAS]  # of this thread
    sql, fields = _insertion(type(row), connection.vendor)
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with mark_for_rollback_on_error(using=DEFAULT_DB_ALIAS), connection.cursor() as cursor:
        cursor.execute(sql, values)
        if row._meta.auto_field is None:
            pass  # The row has its key.
        elif connection.features.can_return_columns_from_insert:
            row.pk = cursor.fetchone()[0]
        else:
            row.pk = connection.ops.last_insert_id(cursor, row._meta.db_table, str(row._meta.pk.column))
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insertion(model: type[Model], _vendor: str) -> tuple[str, list[Any]]:
    """Return the SQL that inserts a row of this model, and the fields whose values are its parameters."""
    connection = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in model._meta.local_concrete_fields if field is not model._meta.auto_field]
    query: Any = InsertQuery(model)
    query.insert_values(fields, [model()], raw=False)
    compiler = query.get_compiler(connection=connection)
    if model._meta.auto_field and connection.features.can_return_columns_from_insert:
        compiler.returning_fields = [model._meta.auto_field]
    [(sql, _values)] = compiler.as_sql()
    return sql, fields


class _Place(Expression):
    """The place of a value that is written to a column. It is itself among the parameters of the SQL."""

    def __init__(self, field: Any) -> None:
        super().__init__(output_field=field)

    def resolve_expression(self, *args: Any, **kwargs: Any) -> "_Place":
        return self

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def adapted(self, value: Any, connection: Any) -> Any:
        """Return a value, which can be a row that the field refers to, as the database stores it."""
        field: Any = self.output_field
        if hasattr(value, "prepare_database_save"):
            value = value.prepare_database_save(field)
        return field.get_db_prep_save(value, connection)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


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
