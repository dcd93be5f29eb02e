"""Queries whose SQL is made once, because making it takes longer than reading a few rows."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import BigAutoField, Model, QuerySet

LARGEST_ID = BigAutoField.MAX_BIGINT
Row = TypeVar("Row", bound=Model)
FIRST_STAND_IN = 2**62  # larger than any id; no parameter of a query has such a value by itself


class PreparedQuery(Generic[Row]):
    """A query with parameters: `PreparedQuery(lambda product: Picture.objects.filter(product=product), product=int)`.

    Each parameter is an id (int) or a text (str). The function gets stand-ins and returns a queryset of rows of one
    model, which can have annotations. It is called once per kind of database.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]], **parameters: type[int] | type[str]) -> None:
        numbers = enumerate(parameters.items(), start=FIRST_STAND_IN)
        self._make, self._stand_ins = make, {name: kind(number) for number, (name, kind) in numbers}
        self._statements: dict[str, tuple[type[Row], str, tuple[Any, ...]]] = {}

    def rows(self, **parameters: int | str) -> list[Row]:
        """Return the rows for these parameters. There are none for an id that no database can store."""
        if any(isinstance(value, int) and not 0 <= value <= LARGEST_ID for value in parameters.values()):
            return []
        if connection.vendor not in self._statements:
            queryset = self._make(**self._stand_ins)
            sql, used = queryset.query.sql_with_params()
            self._statements[connection.vendor] = queryset.model, sql, tuple(used)
        model, sql, used = self._statements[connection.vendor]
        values = {self._stand_ins[name]: value for name, value in parameters.items()}
        return list(model._default_manager.raw(sql, [values.get(value, value) for value in used]))
