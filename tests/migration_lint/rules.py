"""The rules for migrations that run while the previous version serves.

A migration is compared with the state that the released migrations lead to, which is what the previous version uses.
Tables and columns that are new in this release can change freely.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, Field

RULES = {
    "remove": "The previous version uses it. Remove it from the models in this release with SeparateDatabaseAndState, "
    "and drop it in the next one with RunSQL.",
    "rename": "The previous version uses the old name. Add the new one, copy, and remove the old one a release later.",
    "not-null": "The previous version inserts rows without it. Give it a db_default, or allow NULL.",
    "type": "The table is rewritten, or the previous version cannot read it. Add a new column instead.",
    "constraint": "The previous version could break it, and all rows are checked under a lock.",
    "index": "Writes wait for it. Use core.database.operations.AddIndexOnline in a migration with atomic = False.",
    "reverse": "It cannot be undone. Add the reverse, RunPython.noop if nothing has to happen.",
    "batches": "All rows that it changes stay locked until it ends. Set atomic = False and commit in batches.",
    "mix": "The table stays locked while the data change. Use one migration for the schema and one for the data.",
    "sql": "This SQL cannot be checked.",
    "unknown": "This operation cannot be checked.",
}
# A migration can say why such a finding does no harm: `reviewed = {"index": "The table has a row for each country."}`.
REVIEWABLE = {"constraint", "index", "batches", "sql", "unknown"}
HARMLESS = (
    operations.CreateModel, operations.AlterModelOptions, operations.AlterModelManagers, operations.RemoveIndex,
    operations.AlterModelTableComment, operations.RemoveConstraint, operations.RenameIndex, AddIndexConcurrently,
    RemoveIndexConcurrently,
)  # fmt: skip
DATA = (operations.RunPython, operations.RunSQL)
# Types as PostgreSQL has them. Nothing connects to it.
POSTGRESQL = DatabaseWrapper({"ENGINE": "django.db.backends.postgresql", "NAME": "", "OPTIONS": {}})


@dataclass
class Step:
    """An operation, the state before and after it, and what the previous version uses."""

    app: str
    operation: Any
    before: ProjectState
    after: ProjectState
    previous: ProjectState

    @property
    def model(self) -> str:
        operation = self.operation
        name = getattr(operation, "model_name", None) or getattr(operation, "old_name", None) or operation.name
        return str(name).lower()

    @property
    def is_released(self) -> bool:
        """Whether the previous version uses the table."""
        return (self.app, self.model) in self.previous.models

    @property
    def has_released_field(self) -> bool:
        """Whether the previous version uses the column."""
        name = getattr(self.operation, "old_name", None) or self.operation.name
        return self.is_released and name in self.previous.models[self.app, self.model].fields

    def field(self, state: ProjectState) -> Field:
        """Return the field of the operation with its relations."""
        return state.apps.get_model(self.app, self.model)._meta.get_field(self.operation.name)


def check_new_migrations(released: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence for each rule that a migration of the shop breaks and that is not released.

    Before the first release, no previous version serves.
    """
    known = set(released)
    if not known:
        return []
    loader = MigrationLoader(None)
    root = Path(settings.BASE_DIR)
    own = {config.label for config in apps.get_app_configs() if Path(config.path).parent == root}
    nodes = dict.fromkeys(
        node for leaf in sorted(loader.graph.leaf_nodes()) for node in loader.graph.forwards_plan(leaf)
    )
    old = ProjectState()
    new: list[Migration] = []
    for node in nodes:
        migration = loader.graph.nodes[node]
        if node[0] in own and node not in known:
            new.append(migration)
        else:
            old = migration.mutate_state(old, preserve=False)
    return check(new, old)


def check(new: Iterable[Migration], previous: ProjectState) -> list[str]:
    """Return a sentence for each rule that the migrations break, after the migrations of the previous version."""
    findings: list[str] = []
    state = previous.clone()
    for migration in new:
        after = migration.mutate_state(state, preserve=True)
        reviewed = set(getattr(migration, "reviewed", {})) & REVIEWABLE
        broken = [(rule, text) for rule, text in _findings(migration, state, previous) if rule not in reviewed]
        findings += [f"{migration}: {text}: {rule}. {RULES[rule]}" for rule, text in broken]
        state = after
    return findings


def _findings(migration: Migration, state: ProjectState, previous: ProjectState) -> Iterator[tuple[str, str]]:
    """Yield the rule and the operation for each rule that this migration breaks."""
    state = state.clone()
    for operation in migration.operations:
        for step in _steps(migration.app_label, operation, state, previous):
            yield from ((rule, step.operation.describe()) for rule in _rules_broken_by(step, migration))
    has_data = any(isinstance(operation, operations.RunPython) for operation in migration.operations)
    if has_data and not all(isinstance(operation, DATA) for operation in migration.operations):
        yield "mix", "schema and data"


def _steps(app: str, operation: Operation, state: ProjectState, previous: ProjectState) -> Iterator[Step]:
    """Yield what an operation does to the database, and apply it to the state."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        inner = state.clone()
        for part in operation.database_operations:
            yield from _steps(app, part, inner, previous)
        for part in operation.state_operations:
            if isinstance(part, operations.RemoveField):
                yield Step(app, _Forgotten(part), state.clone(), state, previous)
            part.state_forwards(app, state)
        return
    before = state.clone()
    operation.state_forwards(app, state)
    yield Step(app, operation, before, state, previous)


class _Forgotten:
    """A column that stays in the database but leaves the models, so that nothing fills it any more."""

    def __init__(self, removal: operations.RemoveField) -> None:
        self.name, self.model_name = removal.name, removal.model_name

    def describe(self) -> str:
        return f"Forget field {self.name} of {self.model_name}"


def _rules_broken_by(step: Step, migration: Migration) -> Iterator[str]:
    """Yield the rules that one operation breaks."""
    operation = step.operation
    if isinstance(operation, HARMLESS):
        return
    for kinds, check_kind in CHECKS.items():
        if isinstance(operation, kinds):
            yield from check_kind(step, migration)
            return
    yield "unknown"


def _check_removal(step: Step, migration: Migration) -> Iterator[str]:
    is_field = isinstance(step.operation, operations.RemoveField)
    if step.has_released_field if is_field else step.is_released:
        yield "remove"


def _check_renaming(step: Step, migration: Migration) -> Iterator[str]:
    is_field = isinstance(step.operation, operations.RenameField)
    if step.has_released_field if is_field else step.is_released:
        yield "rename"


def _check_forgotten(step: Step, migration: Migration) -> Iterator[str]:
    if step.has_released_field and _must_be_given(step.before.models[step.app, step.model].fields[step.operation.name]):
        yield "not-null"


def _check_new_field(step: Step, migration: Migration) -> Iterator[str]:
    field = step.operation.field
    if not step.is_released or field.many_to_many:
        return
    if _must_be_given(field):
        yield "not-null"
    if field.unique:
        yield "constraint"
    elif field.db_index:
        yield "index"


def _must_be_given(field: Field) -> bool:
    return not (field.null or field.many_to_many or field.generated or field.db_default is not NOT_PROVIDED)


def _check_altered_field(step: Step, migration: Migration) -> Iterator[str]:
    if not step.has_released_field:
        return
    old, new = step.field(step.before), step.field(step.after)
    if old.column != new.column:
        yield "rename"
    if _must_be_given(new) and not _must_be_given(old):
        yield "not-null"
    if not _holds_all(old, new):
        yield "type"
    if new.unique and not old.unique:
        yield "constraint"
    elif new.db_index and not old.db_index:
        yield "index"


def _holds_all(old: Field, new: Field) -> bool:
    """Return whether the type is the same or can hold longer text, for which PostgreSQL does not rewrite the table."""
    old_type, new_type = old.db_type(POSTGRESQL), new.db_type(POSTGRESQL)
    if old_type == new_type:
        return True
    is_text = all(kind and kind.startswith(("varchar", "text")) for kind in (old_type, new_type))
    return is_text and (new_type == "text" or (old.max_length or 0) < (new.max_length or 0))


def _check_index(step: Step, migration: Migration) -> Iterator[str]:
    if step.is_released:
        yield "index"


def _check_constraint(step: Step, migration: Migration) -> Iterator[str]:
    if step.is_released:
        yield "constraint"


def _check_unique_together(step: Step, migration: Migration) -> Iterator[str]:
    before = step.before.models.get((step.app, step.model))
    old = before.options.get("unique_together") if before else None
    if step.is_released and set(step.operation.option_value) - set(old or ()):
        yield "constraint"


def _check_code(step: Step, migration: Migration) -> Iterator[str]:
    if not step.operation.reversible:
        yield "reverse"
    if migration.atomic:
        yield "batches"


def _check_sql(step: Step, migration: Migration) -> Iterator[str]:
    if not step.operation.reversible:
        yield "reverse"
    yield "sql"


CHECKS: dict[Any, Any] = {
    (operations.DeleteModel, operations.RemoveField): _check_removal,
    (operations.RenameModel, operations.AlterModelTable, operations.RenameField): _check_renaming,
    _Forgotten: _check_forgotten,
    operations.AddField: _check_new_field,
    operations.AlterField: _check_altered_field,
    operations.AddIndex: _check_index,
    operations.AddConstraint: _check_constraint,
    operations.AlterUniqueTogether: _check_unique_together,
    operations.RunPython: _check_code,
    operations.RunSQL: _check_sql,
}
