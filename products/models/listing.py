"""Which variant of a group is its card in lists, and the lowest and the highest price of the group.

Products of one group and one category are variants of one thing, and a list shows them as one card. The columns here
are stored, so that lists need not look at other rows. They follow every change of a product in its own transaction.
"""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from django.db import connections, models
from django.db.models import F, Func, Q

from core.page_cache.versions import Touches, collect_touches

_Row = TypeVar("_Row", bound="Listing")
Group = tuple[int | None, str]  # a category and the name of a group
SOURCES = frozenset(["sku", "price", "active", "category", "category_id", "group"])
COLUMNS = ("is_listed", "lowest_price", "highest_price")
LOCK = 0x47524F5550  # the advisory lock of transactions that change products, on PostgreSQL
MAX_ROWS = 2000  # If a transaction changes more rows, all rows are compared in one statement.
# The facts about each row. Rows without a group and rows that are not on sale stand alone.
FACTS = """
    SELECT id, active AND row_number() OVER (variants ORDER BY sku) = 1 AS is_listed,
           min(price) OVER variants AS lowest_price, max(price) OVER variants AS highest_price
    FROM products_product {where}
    WINDOW variants AS (
        PARTITION BY category_id, "group", CASE WHEN active AND "group" <> '' THEN 0 ELSE id END
    )
"""
UPDATE = f"""UPDATE products_product
    SET {", ".join(f"{name} = facts.{name}" for name in COLUMNS)}
    FROM ({FACTS}) AS facts
    WHERE products_product.id = facts.id
      AND ({" OR ".join(f"products_product.{name} <> facts.{name}" for name in COLUMNS)})
"""  # noqa: S608 - constants


class HasVariant(Func):
    """Whether a card has a variant on sale that costs from `low` to `high`, and is not sold out if `in_stock`.

    None means no limit. The columns of the card decide if they can. Only otherwise, its variants are looked up.

    The text of this expression is its condition, by which counts are kept. Django would need a fifth of the time of a
    list to make the SQL.
    """

    output_field = models.BooleanField()
    # PostgreSQL would prepare an EXISTS with a scan of the whole table.
    other = """{card}."group" <> '' AND (SELECT 1 FROM products_product variant
        WHERE variant.active AND variant."group" = {card}."group"
          AND COALESCE(variant.category_id, 0) = COALESCE({card}."category_id", 0) AND {matches} LIMIT 1) IS NOT NULL"""

    def __init__(self, low: Decimal | None, high: Decimal | None, in_stock: bool) -> None:
        super().__init__(F("pk"))
        self._low, self._high, self._in_stock = low, high, in_stock

    def __repr__(self) -> str:
        return f"HasVariant({self._low}, {self._high}, {self._in_stock})"

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the SQL and its parameters."""
        column: Any = self.get_source_expressions()[0]
        card = compiler.quote_name_unless_alias(column.alias)
        limits = [limit for limit in ((">=", self._low), ("<=", self._high)) if limit[1] is not None]
        prices = [connection.ops.adapt_decimalfield_value(price, 10, 2) for _sign, price in limits]
        bounds = [f'{card}."{"highest" if sign == ">=" else "lowest"}_price" {sign} %s' for sign, _price in limits]
        if len(limits) < 2 and not self._in_stock:
            return " AND ".join(bounds), prices

        def matches(table: str) -> str:
            in_stock = [f'({table}."stock" IS NULL OR {table}."stock" <> 0)'] * self._in_stock
            return " AND ".join([f'{table}."price" {sign} %s' for sign, _price in limits] + in_stock)

        choices = [matches(card), self.other.format(card=card, matches=matches("variant"))]
        if not self._in_stock:  # One end of the range of prices is within the limits.
            choices.insert(1, f'{card}."lowest_price" >= %s OR {card}."highest_price" <= %s')
        return " AND ".join([*bounds, f"({' OR '.join(choices)})"]), prices * (len(choices) + 1)


class ListingQuerySet(models.QuerySet[_Row]):
    """A queryset whose bulk writes keep the columns of Listing right."""

    def listed(self) -> Any:
        """Return one row for each group on sale, and all products on sale without a group."""
        return self.filter(is_listed=True)

    def with_variant(self, low: Decimal | None, high: Decimal | None, in_stock: bool) -> Any:
        """Return the cards that have a variant which costs from `low` to `high`, and is not sold out if `in_stock`.

        None means no limit.
        """
        has_limits = in_stock or low is not None or high is not None
        return self.filter(HasVariant(low, high, in_stock)) if has_limits else self

    def lock(self, groups: Iterable[str] = ()) -> dict[int, Group]:
        """Lock these rows and all rows of their groups, and of `groups` with these names, in the order of their ids.

        Return the groups of these rows by id. Call this before a transaction locks single products that it changes,
        otherwise two such transactions can deadlock. No more than MAX_ROWS rows are locked.
        """
        connection = connections[self.db]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        every: Any = self.model._base_manager.using(self.db)
        rows = every.filter(pk__in=self.order_by().values("pk")).values_list("pk", "category_id", "group")
        found = {pk: (category, group) for pk, category, group in rows[: MAX_ROWS + 1]}
        names = {*groups, *(group for _category, group in found.values())} - {""}
        if connection.features.has_select_for_update and len(found) <= MAX_ROWS:
            members = every.filter(Q(pk__in=found) | Q(group__in=names)).order_by("pk").values("pk")
            list(members.select_for_update(no_key=True)[:MAX_ROWS])
        return found

    def update(self, **values: Any) -> int:
        """Update the rows, and lists with them."""
        if not SOURCES & values.keys():
            return super().update(**values)
        with collect_touches() as touches:
            found = self.lock([values["group"]] if isinstance(values.get("group"), str) else [])
            follow(touches, self.model, found)
            updated = super().update(**values)
            if updated > len(found):  # A row has just begun to match, or there are more than MAX_ROWS.
                touches.follow_ups[refresh].add((self.model, None))
        return updated

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        """Update the rows with `update`. Lock the groups into which they move."""
        objs, fields = tuple(objs), tuple(fields)
        with collect_touches():
            if "group" in fields:
                self.filter(pk__in=[row.pk for row in objs]).lock([str(row.group) for row in objs])
            return super().bulk_update(objs, fields, *args, **kwargs)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Insert the rows."""
        objs = list(objs)
        for row in objs:
            row.stand_alone()
        groups = {str(row.group) for row in objs} - {""}
        with collect_touches() as touches:
            if groups:
                self.none().lock(groups)
            rows = super().bulk_create(objs, *args, **kwargs)
            if kwargs.get("ignore_conflicts") or kwargs.get("update_conflicts"):
                touches.follow_ups[refresh].add((self.model, None))  # The database does not tell which rows are new.
            else:
                follow(touches, self.model, [row.pk for row in rows if row.group])  # type: ignore[attr-defined]
        return rows

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows. A receiver remembers their groups."""
        with collect_touches():
            self.lock()
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Listing(models.Model):
    """A model whose rows are variants of groups, of which lists show one.

    Each variant on sale has the prices of its group, because a search shows the variant that it found. Only `refresh`
    writes these columns.
    """

    is_listed = models.BooleanField(default=False, db_default=False, editable=False)
    lowest_price = models.DecimalField(max_digits=10, decimal_places=2, default=0, db_default=0, editable=False)
    highest_price = models.DecimalField(max_digits=10, decimal_places=2, default=0, db_default=0, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row. If lists may change, lock its group first."""
        if update_fields is not None and not SOURCES & set(update_fields):
            super().save(*args, update_fields=update_fields, **kwargs)
            return
        self.stand_alone()
        model, group = type(self), str(self.__dict__.get("group", ""))
        if self.pk is None and not group:
            super().save(*args, update_fields=update_fields, **kwargs)
            return
        with collect_touches() as touches:
            follow(touches, model, model._base_manager.filter(pk=self.pk).lock([group]))  # type: ignore[attr-defined]
            super().save(*args, update_fields=update_fields, **kwargs)
            follow(touches, model, [self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row. A receiver remembers its group."""
        with collect_touches():
            type(self)._base_manager.filter(pk=self.pk).lock()  # type: ignore[attr-defined]
            return super().delete(*args, **kwargs)

    def stand_alone(self) -> None:
        """Set the columns of a new row as for a product without a group, so that most new rows need no second write."""
        if self._state.adding:
            row: Any = self
            self.is_listed, self.lowest_price, self.highest_price = bool(row.active), row.price, row.price


def follow(touches: Touches, model: type[models.Model], rows: Mapping[int, Group] | Collection[int]) -> None:
    """Refresh these rows before the transaction ends, with the groups that they were in and are in then."""
    groups = rows.values() if isinstance(rows, Mapping) else ()
    touches.follow_ups[refresh] |= {(model, value) for value in (*rows, *groups)}


def refresh(changes: set[tuple[type[Any], Any]]) -> None:
    """Write the columns of the rows that changed and of all rows of their groups. A value of None means all rows."""
    for model in {model for model, _value in changes}:
        values = {value for kind, value in changes if kind is model}
        pks = [value for value in values if isinstance(value, int)]
        if None in values or len(pks) > MAX_ROWS:
            refresh_all(model)
        else:
            _refresh_rows(model, pks, {value for value in values if isinstance(value, tuple)})


def refresh_all(model: type[Any]) -> int:
    """Write the columns of all rows that have others. Return their number."""
    with connections[model._base_manager.db].cursor() as cursor:
        cursor.execute(UPDATE.format(where=""))
        return int(cursor.rowcount)


def _refresh_rows(model: type[Any], pks: Collection[int], groups: set[Group]) -> None:
    every = model._base_manager
    rows = every.filter(pk__in=pks).values_list("category_id", "group")
    groups = {group for group in groups | set(rows) if group[1]}
    names = {name for _category, name in groups}
    members = every.filter(group__in=names).values_list("pk", "category_id", "group") if names else ()
    ids = sorted({*pks, *(pk for pk, *group in members if tuple(group) in groups)})
    if ids:
        with connections[every.db].cursor() as cursor:
            cursor.execute(UPDATE.format(where=f"WHERE id IN ({', '.join(['%s'] * len(ids))})"), ids)
