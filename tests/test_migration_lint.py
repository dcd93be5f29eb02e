"""Tests that migrations can run while the previous version serves, and that released ones do not change."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelOptions,
    AlterModelTable,
    AlterOrderWithRespectTo,
    AlterUniqueTogether,
    CreateModel,
    DeleteModel,
    Migration,
    RemoveConstraint,
    RemoveField,
    RenameField,
    RenameModel,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from carts.models import Cart
from core.database.operations import AddIndexOnline
from tests.migration_lint import released, rules

pytestmark = pytest.mark.slow

ID = ("id", models.BigAutoField(primary_key=True))
INDEX = models.Index(fields=["price"], name="by_price")
CHECK = models.CheckConstraint(condition=models.Q(price__gt=0), name="positive")


def nothing(*args: Any) -> None:
    pass


def make_previous() -> ProjectState:
    """Return what the previous version uses: two tables."""
    state = ProjectState()
    state.add_model(ModelState("shop", "Shelf", [ID]))
    fields = [
        ID, ("title", models.CharField(max_length=20)), ("price", models.IntegerField()),
        ("note", models.CharField(max_length=9, null=True)), ("size", models.IntegerField(db_default=1)),
    ]  # fmt: skip
    state.add_model(ModelState("shop", "Thing", fields))
    return state


def broken(*operations: Operation, **attributes: Any) -> list[str]:
    """Return the rules that a migration with these operations breaks."""
    migration = Migration("0002_new", "shop")
    migration.operations = list(operations)
    for name, value in attributes.items():
        setattr(migration, name, value)
    findings = rules.check([migration], make_previous())
    assert all(finding.startswith("shop.0002_new: ") for finding in findings)
    return [rule for finding in findings for rule, text in rules.RULES.items() if finding.endswith(f": {rule}. {text}")]


def forget(name: str) -> Operation:
    return SeparateDatabaseAndState(state_operations=[RemoveField("thing", name)])


@pytest.mark.parametrize(
    ("operation", "rule"),
    [
        (RemoveField("thing", "note"), "remove"),
        (DeleteModel("Thing"), "remove"),
        (SeparateDatabaseAndState(database_operations=[RemoveField("thing", "note")]), "remove"),
        (RenameField("thing", "note", "text"), "rename"),
        (RenameModel("Thing", "Item"), "rename"),
        (AlterModelTable("thing", "things"), "rename"),
        (AlterField("thing", "note", models.CharField(max_length=9, null=True, db_column="n")), "rename"),
        (AddField("thing", "color", models.CharField(max_length=9, default="")), "not-null"),
        (AlterField("thing", "note", models.CharField(max_length=9, default="")), "not-null"),
        (AlterField("thing", "size", models.IntegerField()), "not-null"),
        (forget("title"), "not-null"),
        (AlterField("thing", "price", models.DecimalField(max_digits=9, decimal_places=2)), "type"),
        (AlterField("thing", "title", models.CharField(max_length=10)), "type"),
        (AddConstraint("thing", CHECK), "constraint"),
        (AlterUniqueTogether("thing", {("title", "price")}), "constraint"),
        (AlterField("thing", "price", models.IntegerField(unique=True)), "constraint"),
        (AddField("thing", "code", models.CharField(max_length=9, null=True, unique=True)), "constraint"),
        (AddIndex("thing", INDEX), "index"),
        (AlterField("thing", "price", models.IntegerField(db_index=True)), "index"),
        (AddField("thing", "shelf", models.ForeignKey("shop.Shelf", models.CASCADE, null=True)), "index"),
        (AlterOrderWithRespectTo("thing", "title"), "unknown"),
    ],
)
def test_operation_that_disturbs_the_previous_version_is_found(operation: Operation, rule: str) -> None:
    assert broken(operation) == [rule]


def test_code_and_sql_are_found() -> None:
    assert broken(RunPython(nothing, nothing)) == ["batches"]
    assert broken(RunPython(nothing), atomic=False) == ["reverse"]
    assert broken(RunPython(nothing, nothing), AlterModelOptions("thing", {}), atomic=False) == ["mix"]
    assert broken(RunSQL("DROP TABLE x", "")) == ["sql"]
    assert broken(RunSQL("DROP TABLE x")) == ["reverse", "sql"]


@pytest.mark.parametrize(
    "operation",
    [
        CreateModel("Box", [ID, ("name", models.CharField(max_length=9, unique=True))]),
        AddField("thing", "color", models.CharField(max_length=9, null=True)),
        AddField("thing", "color", models.CharField(max_length=9, db_default="")),
        AddField("thing", "shelves", models.ManyToManyField("shop.Shelf")),
        AddField("thing", "shelf", models.ForeignKey("shop.Shelf", models.CASCADE, null=True, db_index=False)),
        AlterField("thing", "title", models.CharField(max_length=30)),
        AlterField("thing", "title", models.TextField()),
        AlterField("thing", "price", models.IntegerField(help_text="In cents")),
        AlterField("thing", "price", models.IntegerField(null=True)),
        forget("note"),
        forget("size"),
        SeparateDatabaseAndState(state_operations=[DeleteModel("Thing")]),
        AlterModelOptions("thing", {"ordering": ["price"]}),
    ],
)
def test_harmless_operation_is_accepted(operation: Operation) -> None:
    assert broken(operation) == []


def test_new_tables_and_columns_change_freely() -> None:
    box = [ID, ("name", models.CharField(max_length=9))]
    add = AddField("thing", "color", models.IntegerField(null=True))
    assert broken(CreateModel("Box", box), RenameField("box", "name", "label"), DeleteModel("Box")) == []
    assert broken(CreateModel("Box", box), AddIndex("box", models.Index(fields=["name"], name="x"))) == []
    assert broken(add, RemoveField("thing", "color")) == []
    assert broken(AddConstraint("thing", CHECK), RemoveConstraint("thing", "positive")) == ["constraint"]


def test_index_that_locks_nothing_is_accepted() -> None:
    assert broken(AddIndexOnline("thing", INDEX), atomic=False) == []


@pytest.mark.slow
def test_review_accepts_what_depends_on_the_data_and_nothing_else() -> None:
    assert broken(AddConstraint("thing", CHECK), reviewed={"constraint": "There are three rows."}) == []
    assert broken(AddConstraint("thing", CHECK), reviewed={"index": "There are three rows."}) == ["constraint"]
    assert broken(RemoveField("thing", "note"), reviewed={"remove": "Nobody reads it."}) == ["remove"]


def test_rules_find_what_earlier_migrations_of_the_shop_would_disturb() -> None:
    first = [
        (app, "0001_initial") for app in ("accounts", "addresses", "billing", "carts", "core", "orders", "products")
    ]
    findings = rules.check_new_migrations(first)
    assert any("orders.0002_checksum: Rename field seal on order to checksum: rename." in text for text in findings)
    assert rules.check_new_migrations([]) == []  # no version is released yet, so nothing is disturbed


def test_new_migrations_keep_the_rules() -> None:
    assert rules.check_new_migrations(released.names()) == []


def test_released_migrations_are_unchanged() -> None:
    assert list(released.changed()) == []


def test_changed_and_deleted_released_migrations_are_found(tmp_path: Path) -> None:
    folder, file = tmp_path / "shop" / "migrations", tmp_path / "released.txt"
    folder.mkdir(parents=True)
    for name in ("__init__", "0001_initial", "0002_more", "0003_same"):
        (folder / f"{name}.py").write_text("a = 1\n")
    assert released.release(file, tmp_path) == 3
    assert released.names(file) == {("shop", "0001_initial"), ("shop", "0002_more"), ("shop", "0003_same")}
    assert list(released.changed(file, tmp_path)) == []
    (folder / "0001_initial.py").write_text("a = 2\n")
    (folder / "0002_more.py").unlink()
    (folder / "0003_same.py").write_bytes(b"a = 1\r\n")
    first, second = released.changed(file, tmp_path)
    assert first.startswith("shop/migrations/0001_initial.py: a released migration was changed.")
    assert second.startswith("shop/migrations/0002_more.py: a released migration was deleted.")


@pytest.mark.django_db(transaction=True)
def test_online_index_is_created_and_removed() -> None:
    def indexes() -> set[str]:
        with connection.cursor() as cursor:
            return set(connection.introspection.get_constraints(cursor, Cart._meta.db_table))

    before = ProjectState.from_apps(Cart._meta.apps)
    after = before.clone()
    operation = AddIndexOnline("cart", models.Index(fields=["total"], name="cart_by_total"))
    operation.state_forwards("carts", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("carts", editor, before, after)
    assert "cart_by_total" in indexes()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("carts", editor, after, before)
    assert "cart_by_total" not in indexes()
