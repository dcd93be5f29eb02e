"""Add the withdrawal period of products.

On SQLite, Django copies the table for a new column, which removes the triggers of the search. They are created again.
"""

from importlib import import_module

from django.db import migrations, models

prefixes = import_module("products.migrations.0005_prefixes")
words = prefixes.words


def create_triggers(apps, editor):
    if editor.connection.vendor != "sqlite":
        return
    for table, columns in prefixes.TABLES.items():
        drop = [f"DROP TRIGGER IF EXISTS {table}_{event}" for event in ("insert", "delete", "update")]
        create = [sql for sql in words.sqlite_statements(table, columns) if sql.startswith("CREATE TRIGGER")]
        words.old.run(editor, drop + create)


class Migration(migrations.Migration):
    """Add Product.withdrawal_days and Product.withdrawal_exclusion."""

    dependencies = [("products", "0006_page_versions")]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, create_triggers),
        migrations.AddField(
            "product",
            "withdrawal_days",
            models.PositiveSmallIntegerField(
                db_default=14,
                default=14,
                help_text="At least 14. Enter 0 only for items that the law excludes from the right of withdrawal.",
                verbose_name="withdrawal period in days",
            ),
        ),
        migrations.AddField(
            "product",
            "withdrawal_exclusion",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Shown to shoppers before they buy. Only for a period of 0 days.",
                max_length=200,
                verbose_name="reason without right of withdrawal",
            ),
        ),
        migrations.RunPython(create_triggers, migrations.RunPython.noop),
    ]
