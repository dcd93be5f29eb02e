"""Queries whose SQL is made once, because making it takes longer than reading a few rows."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
FIRST_STAND_IN = 2**62  # larger than any id; no parameter of a query has such a value by itself


class PreparedQuery(Generic[Row]):
    """A query with ids as parameters: `PreparedQuery(lambda product: Picture.objects.filter(product=product))`.

    The function gets stand-ins and returns a queryset of rows of one model. It is called once per kind of database.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]], *names: str) -> None:
        self._make, self._stand_ins = make, {name: FIRST_STAND_IN + number for number, name in enumerate(names)}
        self._statements: dict[str, tuple[type[Row], str, tuple[Any, ...]]] = {}

    def rows(self, **ids: int) -> list[Row]:
        """Return the rows for these ids."""
        if connection.vendor not in self._statements:
            queryset = self._make(**self._stand_ins)
            sql, parameters = queryset.query.sql_with_params()
            self._statements[connection.vendor] = queryset.model, sql, tuple(parameters)
        model, sql, parameters = self._statements[connection.vendor]
        values = {self._stand_ins[name]: value for name, value in ids.items()}
        return list(model._default_manager.raw(sql, [values.get(value, value) for value in parameters]))
