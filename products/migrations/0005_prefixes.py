"""An index on SQLite for the beginnings of up to ten characters that words have, instead of up to three.

Otherwise SQLite would read all products with a common word like "table" before it returns the first one.
"""

from importlib import import_module

from django.db import migrations

words = import_module("products.migrations.0003_words")

TABLES = {"products_search_name": words.COLUMNS[:2], "products_search": words.COLUMNS}


def create_tables(editor, prefixes):
    if editor.connection.vendor == "sqlite":
        for table, columns in TABLES.items():
            statements = words.sqlite_undo(table) + words.sqlite_statements(table, columns, prefixes)
            words.old.run(editor, statements)


def use_long_prefixes(apps, editor):
    create_tables(editor, "2 3 4 5 6 7 8 9 10")


def use_short_prefixes(apps, editor):
    create_tables(editor, "2 3")


class Migration(migrations.Migration):

    dependencies = [("products", "0004_spelling")]

    operations = [migrations.RunPython(use_long_prefixes, use_short_prefixes)]
