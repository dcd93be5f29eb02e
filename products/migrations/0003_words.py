"""Full-text search in words that the shop makes: FTS5 tables on SQLite, generated columns on PostgreSQL.

The database only splits the stored words at spaces, so its locale and its parsers do not matter. It keeps the index up
to date with the columns for words; the models keep these up to date with the texts. A later migration that changes the
columns for words must, on PostgreSQL, drop the generated columns before the change and add them again after it. On
SQLite, where Django can copy the whole table, it must create the triggers again.
"""

from importlib import import_module

from django.db import migrations, models

from core.text.words import words_of, words_of_name, words_of_title

old = import_module("products.migrations.0002_search")

COLUMNS = ["title_words", "sku_words", "description_words"]
NAME = "string_to_array(title_words || ' ' || sku_words, ' ', '')"
ALL = "string_to_array(title_words || ' ' || sku_words || ' ' || description_words, ' ', '')"
POSTGRESQL = [
    f"""ALTER TABLE products_product
        ADD COLUMN search_name tsvector GENERATED ALWAYS AS (array_to_tsvector(array_remove({NAME}, NULL))) STORED,
        ADD COLUMN search tsvector GENERATED ALWAYS AS (array_to_tsvector(array_remove({ALL}, NULL))) STORED""",
    "CREATE INDEX product_search_name ON products_product USING gin (search_name)",
    "CREATE INDEX product_search ON products_product USING gin (search)",
]


def sqlite_statements(table, columns, prefixes="2 3"):
    """Return the statements that create an FTS5 table for these columns of the products, and its triggers.

    Words that begin with a text of one of the lengths in `prefixes` are found in an index.
    """
    names = ", ".join(columns)
    add = f"INSERT INTO {table}(rowid, {names}) VALUES (new.id, {', '.join(f'new.{name}' for name in columns)});"
    take_out = f"""INSERT INTO {table}({table}, rowid, {names})
                   VALUES ('delete', old.id, {', '.join(f'old.{name}' for name in columns)});"""
    return [
        # The tokenizer splits at spaces and treats all characters that are not ASCII as letters.
        f"""CREATE VIRTUAL TABLE {table} USING fts5({names}, content='products_product', content_rowid='id',
            prefix='{prefixes}', detail='none', tokenize='ascii')""",
        f"INSERT INTO {table}({table}) VALUES ('rebuild')",
        f"CREATE TRIGGER {table}_insert AFTER INSERT ON products_product BEGIN {add} END",
        f"CREATE TRIGGER {table}_delete AFTER DELETE ON products_product BEGIN {take_out} END",
        f"""CREATE TRIGGER {table}_update AFTER UPDATE OF {names} ON products_product
            WHEN {' OR '.join(f'old.{name} <> new.{name}' for name in columns)}
            BEGIN {take_out} {add} END""",
    ]


def sqlite_undo(table):
    return [*(f"DROP TRIGGER {table}_{event}" for event in ("insert", "delete", "update")), f"DROP TABLE {table}"]


SQLITE = sqlite_statements("products_search_name", COLUMNS[:2]) + sqlite_statements("products_search", COLUMNS)
UNDO = {
    "postgresql": ["ALTER TABLE products_product DROP COLUMN search, DROP COLUMN search_name"],
    "sqlite": sqlite_undo("products_search_name") + sqlite_undo("products_search"),
}
OLD_UNDO = {
    "postgresql": ["ALTER TABLE products_product DROP COLUMN search, DROP COLUMN search_title"],
    "sqlite": old.UNDO["sqlite"],
}
CHUNK = 1000
UPDATE = "UPDATE products_product SET title_words = %s, sku_words = %s, description_words = %s WHERE id = %s"


def drop_old_index(apps, editor):
    old.run(editor, OLD_UNDO[editor.connection.vendor])


def restore_old_index(apps, editor):
    old.run(editor, old.SQLITE if editor.connection.vendor == "sqlite" else old.POSTGRESQL)


def fill(apps, editor):
    products = apps.get_model("products", "Product").objects.using(editor.connection.alias)
    ids = list(products.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(ids), CHUNK):
        rows = products.filter(pk__in=ids[first : first + CHUNK]).values_list("title", "sku", "description", "pk")
        words = [
            (words_of_title(title), words_of_name(sku), words_of(description), pk)
            for title, sku, description, pk in rows
        ]
        with editor.connection.cursor() as cursor:
            cursor.executemany(UPDATE, words)


def add_index(apps, editor):
    old.run(editor, SQLITE if editor.connection.vendor == "sqlite" else POSTGRESQL)


def drop_index(apps, editor):
    old.run(editor, UNDO[editor.connection.vendor])


class Migration(migrations.Migration):

    dependencies = [("products", "0002_search")]

    operations = [
        migrations.RunPython(drop_old_index, restore_old_index),
        *(
            migrations.AddField("product", name, models.TextField(db_default="", default="", editable=False))
            for name in COLUMNS
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(add_index, drop_index),
    ]
