"""Operations for migrations that run while the shop serves."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, AddIndex


class AddIndexOnline(AddIndexConcurrently):
    """Create an index while others write to the table. The migration needs `atomic = False`.

    On SQLite it is a plain AddIndex. If it fails on PostgreSQL, an invalid index is left: drop it and migrate again.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddFieldInPlace(AddField):
    """Add a column that has a constant `db_default` without copying the table on SQLite.

    Django copies it for each required column, and the copy has no triggers.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            model = to_state.apps.get_model(app_label, self.model_name)
            BaseDatabaseSchemaEditor.add_field(schema_editor, model, model._meta.get_field(self.name))
        else:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
