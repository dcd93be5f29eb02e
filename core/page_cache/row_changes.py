"""The rows that a transaction changed, and the versions that these changes move."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from core.page_cache.models import SITE

Values = Mapping[str, Any]
MAX_ROWS = 500  # If more rows change together, SITE moves instead of their versions.


@dataclass(frozen=True)
class RowChange:
    """The shown columns of a row before and after its change. None if the row did not or does not exist."""

    pk: Any
    before: Values | None
    after: Values | None

    @property
    def states(self) -> list[Values]:
        return [values for values in (self.before, self.after) if values is not None]


Rule = Callable[[list[RowChange]], set[str]]
RULES: dict[type[Model], Rule] = {}  # filled by core.page_cache.shown_rows.moves_versions


class RowChanges:
    """The rows that a transaction may have changed, each with the values that it had before.

    The caller must hold the locks of rows that exist, so that no other transaction changes them before `names`
    is called.
    """

    def __init__(self) -> None:
        self._before: dict[type[Model], dict[Any, Values | None]] = {}
        self._marked: set[tuple[type[Model], Any]] = set()
        self._deleted: set[tuple[type[Model], Any]] = set()
        self._is_over_limit = False

    def note(self, rows: QuerySet) -> int:
        """Lock these rows and remember the values of those that are not known yet. Return their number.

        Call this before they are changed. Do nothing if all pages count as changed anyway.
        """
        if self._is_over_limit:
            return 0
        known = self._before.setdefault(rows.model, {})
        found = read_values(rows.select_for_update(no_key=True).order_by("pk")[: MAX_ROWS + 1])
        for pk, values in found.items():
            known.setdefault(pk, values)
        self._check_limit()
        return len(found)

    def note_new(self, model: type[Model], pks: Iterable[Any]) -> None:
        """Remember that these rows are new, unless they are known already."""
        known = self._before.setdefault(model, {})
        for pk in pks:
            known.setdefault(pk, None)
            self._deleted.discard((model, pk))
        self._check_limit()

    def note_deletion(self, rows: QuerySet) -> None:
        """Remember the values of these rows. They count as deleted, even if they still exist."""
        known = self._before.get(rows.model, {})
        pks = set(rows.values_list("pk", flat=True))
        if not pks <= set(known):
            self.note(rows)
        self._deleted |= {(rows.model, pk) for pk in pks}

    def mark(self, model: type[Model], pk: Any) -> None:
        """Remember that something shown of this row changed, which its columns do not tell."""
        self._before.setdefault(model, {})
        self._marked.add((model, pk))

    def changes(self) -> dict[type[Model], list[RowChange]]:
        """Return the rows that differ from before, with their values now."""
        found = {model: self._changes_of(model) for model in self._before} if not self._is_over_limit else {}
        return {model: changes for model, changes in found.items() if changes}

    def names(self, changes: dict[type[Model], list[RowChange]]) -> set[str]:
        """Return the names of the versions that these changes move."""
        if self._is_over_limit:
            return {SITE}
        return {name for model, rows in changes.items() for name in RULES[model](rows)}

    @property
    def is_over_limit(self) -> bool:
        """Whether so many rows changed that all pages count as changed."""
        return self._is_over_limit

    def _changes_of(self, model: type[Model]) -> list[RowChange]:
        before = self._before[model]
        marked = {pk for kind, pk in self._marked if kind is model}
        now = read_values(model._base_manager.filter(pk__in={*before, *marked}))
        found = []
        for pk in {**before, **dict.fromkeys(marked)}:
            after = None if (model, pk) in self._deleted else now.get(pk)
            change = RowChange(pk, before.get(pk, after), after)
            if pk in marked or change.before != change.after:
                found.append(change)
        return found

    def _check_limit(self) -> None:
        if sum(map(len, self._before.values())) > MAX_ROWS:
            self._is_over_limit = True
            self._before.clear()


def read_values(rows: QuerySet) -> dict[Any, Values]:
    """Return the shown columns of these rows by primary key, as pages show them."""
    model: Any = rows.model
    names = model.shown_columns()
    shown = model.shown_as
    return {
        pk: {name: shown[name](value) if name in shown else value for name, value in zip(names, values, strict=True)}
        for pk, *values in rows.values_list("pk", *names)
    }
